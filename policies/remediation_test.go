package policies_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ptcaudit/internal/aws/ecrapi"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/toolbox"
)

const (
	account = "111122223333"
	region  = "eu-west-1"
	// working is a secret that ECR can use, rejected one whose token the
	// upstream refuses.
	working  = "arn:aws:secretsmanager:" + region + ":" + account + ":secret:ecr-pullthroughcache/working-AbCdEf"
	rejected = "arn:aws:secretsmanager:" + region + ":" + account + ":secret:ecr-pullthroughcache/rejected-AbCdEf"
	role     = "arn:aws:iam::" + account + ":role/pull"
)

// broken is a registry in which a check fails for a prefix.
type broken struct {
	check, prefix string
	// policy follows the head of one that extends default.
	policy string
	rules  []emulator.Rule
	// stays is the reason why no command can fix the failure. The printed
	// commands must still run.
	stays string
}

// A rule of an open upstream, which is sound.
func quay(prefix string) emulator.Rule {
	return emulator.Rule{EcrRepositoryPrefix: prefix, UpstreamRegistryURL: "quay.io"}
}

// A rule of an authenticated upstream, which is sound if its secret is.
func hub(prefix, secret string) emulator.Rule {
	return emulator.Rule{EcrRepositoryPrefix: prefix, UpstreamRegistryURL: "registry-1.docker.io", CredentialArn: secret}
}

// A rule of an ECR upstream, which is sound within the account.
func ecr(prefix, url string) emulator.Rule {
	return emulator.Rule{EcrRepositoryPrefix: prefix, UpstreamRegistryURL: url}
}

// with changes a rule.
func with(r emulator.Rule, change func(*emulator.Rule)) emulator.Rule {
	change(&r)
	return r
}

func fifty() []emulator.Rule {
	var out []emulator.Rule
	for _, a := range "abcdefghij" {
		for _, b := range "abcde" {
			out = append(out, quay(string([]rune{a, b})))
		}
	}
	return out
}

var registries = []broken{
	{check: "validation-passed", prefix: "hub", rules: []emulator.Rule{hub("hub", rejected)}},
	{check: "validation-passed", prefix: "base", stays: "the fault of the role must be fixed in IAM", rules: []emulator.Rule{with(ecr("base", "444455556666.dkr.ecr.eu-west-1.amazonaws.com"), func(r *emulator.Rule) {
		r.CustomRoleArn, r.Validation = role, &emulator.Validation{Failure: "The role cannot be assumed."}
	})}},
	{check: "validation-passed", prefix: "quay", stays: "only its owner can fix the upstream", rules: []emulator.Rule{with(quay("quay"), func(r *emulator.Rule) {
		r.Validation = &emulator.Validation{Failure: "The upstream does not answer."}
	})}},
	{check: "upstream-known", prefix: "future", rules: []emulator.Rule{{EcrRepositoryPrefix: "future", UpstreamRegistryURL: "registry.future.example", UpstreamRegistry: "future"}}},
	{check: "upstream-allowed", prefix: "quay", policy: "params: {allowedUpstreams: [docker-hub]}", rules: []emulator.Rule{quay("quay")}},
	{check: "upstream-url", prefix: "hub", rules: []emulator.Rule{with(hub("hub", working), func(r *emulator.Rule) {
		r.UpstreamRegistry, r.UpstreamRegistryURL, r.UpstreamRepositoryPrefix = "docker-hub", "docker.io", "library"
	})}},
	{check: "upstream-url", prefix: "quay", rules: []emulator.Rule{with(quay("quay"), func(r *emulator.Rule) {
		r.UpstreamRegistry, r.UpstreamRegistryURL = "quay", "quay.acme.example"
	})}},
	{check: "upstream-url", prefix: "azure", rules: []emulator.Rule{{EcrRepositoryPrefix: "azure", UpstreamRegistryURL: "acme.azurecr.us", UpstreamRegistry: "azure-container-registry", CredentialArn: working}}},
	{check: "upstream-url", prefix: "bare", rules: []emulator.Rule{{EcrRepositoryPrefix: "bare", UpstreamRegistryURL: "docker.io", UpstreamRegistry: "docker-hub"}}},
	{check: "upstream-account", prefix: "base", policy: `params: {allowedUpstreamAccounts: ["444455556666"]}`, rules: []emulator.Rule{ecr("base", "111122223333.dkr.ecr.us-east-1.amazonaws.com")}},
	{check: "upstream-region", prefix: "base", policy: "params: {allowedUpstreamRegions: [eu-west-1]}", rules: []emulator.Rule{ecr("base", "111122223333.dkr.ecr.us-east-1.amazonaws.com")}},
	{check: "own-registry", prefix: "base", rules: []emulator.Rule{ecr("base", "111122223333.dkr.ecr.eu-west-1.amazonaws.com")}},
	{check: "credential-required", prefix: "hub", rules: []emulator.Rule{hub("hub", "")}},
	{check: "credential-unneeded", prefix: "quay", rules: []emulator.Rule{with(quay("quay"), func(r *emulator.Rule) { r.CredentialArn = working })}},
	{check: "credential-unneeded", prefix: "base", rules: []emulator.Rule{with(ecr("base", "444455556666.dkr.ecr.us-east-1.amazonaws.com"), func(r *emulator.Rule) {
		r.CredentialArn, r.CustomRoleArn, r.UpstreamRepositoryPrefix = working, role, "team"
	})}},
	{check: "credential-account", prefix: "hub", rules: []emulator.Rule{hub("hub", strings.Replace(working, account, "444455556666", 1))}},
	{check: "credential-account", prefix: "odd", rules: []emulator.Rule{hub("odd", "ecr-pullthroughcache/not-an-arn-but-long-enough-to-be-one-of-them")}},
	{check: "credential-region", prefix: "hub", rules: []emulator.Rule{hub("hub", strings.Replace(working, region, "us-east-1", 1))}},
	{check: "shared-credential", prefix: "hub", rules: []emulator.Rule{hub("hub", working), {EcrRepositoryPrefix: "github", UpstreamRegistryURL: "ghcr.io", CredentialArn: working}}},
	{check: "role-required", prefix: "base", rules: []emulator.Rule{ecr("base", "444455556666.dkr.ecr.eu-west-1.amazonaws.com")}},
	{check: "role-account", prefix: "base", rules: []emulator.Rule{with(ecr("base", "444455556666.dkr.ecr.eu-west-1.amazonaws.com"), func(r *emulator.Rule) {
		r.CustomRoleArn = "arn:aws:iam::444455556666:role/pull"
	})}},
	{check: "role-unneeded", prefix: "hub", rules: []emulator.Rule{with(hub("hub", working), func(r *emulator.Rule) { r.CustomRoleArn, r.UpstreamRepositoryPrefix = role, "library" })}},
	{check: "root-prefix", prefix: "ROOT", rules: []emulator.Rule{ecr("ROOT", "111122223333.dkr.ecr.us-east-1.amazonaws.com")}},
	{check: "root-upstream-prefix", prefix: "ROOT", rules: []emulator.Rule{with(ecr("ROOT", "444455556666.dkr.ecr.eu-west-1.amazonaws.com"), func(r *emulator.Rule) {
		r.CustomRoleArn, r.UpstreamRepositoryPrefix = role, "team"
	})}},
	{check: "prefix-syntax", prefix: "Bad'Prefix", stays: "the API takes such a prefix in no call", rules: []emulator.Rule{quay("Bad'Prefix")}},
	{check: "prefix-allowed", prefix: "quay", policy: `params: {allowedPrefixes: ["team-*"]}`, rules: []emulator.Rule{quay("quay")}},
	{check: "overlapping-prefixes", prefix: "team", rules: []emulator.Rule{quay("team"), with(quay("team/quay"), func(r *emulator.Rule) { r.UpstreamRepositoryPrefix = "quay" })}},
	{check: "duplicate-upstream", prefix: "one", rules: []emulator.Rule{quay("one"), quay("two")}},
	{check: "region-allowed", prefix: "quay", policy: "params: {allowedRegions: [us-east-1]}", rules: []emulator.Rule{quay("quay")}},
	{check: "rule-quota", prefix: "", stays: "only the owner knows which rules are not needed", rules: fifty()},
	{check: "required-rule", prefix: "hub", policy: "requiredRules: [{prefix: hub, upstreamRegistry: docker-hub}]"},
	{check: "required-rule", prefix: "quay", policy: "requiredRules: [{prefix: quay, upstreamUrl: quay.io, upstreamPrefix: acme, credential: forbidden}]", rules: []emulator.Rule{
		with(quay("quay"), func(r *emulator.Rule) { r.CredentialArn = working }),
	}},
	{check: "required-rule", prefix: "base", policy: "requiredRules: [{prefix: base, role: required}]", rules: []emulator.Rule{ecr("base", "111122223333.dkr.ecr.us-east-1.amazonaws.com")}},
	{check: "waiver-expired", prefix: "quay", stays: "a policy is fixed in an editor", policy: `params: {allowedUpstreams: [ecr]}
waivers: [{check: upstream-allowed, prefixes: [quay], owner: o, reason: r, expires: 2026-11-20}]`, rules: []emulator.Rule{quay("quay")}},
	{check: "waiver-ending", prefix: "quay", stays: "a policy is fixed in an editor", policy: `params: {allowedUpstreams: [ecr]}
waivers: [{check: upstream-allowed, prefixes: [quay], owner: o, reason: r, expires: 2026-11-22}]`, rules: []emulator.Rule{quay("quay")}},
	{
		check: "waiver-unused", prefix: "quay", stays: "a policy is fixed in an editor",
		policy: `waivers: [{check: upstream-allowed, prefixes: [quay], accounts: ["111122223333"], regions: [eu-west-1], owner: o, reason: r, expires: 2027-01-01}]`,
		rules:  []emulator.Rule{quay("quay")},
	},
}

// TestFailuresHaveCommands makes each check fail, and expects a command that
// fixes it.
func TestFailuresHaveCommands(t *testing.T) {
	for _, r := range registries {
		t.Run(r.check+" of "+r.prefix, func(t *testing.T) {
			t.Parallel()
			f, fails := newAuditor(t, r.rules, r.policy).find(r.check, r.prefix)
			if !fails {
				t.Fatalf("%s does not fail: %+v", r.check, f)
			}
			if len(commandsOf(f.Remediation)) == 0 && !strings.HasPrefix(r.check, "waiver-") {
				t.Errorf("no command in %q", f.Remediation)
			}
		})
	}
}

// TestRemediations runs the commands of each finding with the AWS CLI against
// the emulator, and expects that the finding is gone.
func TestRemediations(t *testing.T) {
	toolbox.Prove(t)
	tested := map[string]bool{}
	for _, r := range registries {
		tested[r.check] = true
		t.Run(r.check+" of "+r.prefix, func(t *testing.T) {
			t.Parallel()
			a := newAuditor(t, r.rules, r.policy)
			f, fails := a.find(r.check, r.prefix)
			if !fails {
				t.Fatalf("%s does not fail: %+v", r.check, f)
			}
			t.Log(f.Message + "\n" + f.Remediation)
			commands := commandsOf(f.Remediation)
			if len(commands) == 0 && !strings.HasPrefix(r.check, "waiver-") {
				t.Error("the remediation has no command")
			}
			for _, c := range commands {
				if err := a.run(c); err != nil && r.stays == "" {
					t.Error(err)
				}
			}
			switch after, fails := a.find(r.check, r.prefix); {
			case fails && r.stays == "":
				t.Errorf("the finding remains: %s", after.Message)
			case !fails && r.stays != "":
				t.Error("the finding is gone, although " + r.stays)
			}
		})
	}
	for _, c := range load(t, "default").Checks {
		if !tested[c.ID] {
			t.Errorf("%s has no registry here", c.ID)
		}
	}
}

// TestRemediationsAreOneWordPerArgument: a rule's URL can be any text, and a
// person pastes it into a terminal. The shell is real; the AWS CLI only runs
// under PROVE.
func TestRemediationsAreOneWordPerArgument(t *testing.T) {
	rules := []emulator.Rule{{
		EcrRepositoryPrefix: "quay", UpstreamRegistry: "quay", UpstreamRepositoryPrefix: "$(touch pwned)",
		UpstreamRegistryURL: "quay.io\ntouch pwned\n'; touch pwned; '`touch pwned`", CredentialArn: "x; touch pwned",
	}}
	for _, check := range []string{"credential-unneeded", "credential-account", "upstream-url"} {
		t.Run(check, func(t *testing.T) {
			t.Parallel()
			a := newAuditor(t, rules, "")
			f, fails := a.find(check, "quay")
			if !fails {
				t.Fatalf("%s does not fail", check)
			}
			// All commands at once, as if a person copied too much. Errors do
			// not matter.
			commands := strings.Join(commandsOf(f.Remediation), "\n")
			called := filepath.Join(a.dir, "called")
			_ = a.runWith(standIn(t, "touch '"+called+"'"), commands)
			if _, err := os.Stat(called); err != nil {
				t.Errorf("it calls no aws: %v\n%s", err, f.Remediation)
			}
			if toolbox.Rounds(0, 1) == 1 {
				_ = a.run(commands)
			}
			if _, err := os.Stat(filepath.Join(a.dir, "pwned")); !errors.Is(err, os.ErrNotExist) {
				t.Fatalf("a command from the rule ran:\n%s", f.Remediation)
			}
		})
	}
}

// commandsOf are the lines of a remediation that are commands.
func commandsOf(remediation string) []string {
	lines := strings.Split(remediation, "\n")
	return slices.DeleteFunc(lines, func(l string) bool { return !strings.HasPrefix(l, "aws ") })
}

// auditor is an emulator with one registry, its audit, and a terminal.
type auditor struct {
	t      *testing.T
	url    string
	dir    string // where commands run
	policy *policy.Policy
}

func newAuditor(t *testing.T, rules []emulator.Rule, text string) *auditor {
	t.Helper()
	e, err := emulator.New(emulator.Fixture{Registries: []emulator.Registry{{
		Account: account,
		Region:  region,
		Rules:   rules,
		Secrets: []emulator.Secret{{ARN: rejected, State: emulator.SecretRejected}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)

	a := &auditor{t: t, url: server.URL, dir: t.TempDir()}
	for name, text := range map[string]string{
		"credential.json": `{"username": "u", "accessToken": "t"}`,
		"policy.yaml":     "apiVersion: ptcaudit/v1\nname: test\nextends: default\n" + text + "\n",
	} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.policy = load(t, filepath.Join(a.dir, "policy.yaml"))
	return a
}

// find audits the registry, and reports whether a check fails for a prefix.
func (a *auditor) find(check, prefix string) (f report.Finding, fails bool) {
	a.t.Helper()
	client := ecrapi.New(aws.Config{
		BaseEndpoint: aws.String(a.url),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(account, "secret", ""),
	}, ecrapi.Options{})
	in := policy.Input{
		Registry:    ptc.Registry{Account: account, Region: region},
		Validations: map[string]ptc.Validation{},
		Now:         time.Date(2026, 11, 21, 22, 50, 0, 0, time.UTC),
	}
	var err error
	if in.Rules, err = client.Rules(a.t.Context(), in.Registry); err != nil {
		a.t.Fatal(err)
	}
	for _, r := range in.Rules {
		// As in an audit, the result is unknown if the validation fails.
		if v, err := client.Validate(a.t.Context(), in.Registry, r); err == nil {
			in.Validations[r.Prefix] = v
		}
	}
	for _, f := range a.policy.Evaluate(a.t.Context(), in) {
		if f.Check == check && f.Prefix == prefix {
			return f, f.Outcome == report.Fail
		}
	}
	return report.Finding{}, false
}

// standIn gives a folder with an aws that only runs a line of shell.
func standIn(t *testing.T, line string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte("#!/bin/sh\n"+line+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run gives a command to a shell, as a person would.
func (a *auditor) run(command string) error {
	a.t.Helper()
	return a.runWith(filepath.Dir(toolbox.AWS(a.t)), command)
}

// runWith is run with the aws of a folder.
func (a *auditor) runWith(folder, command string) error {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), "sh", "-c", command)
	cmd.Dir = a.dir
	cmd.Env = []string{
		"PATH=" + folder + ":" + os.Getenv("PATH"),
		"AWS_ENDPOINT_URL=" + a.url,
		"AWS_ACCESS_KEY_ID=" + account,
		"AWS_SECRET_ACCESS_KEY=secret",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"HOME=" + a.dir,
		"AWS_MAX_ATTEMPTS=1",
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New(command + ": " + err.Error() + "\n" + string(out))
	}
	return nil
}
