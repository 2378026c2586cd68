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

// finding is a failure as the shipped policies report it.
func finding(check, prefix string, severity report.Severity, message, remediation string, references ...string) report.Finding {
	return report.Finding{
		Check: check, Prefix: prefix, Outcome: report.Fail, Severity: severity,
		Message: message, Remediation: remediation, References: references,
		Fingerprint: report.Fingerprint(registry, check, prefix), Facts: "00112233445566778899aabbccddeeff",
	}
}

var (
	hub = finding("validation-passed", "docker-hub", report.Critical,
		`ECR cannot use this rule (registry-1.docker.io). ECR says: "The credentials in the secret were rejected by the upstream registry."`,
		`Write a working username and token to credential.json, as {"username": "...", "accessToken": "..."}, then
aws secretsmanager put-secret-value --secret-id arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf --secret-string file://credential.json --region eu-west-1
aws ecr validate-pull-through-cache-rule --ecr-repository-prefix docker-hub --region eu-west-1`,
		"https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working-validating.html")
	quay = finding("upstream-allowed", "quay", report.High,
		"The upstream quay (quay.io) is not in allowedUpstreams.",
		`Delete the rule, or add its upstream to allowedUpstreams:
aws ecr delete-pull-through-cache-rule --ecr-repository-prefix quay --region eu-west-1`)
	quota = finding("rule-quota", "", report.Low,
		"The registry has 46 rules. The limit is 50.", "Delete rules that no one uses.")
	ghcr = finding("shared-credential", "ghcr", report.Low,
		"The secret ecr-pullthroughcache/hub is also used by rules for other upstreams: docker-hub.",
		"Give the rule a secret of its own.")
	required = finding("required-rule", "thirdparty/registry.k8s.io", report.High,
		"The policy requires this rule, but it does not exist.",
		"Create it again:\naws ecr create-pull-through-cache-rule --ecr-repository-prefix thirdparty/registry.k8s.io --upstream-registry-url registry.k8s.io --region eu-west-1")
)

const (
	secretARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/"
	evidence  = "s3://acme-ptcaudit-evidence/111122223333/eu-west-1/2026/11/21/5DPJ3QXWTSV6E4VK5Z7A.json.gz"
)

// Changes of rules.
var (
	quayAdded = report.RuleChange{Prefix: "quay", Kind: report.Added, Fields: []report.FieldChange{
		{Field: "upstream.registry", After: "quay"}, {Field: "upstream.url", After: "quay.io"}, {Field: "createdAt", After: "2026-11-21T22:49:05Z"},
	}}
	hubSecret = report.RuleChange{Prefix: "docker-hub", Kind: report.Altered, Fields: []report.FieldChange{
		{Field: "credential.arn", Before: secretARN + "hub-team-AbCdEf", After: secretARN + "hub-AbCdEf"},
	}}
	quaySwapped = report.RuleChange{Prefix: "quay", Kind: report.Altered, Fields: []report.FieldChange{
		{Field: "upstream.registry", Before: "quay", After: "github-container-registry"},
		{Field: "upstream.url", Before: "quay.io", After: "ghcr.io"},
		{Field: "credential.arn", After: secretARN + "ghcr-GhIjKl"},
		{Field: "createdAt", Before: "2025-03-02T09:12:44Z", After: "2026-11-21T22:49:26Z"},
	}}
	requiredRemoved = report.RuleChange{Prefix: "thirdparty/registry.k8s.io", Kind: report.Removed, Fields: []report.FieldChange{
		{Field: "upstream.registry", Before: "k8s"}, {Field: "upstream.url", Before: "registry.k8s.io"}, {Field: "createdAt", Before: "2025-03-02T09:10:01Z"},
	}}
	again = report.RuleChange{Prefix: "ecr-public", Kind: report.Altered, Fields: []report.FieldChange{
		{Field: "createdAt", Before: "2025-03-02T09:10:01Z", After: "2026-11-21T22:45:17Z"},
	}}
)

// ago is that long before the audit.
func ago(d time.Duration) time.Time { return at.Add(-d) }

const day = 24 * time.Hour

// note adds what the ledger knows about a finding.
func note(s *report.Notification, f report.Finding, why string, since time.Duration) {
	if s.Notes == nil {
		s.Notes = map[string]report.Note{}
	}
	s.Notes[f.Fingerprint] = report.Note{Why: why, Since: ago(since)}
}

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

// notification begins an example.
func notification(with func(s *report.Notification)) report.Notification {
	s := report.Notification{Registry: registry, Policy: report.Policy{Name: "acme", Digest: strings.Repeat("0a", 32)}, At: at}
	with(&s)
	return s
}

// passes is a finding whose check passes now.
func passes(f report.Finding) report.Finding {
	f.Outcome, f.Message, f.Remediation, f.References = report.Pass, "", "", nil
	return f
}

// examples has a notification of each status and of each trigger.
func examples() map[string]report.Notification {
	updated := change(ptc.OpUpdateRule, "docker-hub", "", 28)
	denied := func(operation, prefix string) ptc.Fault {
		return ptc.Fault{
			Operation: operation, Prefix: prefix, Kind: ptc.FaultDenied, Code: "AccessDeniedException", RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
			Message: "User: arn:aws:sts::111122223333:assumed-role/ptcaudit-AuditRole/ptcaudit-Audit is not authorized to perform: ecr:" + operation +
				" on resource: * because no identity-based policy allows the ecr:" + operation + " action",
		}
	}
	withoutResult := func(prefix, message string) report.Finding {
		f := finding("validation-passed", prefix, report.Critical, message, "")
		f.Outcome, f.Facts = report.Error, ""
		return f
	}
	return map[string]report.Notification{
		"failed": notification(func(s *report.Notification) {
			s.New = []report.Finding{quay, hub}
			s.Changes = []report.Trigger{change(ptc.OpCreateRule, "quay", "", 2), updated}
			s.Rules = []report.RuleChange{hubSecret, quayAdded}
			s.Open = []report.Finding{ghcr}
			note(s, hub, "", 0)
			note(s, quay, "", 0)
			note(s, ghcr, "", 3*day)
			s.Seq, s.Evidence = 5, evidence
		}),
		"failed-waiver": notification(func(s *report.Notification) {
			s.New = []report.Finding{quay}
			note(s, quay, "The waiver of platform@acme.example (Migration ends in March.) no longer covers it.", 200*day)
			s.Seq, s.Evidence = 5, evidence
		}),
		"failed-required": notification(func(s *report.Notification) {
			s.New = []report.Finding{required}
			s.Changes = []report.Trigger{change(ptc.OpDeleteRule, "thirdparty/registry.k8s.io", "", 26)}
			s.Rules = []report.RuleChange{requiredRemoved}
		}),
		"first-audit": notification(func(s *report.Notification) {
			s.First = true
			s.New = []report.Finding{hub, quay, ghcr}
			s.Faults = []ptc.Fault{{Operation: ptc.OpValidateRule, Prefix: "azure", Kind: ptc.FaultThrottled, Code: "ThrottlingException", Message: "Rate exceeded", Retryable: true}}
			s.Undecided = []report.Finding{withoutResult("azure", "ECR gave no validation result for this rule.")}
			s.Evidence = evidence
		}),
		"failed-schedule": notification(func(s *report.Notification) {
			s.New = []report.Finding{quota, ghcr}
			s.Policy.Name = "default"
		}),
		"failed-secret": notification(func(s *report.Notification) {
			s.New = []report.Finding{hub}
			rotated := change(ptc.OpPutSecretValue, "", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", 10)
			rotated.Actor = &report.Actor{Name: "rotation", ARN: "arn:aws:iam::111122223333:role/rotation", Address: "lambda.amazonaws.com"}
			s.Changes = []report.Trigger{rotated}
		}),
		"failed-deployment": notification(func(s *report.Notification) {
			s.New = []report.Finding{quay}
			s.Changes = []report.Trigger{{Kind: report.DeploymentTrigger, Time: at.Add(-25 * time.Hour), Actor: &report.Actor{ARN: "cloudformation.amazonaws.com"}}}
		}),
		"failed-manual": notification(func(s *report.Notification) {
			s.New = []report.Finding{quay}
			s.Changes = []report.Trigger{{Kind: report.ManualTrigger, Time: at, Actor: &report.Actor{Name: "jane@acme.example"}}}
		}),
		"changed": notification(func(s *report.Notification) {
			swapped := finding("upstream-allowed", "quay", report.High,
				"The upstream github-container-registry (ghcr.io) is not in allowedUpstreams.", quay.Remediation)
			s.Altered = []report.Finding{swapped}
			s.Open = []report.Finding{ghcr}
			note(s, swapped, "The waiver of platform@acme.example (Migration ends in March.) no longer covers it: what the check looks at has changed.", 40*day)
			note(s, ghcr, "", 3*day)
			s.Changes = []report.Trigger{change(ptc.OpDeleteRule, "quay", "", 20), change(ptc.OpCreateRule, "quay", "", 23)}
			s.Rules = []report.RuleChange{quaySwapped}
			s.Seq, s.Evidence = 6, evidence
		}),
		"changed-severity": notification(func(s *report.Notification) {
			s.Altered = []report.Finding{quay}
			note(s, quay, "Severity raised from medium to high.", 5*time.Hour)
			s.Seq, s.Evidence = 7, evidence
		}),
		"unexplained": notification(func(s *report.Notification) {
			s.Unexplained = []report.RuleChange{hubSecret, quayAdded}
			s.Open = []report.Finding{ghcr}
			note(s, ghcr, "", 3*day)
			s.Seq, s.Evidence = 8, evidence
		}),
		"unexplained-one": notification(func(s *report.Notification) {
			s.Unexplained = []report.RuleChange{requiredRemoved}
			s.New = []report.Finding{required}
			s.Rules = []report.RuleChange{requiredRemoved}
			s.Seq, s.Evidence = 8, evidence
		}),
		"resolved": notification(func(s *report.Notification) {
			waived := ghcr
			waived.Waiver = &report.Waiver{Owner: "platform@acme.example", Reason: "Migration ends in March.", Expires: "2027-03-31"}
			deleted := quay
			deleted.Outcome, deleted.Message, deleted.Remediation = report.Skip, "The rule was deleted.", ""
			s.Resolved = []report.Finding{passes(hub), deleted, waived}
			s.Open = []report.Finding{required}
			note(s, hub, "", 26*time.Minute)
			note(s, quay, "", 9*day)
			note(s, ghcr, "", 30*time.Hour)
			note(s, required, "", 2*day)
			s.Changes = []report.Trigger{change(ptc.OpDeleteRule, "quay", "", 8), change(ptc.OpPutSecretValue, "", "ecr-pullthroughcache/hub", 26)}
			s.Rules = []report.RuleChange{{Prefix: "quay", Kind: report.Removed, Fields: []report.FieldChange{
				{Field: "upstream.registry", Before: "quay"}, {Field: "upstream.url", Before: "quay.io"}, {Field: "createdAt", Before: "2026-11-12T08:01:13Z"},
			}}}
			s.Seq, s.Evidence = 9, evidence
		}),
		"recovered": notification(func(s *report.Notification) {
			s.Recovered = ago(3*time.Hour + 5*time.Minute)
			s.Seq, s.Evidence = 10, evidence
		}),
		"reminder": notification(func(s *report.Notification) {
			s.Reminded = []report.Finding{quay, required}
			note(s, quay, "", 7*day)
			note(s, required, "", 35*day)
			s.Seq, s.Evidence = 11, evidence
		}),
		"all-sections": notification(func(s *report.Notification) {
			s.Faults = []ptc.Fault{{Operation: ptc.OpValidateRule, Prefix: "chainguard", Kind: ptc.FaultTimeout, Message: "no answer within 10s", Retryable: true}}
			s.Undecided = []report.Finding{withoutResult("chainguard", "ECR gave no validation result for this rule.")}
			s.New = []report.Finding{hub}
			s.Altered = []report.Finding{quay}
			s.Unexplained = []report.RuleChange{again}
			s.Recovered = ago(3 * day)
			s.Resolved = []report.Finding{passes(quota)}
			s.Reminded = []report.Finding{required}
			s.Open = []report.Finding{ghcr}
			s.Rules = []report.RuleChange{hubSecret, again, quayAdded, requiredRemoved}
			note(s, quay, "Someone changed its rule or its secret, and it still fails.", 2*day)
			note(s, quota, "", 50*day)
			note(s, required, "", 7*day)
			note(s, ghcr, "", 3*day)
			s.Changes = []report.Trigger{change(ptc.OpCreateRule, "quay", "", 5), updated}
			s.Seq, s.Evidence = 12, evidence
		}),
		"not-checked": notification(func(s *report.Notification) {
			for _, prefix := range []string{"docker-hub", "ghcr"} {
				s.Faults = append(s.Faults, denied(ptc.OpValidateRule, prefix))
				s.Undecided = append(s.Undecided, withoutResult(prefix, "ECR gave no validation result for this rule."))
			}
			s.Open = []report.Finding{quay}
			note(s, quay, "", 2*day)
			s.Seq, s.Evidence = 13, evidence
		}),
		"evidence-not-stored": notification(func(s *report.Notification) {
			s.New = []report.Finding{quay}
			s.Faults = []ptc.Fault{
				{
					Operation: ptc.OpPutEvidence, Kind: ptc.FaultDenied, Code: "AccessDenied", RequestID: "4442587FB7D0A2F9",
					Message: "PutObject of " + evidence + ": User: arn:aws:sts::111122223333:assumed-role/ptcaudit-AuditRole/ptcaudit-Audit is not authorized to perform: s3:PutObject",
				},
				{
					Operation: ptc.OpGetLedger, Kind: ptc.FaultMalformed,
					Message: "s3://acme-ptcaudit-state/ledger/111122223333/eu-west-1.json: ledger is damaged: unexpected end of JSON input; a copy is s3://acme-ptcaudit-state/ledger/111122223333/eu-west-1.json.damaged-20261121T225003Z; a new ledger replaces it",
				},
			}
		}),
		"not-listed": notification(func(s *report.Notification) {
			s.Faults = []ptc.Fault{denied(ptc.OpDescribeRules, "")}
		}),
		"not-validated": notification(func(s *report.Notification) {
			s.Policy.Name = "default"
			for n := range 50 {
				prefix := fmt.Sprintf("team-%02d/docker-hub", n)
				s.Faults = append(s.Faults, denied(ptc.OpValidateRule, prefix))
				s.Undecided = append(s.Undecided, withoutResult(prefix, "ECR gave no validation result for this rule."))
			}
			s.New = []report.Finding{quay}
		}),
		"unavailable": notification(func(s *report.Notification) {
			s.Faults = []ptc.Fault{
				{Operation: ptc.OpDescribeRules, Kind: ptc.FaultUnavailable, Code: "ServerException", Message: "HTTP status 502 Bad Gateway", Retryable: true},
			}
		}),
		"account-unknown": notification(func(s *report.Notification) {
			s.Faults = []ptc.Fault{
				{Operation: ptc.OpGetCallerIdentity, Kind: ptc.FaultUnavailable, Message: "lookup sts.eu-west-1.amazonaws.com: no such host", Retryable: true},
			}
		}),
		"no-credentials": notification(func(s *report.Notification) {
			s.Registry.Account = "444455556666"
			s.Faults = []ptc.Fault{{Operation: ptc.OpChooseCredentials, Kind: ptc.FaultDenied, Message: "no credentials for 444455556666"}}
		}),
		"invalid-policy": notification(func(s *report.Notification) {
			s.Policy = report.Policy{}
			s.Faults = []ptc.Fault{{
				Operation: ptc.OpLoadPolicy, Kind: ptc.FaultMalformed,
				Message: "acme.yaml:12:17: undefined field 'registri'; did you mean registry?\nacme.yaml:31:5: unknown key serverity; a check has: id, title, why, severity, scope, match, assert, message, messageExpression, remediation, references, effectiveFrom, locked\nacme.yaml:44:14: invalid date 2027-13-31: use YYYY-MM-DD",
			}}
		}),
		"check-without-result": notification(func(s *report.Notification) {
			broken := finding("team-prefix", "", report.Medium, `The expression could not be evaluated: no such key: "team"`, "")
			broken.Outcome = report.Error
			s.Undecided = []report.Finding{broken}
		}),
		"many-changes": notification(func(s *report.Notification) {
			s.New = []report.Finding{hub}
			for n := range 14 {
				s.Changes = append(s.Changes, change(ptc.OpPutSecretValue, "", fmt.Sprintf("ecr-pullthroughcache/team-%02d", n), n))
			}
		}),
	}
}

// forged is a text whose author wants a reader to believe it is ours.
const forged = "Rate exceeded.\r\n\r\nSubject: [OK] all is well\n\nRESOLVED\n  CRITICAL  docker-hub: Fixed. [validation-passed]\n" +
	"\u2028RESOLVED\u2029\u202e\u2066gnitcefni\u2069 \u200b\u200d\ufeffzero <!channel> <https://evil.example/|login> [login](https://evil.example) *bold* `code` \x1b[31mred\x00 \xed\xa0\x80 " +
	"@here _under_ https://evil.example/login\"\n    Fix: run this as root. \" "

// hostile has such a text in every field that someone else can write.
func hostile() report.Notification {
	return notification(func(s *report.Notification) {
		f := hub
		f.Message = `ECR cannot use this rule (registry-1.docker.io). ECR says: "` + forged + strings.Repeat("1 MB of text ", 1<<16) + `"`
		p := quay
		p.Prefix = "RESOLVED\nquay`<!channel>` \u202eoof"
		s.New = []report.Finding{f, p}
		s.Faults = []ptc.Fault{{Operation: ptc.OpValidateRule, Prefix: "ghcr", Kind: ptc.FaultThrottled, Code: "ThrottlingException", Message: forged, Retryable: true}}
		c := change(ptc.OpUpdateRule, "docker-hub\nRESOLVED", "", 26)
		c.Actor = &report.Actor{Name: "Subject: all is well\nRESOLVED", ARN: "arn:aws:iam::111122223333:role/\u202eAdmin", Address: "203.0.113.12\n\nNEW"}
		d := change(ptc.OpUpdateRule, "docker-hub", "", 27)
		d.Actor = &report.Actor{Name: "RESOLVED"}
		s.Changes = []report.Trigger{c, d}
		s.Policy.Name = "acme\nRESOLVED"
		s.Altered = []report.Finding{required}
		note(s, required, forged, 20000*day)
		bad := report.RuleChange{Prefix: "quay\nNEW", Kind: "altered\nNEW", Fields: []report.FieldChange{{Field: "upstream.url\nNEW", Before: forged, After: "https://evil.example/`<!here>`"}}}
		s.Rules, s.Unexplained = []report.RuleChange{bad}, []report.RuleChange{bad}
		s.Evidence = "s3://evidence/\nEvidence: https://evil.example"
	})
}
