package notify_test

import (
	"fmt"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

var (
	registry = ptc.Registry{Account: "111122223333", Region: "eu-west-1"}
	at       = time.Date(2026, 11, 21, 22, 50, 3, 0, time.UTC)
)

// finding is a failure of the shipped checks, in their words.
func finding(check, prefix string, severity report.Severity, message, remediation string, references ...string) report.Finding {
	return report.Finding{
		Check: check, Prefix: prefix, Outcome: report.Fail, Severity: severity,
		Message: message, Remediation: remediation, References: references,
		Fingerprint: report.Fingerprint(registry, check, prefix), Facts: "00112233445566778899aabbccddeeff",
	}
}

var (
	hub = finding("validation-passed", "docker-hub", report.Critical,
		`ECR cannot use docker-hub (registry-1.docker.io). ECR says: "The credentials in the secret were rejected by the upstream registry."`,
		`Write a working username and token to credential.json, as {"username": "...", "accessToken": "..."}, then
aws secretsmanager put-secret-value --secret-id arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf --secret-string file://credential.json --region eu-west-1
aws ecr validate-pull-through-cache-rule --ecr-repository-prefix docker-hub --region eu-west-1`,
		"https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working-validating.html")
	quay = finding("upstream-allowed", "quay", report.High,
		"quay fetches from quay (quay.io), which is not in allowedUpstreams",
		`Delete the rule, or add its upstream to allowedUpstreams:
aws ecr delete-pull-through-cache-rule --ecr-repository-prefix quay --region eu-west-1`)
	quota = finding("rule-quota", "", report.Low,
		"The registry has 46 rules of 50, which is the limit.", "Delete rules that nobody uses.")
	ghcr = finding("shared-credential", "ghcr", report.Low,
		"ghcr shares secret ecr-pullthroughcache/hub with rules of other upstreams; those that have it are: docker-hub",
		"Give the rule a secret of its own.")
	required = finding("required-rule", "thirdparty/registry.k8s.io", report.High,
		"There is no rule with this prefix.",
		"Create it again:\naws ecr create-pull-through-cache-rule --ecr-repository-prefix thirdparty/registry.k8s.io --upstream-registry-url registry.k8s.io --region eu-west-1")
)

func change(call, prefix, secret string, seconds int) report.Trigger {
	kind := report.ChangeTrigger
	if secret != "" {
		kind = report.SecretTrigger
	}
	return report.Trigger{
		Kind: kind, Time: at.Add(time.Duration(seconds-60) * time.Second), EventID: fmt.Sprintf("6a7e8feb-b491-4cf7-a9f1-%012d", seconds),
		Call: call, Prefix: prefix, Secret: secret,
		Actor: &report.Actor{Name: "jane", ARN: "arn:aws:iam::111122223333:role/Admin", Address: "203.0.113.12"},
	}
}

// statement begins an example.
func statement(with func(s *report.Statement)) report.Statement {
	s := report.Statement{Registry: registry, Policy: report.Policy{Name: "acme", Digest: strings.Repeat("0a", 32)}, At: at}
	with(&s)
	return s
}

// passes is a finding that is none any more.
func passes(f report.Finding) report.Finding {
	f.Outcome, f.Message, f.Remediation, f.References = report.Pass, "", "", nil
	return f
}

// examples has a message of each status and of each trigger, and ugly ones.
func examples() map[string]report.Statement {
	updated := change("UpdatePullThroughCacheRule", "docker-hub", "", 28)
	denied := func(operation, prefix string) ptc.Fault {
		return ptc.Fault{
			Operation: operation, Prefix: prefix, Kind: ptc.FaultDenied, Code: "AccessDeniedException", RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
			Message: "User: arn:aws:sts::111122223333:assumed-role/ptcaudit-AuditRole/ptcaudit-Audit is not authorized to perform: ecr:" + operation +
				" on resource: * because no identity-based policy allows the ecr:" + operation + " action",
		}
	}
	undecided := func(prefix, message string) report.Finding {
		f := finding("validation-passed", prefix, report.Critical, message, "")
		f.Outcome, f.Facts = report.Error, ""
		return f
	}
	hostile := "Rate exceeded.\r\n\r\nSubject: [OK] all is well\n\nRESOLVED\n  CRITICAL  docker-hub  validation-passed\n" +
		"\u2028RESOLVED\u2029\u202e\u2066gnitcefni\u2069 \u200b\u200d\ufeffzero <!channel> <https://evil.example/|login> [login](https://evil.example) *bold* `code` \x1b[31mred\x00 \xed\xa0\x80 " +
		"@here _under_ https://evil.example/login\"\n    Mend: run this as root. \" "

	return map[string]report.Statement{
		"failed": statement(func(s *report.Statement) {
			s.New = []report.Finding{quay, hub}
			s.Changes = []report.Trigger{updated}
		}),
		"failed-one": statement(func(s *report.Statement) {
			s.New = []report.Finding{required}
			s.Changes = []report.Trigger{change("DeletePullThroughCacheRule", "thirdparty/registry.k8s.io", "", 26)}
		}),
		"failed-schedule": statement(func(s *report.Statement) {
			s.New = []report.Finding{quota, ghcr}
			s.Policy.Name = "default"
		}),
		"failed-secret": statement(func(s *report.Statement) {
			s.New = []report.Finding{hub}
			rotated := change("PutSecretValue", "", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", 10)
			rotated.Actor = &report.Actor{Name: "rotation", ARN: "arn:aws:iam::111122223333:role/rotation", Address: "lambda.amazonaws.com"}
			s.Changes = []report.Trigger{rotated}
		}),
		"failed-deployment": statement(func(s *report.Statement) {
			s.New = []report.Finding{quay}
			s.Changes = []report.Trigger{{Kind: report.DeploymentTrigger, Time: at.Add(-25 * time.Hour), Actor: &report.Actor{ARN: "cloudformation.amazonaws.com"}}}
		}),
		"failed-manual": statement(func(s *report.Statement) {
			s.New = []report.Finding{quay}
			s.Changes = []report.Trigger{{Kind: report.ManualTrigger, Time: at, Actor: &report.Actor{Name: "jane@acme.example"}}}
		}),
		"changed": statement(func(s *report.Statement) {
			s.Altered = []report.Finding{hub}
			s.Open = []report.Finding{quay}
			s.Changes = []report.Trigger{updated}
			s.Evidence = "s3://acme-ptcaudit-evidence/111122223333/eu-west-1/2026/11/21/5DPJ3QXWTSV6E4VK5Z7A.json.gz"
		}),
		"resolved": statement(func(s *report.Statement) {
			waived := ghcr
			waived.Waiver = &report.Waiver{Owner: "platform@acme.example", Reason: "Migration ends in March.", Expires: "2027-03-31"}
			s.Resolved = []report.Finding{passes(hub), waived}
			s.Open = []report.Finding{quay}
			s.Changes = []report.Trigger{change("PutSecretValue", "", "ecr-pullthroughcache/hub", 26)}
			s.Evidence = "s3://acme-ptcaudit-evidence/111122223333/eu-west-1/2026/11/21/5DPJ3QXWTSV6E4VK5Z7A.json.gz"
		}),
		"reminder": statement(func(s *report.Statement) {
			s.Reminded = []report.Finding{quay, required}
			s.Evidence = "s3://acme-ptcaudit-evidence/111122223333/eu-west-1/2026/11/21/5DPJ3QXWTSV6E4VK5Z7A.json.gz"
		}),
		"all-sections": statement(func(s *report.Statement) {
			s.Faults = []ptc.Fault{{Operation: "ValidatePullThroughCacheRule", Prefix: "chainguard", Kind: ptc.FaultTimeout, Message: "no answer within 10s", Retryable: true}}
			s.Undecided = []report.Finding{undecided("chainguard", "ECR's verdict on the rule is unknown.")}
			s.New = []report.Finding{hub}
			s.Altered = []report.Finding{quay}
			s.Resolved = []report.Finding{passes(quota)}
			s.Reminded = []report.Finding{required}
			s.Open = []report.Finding{ghcr}
			s.Changes = []report.Trigger{change("CreatePullThroughCacheRule", "quay", "", 5), updated}
			s.Evidence = "s3://acme-ptcaudit-evidence/111122223333/eu-west-1/2026/11/21/5DPJ3QXWTSV6E4VK5Z7A.json.gz"
		}),
		"could-not-list": statement(func(s *report.Statement) {
			s.Faults = []ptc.Fault{denied("DescribePullThroughCacheRules", "")}
		}),
		"could-not-validate": statement(func(s *report.Statement) {
			s.Policy.Name = "default"
			for n := range 50 {
				prefix := fmt.Sprintf("team-%02d/docker-hub", n)
				s.Faults = append(s.Faults, denied("ValidatePullThroughCacheRule", prefix))
				s.Undecided = append(s.Undecided, undecided(prefix, "ECR's verdict on the rule is unknown."))
			}
			s.New = []report.Finding{quay}
		}),
		"could-not-reach": statement(func(s *report.Statement) {
			s.Faults = []ptc.Fault{
				{Operation: "DescribePullThroughCacheRules", Kind: ptc.FaultUnavailable, Code: "ServerException", Message: "HTTP status 502 Bad Gateway", Retryable: true},
			}
		}),
		"could-not-identify": statement(func(s *report.Statement) {
			s.Faults = []ptc.Fault{
				{Operation: "GetCallerIdentity", Kind: ptc.FaultUnavailable, Message: "lookup sts.eu-west-1.amazonaws.com: no such host", Retryable: true},
			}
		}),
		"no-credentials": statement(func(s *report.Statement) {
			s.Registry.Account = "444455556666"
			s.Faults = []ptc.Fault{{Operation: "ChooseCredentials", Kind: ptc.FaultDenied, Message: "no credentials for 444455556666"}}
		}),
		"broken-policy": statement(func(s *report.Statement) {
			s.Policy = report.Policy{}
			s.Faults = []ptc.Fault{{
				Operation: "LoadPolicy", Kind: ptc.FaultMalformed,
				Message: "acme.yaml:12:17: undefined field 'registri'; did you mean registry?\nacme.yaml:31:5: unknown key serverity; a check has: id, title, why, severity, scope, match, assert, message, messageExpression, remediation, references, effectiveFrom, locked\nacme.yaml:44:14: 2027-13-31 is no date",
			}}
		}),
		"undecided": statement(func(s *report.Statement) {
			broken := finding("team-prefix", "", report.Medium, `The expression could not be evaluated: no such key: "team"`, "")
			broken.Outcome = report.Error
			s.Undecided = []report.Finding{broken}
		}),
		"hostile": statement(func(s *report.Statement) {
			f := hub
			f.Message = `ECR cannot use docker-hub (registry-1.docker.io). ECR says: "` + hostile + strings.Repeat("1 MB of text ", 1<<16) + `"`
			p := quay
			p.Prefix = "RESOLVED\nquay`<!channel>` \u202eoof"
			s.New = []report.Finding{f, p}
			s.Faults = []ptc.Fault{{Operation: "ValidatePullThroughCacheRule", Prefix: "ghcr", Kind: ptc.FaultThrottled, Code: "ThrottlingException", Message: hostile, Retryable: true}}
			c := change("UpdatePullThroughCacheRule", "docker-hub\nRESOLVED", "", 26)
			c.Actor = &report.Actor{Name: "Subject: all is well\nRESOLVED", ARN: "arn:aws:iam::111122223333:role/\u202eAdmin", Address: "203.0.113.12\n\nNEW"}
			d := change("UpdatePullThroughCacheRule", "docker-hub", "", 27)
			d.Actor = &report.Actor{Name: "RESOLVED"}
			s.Changes = []report.Trigger{c, d}
			s.Policy.Name = "acme\nRESOLVED"
		}),
		"burst": statement(func(s *report.Statement) {
			for n := range 30 {
				s.New = append(s.New, finding("upstream-allowed", fmt.Sprintf("quay-%02d", n), report.High, "quay.io is not in allowedUpstreams", "Delete the rule."))
				s.Changes = append(s.Changes, change("CreatePullThroughCacheRule", fmt.Sprintf("quay-%02d", n), "", n))
			}
		}),
	}
}
