package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/localcloud"
	"ptcaudit/internal/stand/toolbox"
)

// planOf returns a template after a change, as compare reads it.
func planOf(t *testing.T, d deployment, change func(metadata, resources map[string]any)) plan {
	t.Helper()
	var text map[string]any
	try(json.Unmarshal(read(filepath.Join(d.folder, "ptcaudit.template.json")), &text))
	if change != nil {
		change(text["Metadata"].(map[string]any), text["Resources"].(map[string]any))
	}
	p, err := parseTemplate(encode(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The template has what the next deployment is compared with.
func TestFacts(t *testing.T) {
	for name, tt := range map[string]struct {
		d   deployment
		gap int
	}{"default": {plain(), 6 * 60}, "strict": {full(), 24 * 60}} {
		p, err := policy.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		want := facts{Checks: map[string]report.Severity{}, ScheduleGapMinutes: tt.gap}
		for _, c := range p.Checks {
			want.Checks[c.ID] = c.Severity
		}
		if len(want.Checks) < 5 {
			t.Errorf("%s: %d checks, want at least 5", name, len(want.Checks))
		}
		if diff := cmp.Diff(&want, planOf(t, tt.d, nil).facts); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestLosses(t *testing.T) {
	ptcauditOf := func(metadata map[string]any) map[string]any { return metadata[factsKey].(map[string]any) }
	retention := func(resources map[string]any) map[string]any {
		for id, r := range resources {
			if strings.HasPrefix(id, "Evidence") && r.(map[string]any)["Type"] == "AWS::S3::Bucket" {
				return r.(map[string]any)["Properties"].(map[string]any)["ObjectLockConfiguration"].(map[string]any)["Rule"].(map[string]any)["DefaultRetention"].(map[string]any)
			}
		}
		t.Fatal("no evidence bucket")
		return nil
	}
	tests := []struct {
		name string
		// change turns the deployed template, full, into the planned one.
		change func(metadata, resources map[string]any)
		want   []string
	}{
		{"nothing", nil, nil},
		{"a subscriber of findings", func(_, resources map[string]any) {
			for id, r := range resources {
				if strings.Contains(string(encode(t, r)), `"lead@example.com"`) {
					delete(resources, id)
				}
			}
		}, []string{"subscribers: lead@example.com (email, findings) is unsubscribed"}},
		{"a subscriber of alarms", func(_, resources map[string]any) {
			for id, r := range resources {
				if strings.Contains(string(encode(t, r)), `"oncall@example.com"`) {
					delete(resources, id)
				}
			}
		}, []string{"subscribers: oncall@example.com (email, alarms) is unsubscribed"}},
		{"a check", func(metadata, _ map[string]any) {
			delete(ptcauditOf(metadata)["checks"].(map[string]any), "validation-passed")
		}, []string{"policy: check validation-passed is removed or disabled"}},
		{"a severity", func(metadata, _ map[string]any) {
			ptcauditOf(metadata)["checks"].(map[string]any)["validation-passed"] = "low"
		}, []string{"policy: check validation-passed has severity low instead of critical"}},
		{"a slower schedule", func(metadata, _ map[string]any) {
			ptcauditOf(metadata)["scheduleGapMinutes"] = 25 * 60
		}, []string{"schedule: up to 25h0m0s instead of 24h0m0s pass between two audits"}},
		{"the lock", func(_, resources map[string]any) { clear(retention(resources)) }, []string{"lock: evidenceLock changes from compliance 365 days to off"}},
		{"a shorter lock", func(_, resources map[string]any) { retention(resources)["Days"] = 364 }, []string{"lock: evidenceLock changes from compliance 365 days to compliance 364 days"}},
		{"a weaker lock", func(_, resources map[string]any) { retention(resources)["Mode"] = "GOVERNANCE" }, []string{"lock: evidenceLock changes from compliance 365 days to governance 365 days"}},
		{"more of everything", func(metadata, resources map[string]any) {
			ptcauditOf(metadata)["checks"].(map[string]any)["mine"] = "low"
			ptcauditOf(metadata)["scheduleGapMinutes"] = 60
			retention(resources)["Days"] = 730
			resources["New"] = map[string]any{"Type": "AWS::SNS::Subscription", "Properties": map[string]any{"Protocol": "email", "Endpoint": "new@example.com"}}
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, l := range losses(planOf(t, full(), nil), planOf(t, full(), tt.change)) {
				got = append(got, l.force+": "+l.what)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	// More protection is no loss.
	t.Run("backwards", func(t *testing.T) {
		weaker := planOf(t, full(), func(metadata, resources map[string]any) {
			ptcauditOf(metadata)["checks"].(map[string]any)["validation-passed"] = "low"
			ptcauditOf(metadata)["scheduleGapMinutes"] = 25 * 60
			clear(retention(resources))
		})
		if got := losses(weaker, planOf(t, full(), nil)); len(got) > 0 {
			t.Errorf("losses %v, want none", got)
		}
	})
	// Nothing is assumed of a version that records less.
	t.Run("deployed by a version without facts", func(t *testing.T) {
		old := planOf(t, full(), func(metadata, _ map[string]any) { delete(metadata, factsKey) })
		var got []string
		for _, l := range losses(old, planOf(t, full(), nil)) {
			got = append(got, l.force)
		}
		if diff := cmp.Diff([]string{forcePolicy, forceSchedule}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// fakeCLI writes a program in place of the AWS CLI. It writes its arguments and
// Region to the file that it returns.
func fakeCLI(t *testing.T, body string) (cli, log string) {
	t.Helper()
	folder := t.TempDir()
	cli, log = filepath.Join(folder, "aws"), filepath.Join(folder, "log")
	script := fmt.Sprintf("#!/bin/sh\necho \"$* in $AWS_DEFAULT_REGION\" >'%s'\n%s\n", log, body)
	if err := os.WriteFile(cli, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return cli, log
}

func TestCompare(t *testing.T) {
	deployed := func(d deployment) string { return "cat '" + filepath.Join(d.folder, "ptcaudit.template.json") + "'" }
	fail := func(message string) string { return "echo '" + message + "' >&2; exit 254" }
	tests := []struct {
		name  string
		cli   string
		force string
		out   string
		err   []string // parts; empty if it is deployed
	}{
		{"the first deployment", fail("An error occurred (ValidationError) when calling the GetTemplate operation: Stack with id ptcaudit does not exist"), "", "", nil},
		{"the same again", deployed(plain()), "", "", nil},
		{"a loss of everything", deployed(full()), "", "", []string{
			"not deployed, because stack ptcaudit would lose protection:\n",
			"  https://hooks.example.com/ptc (https, findings) is unsubscribed\n",
			"  evidenceLock changes from compliance 365 days to off\n",
			"  check ",
			"allow these changes with FORCE=lock,policy,subscribers",
		}},
		{"one is forced", deployed(full()), "lock, policy", "Forced: evidenceLock changes from compliance 365 days to off\n", []string{"with FORCE=subscribers"}},
		{"all are forced", deployed(full()), "subscribers,policy,lock,schedule", "Forced: ", nil},
		{"an unknown word", deployed(plain()), "everything", "", []string{`unknown FORCE "everything": use one or more of subscribers,policy,lock,schedule`}},
		{"no permission", fail("An error occurred (AccessDenied) when calling the GetTemplate operation: no"), "subscribers,policy,lock,schedule", "", []string{"cannot compare with the deployed stack ptcaudit, so nothing is deployed: An error occurred (AccessDenied)"}},
		{"another error of validation", fail("An error occurred (ValidationError) when calling the GetTemplate operation: invalid name"), "", "", []string{"so nothing is deployed: "}},
		{"a silent failure", "exit 1", "", "", []string{"so nothing is deployed: exit status 1"}},
		{"not a template", "echo '[]'", "", "", []string{"the template of the deployed stack ptcaudit is unreadable"}},
		{"nothing", "true", "", "", []string{"the template of the deployed stack ptcaudit is unreadable"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("AWS_REGION", "eu-west-1")
			cli, log := fakeCLI(t, tt.cli)
			var out strings.Builder
			err := compare([]string{"-aws", cli, "-force", tt.force, plain().folder}, &out)
			if (err == nil) != (len(tt.err) == 0) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			for _, want := range tt.err {
				if err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("missing %q in:\n%v", want, err)
				}
			}
			if !strings.Contains(out.String(), tt.out) || tt.out == "" && out.Len() > 0 {
				t.Errorf("output %q, want %q", out.String(), tt.out)
			}
			if tt.name == "an unknown word" {
				return // before the CLI runs
			}
			if got, want := string(read(log)), "cloudformation get-template --stack-name ptcaudit --query TemplateBody --output json in eu-west-1\n"; got != want {
				t.Errorf("the CLI ran with %q, want %q", got, want)
			}
		})
	}
	if err := compare([]string{t.TempDir()}, io.Discard); err == nil || !strings.Contains(err.Error(), "run make synth") {
		t.Errorf("an empty folder: %v", err)
	}
}

// The AWS CLI and CloudFormation answer as compare expects.
func TestCompareWithTheCLI(t *testing.T) {
	cli := toolbox.AWS(t)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": localcloud.Start(t).Endpoint, "AWS_REGION": localcloud.Region, "AWS_DEFAULT_REGION": "",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	args := []string{"-aws", cli, plain().folder}
	if err := compare(args, io.Discard); err != nil {
		t.Fatalf("the stack does not exist: %v", err)
	}
	// The same facts, and a subscriber whom the new template lacks.
	template := filepath.Join(t.TempDir(), "deployed.json")
	try(os.WriteFile(template, encode(t, map[string]any{
		"Metadata": map[string]any{factsKey: planOf(t, plain(), nil).facts},
		"Resources": map[string]any{
			"Findings": map[string]any{"Type": "AWS::SNS::Topic"},
			"Mail": map[string]any{"Type": "AWS::SNS::Subscription", "Properties": map[string]any{
				"TopicArn": map[string]any{"Ref": "Findings"}, "Protocol": "email", "Endpoint": "ops@example.com",
			}},
		},
	}), 0o600))
	create := exec.CommandContext(t.Context(), cli, "cloudformation", "create-stack", "--region", localcloud.Region,
		"--stack-name", "ptcaudit", "--template-body", "file://"+template)
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const want = "not deployed, because stack ptcaudit would lose protection:\n" +
		"  ops@example.com (email, findings) is unsubscribed\n" +
		"Correct the settings, or allow these changes with FORCE=subscribers"
	if err := compare(args, io.Discard); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// make deploy compares exactly what it deploys, and make synth asks no one.
func TestMakeDeployCompares(t *testing.T) {
	recipe := func(args ...string) []string {
		cmd := exec.CommandContext(t.Context(), "make", append([]string{"-n", "-C", toolbox.Root(t), "FUNCTIONS="}, args...)...)
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.Split(string(out), "\n")
	}
	find := func(lines []string, part string) int {
		return slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, part) })
	}
	lines := recipe("deploy", "FORCE=lock")
	synth, compared, deployed := find(lines, "cdk synth "), find(lines, "go run ./infra compare -aws .cache/clients/bin/aws -force 'lock' cdk.out"), find(lines, "cdk deploy --app cdk.out ")
	if synth < 0 || compared < synth || deployed < compared {
		t.Errorf("make deploy synthesizes in line %d, compares in %d, deploys in %d:\n%s", synth, compared, deployed, strings.Join(lines, "\n"))
	}
	if lines := recipe("synth"); find(lines, "compare") >= 0 {
		t.Errorf("make synth compares:\n%s", strings.Join(lines, "\n"))
	}
}
