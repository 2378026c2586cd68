package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"ptcaudit/internal/cli"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// What a GitHub runner, Azure Pipelines or TeamCity executes of a log:
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
var (
	oldCommand = regexp.MustCompile(`##[A-Za-z0-9]*\[[A-Za-z]`)
	newCommand = regexp.MustCompile(`^\s*::[A-Za-z-]+.*::`)
)

// executed are the lines of a log that are executed.
func executed(log string) []string {
	var out []string
	for line := range strings.SplitSeq(strings.ReplaceAll(log, "\r", "\n"), "\n") {
		if oldCommand.MatchString(line) || newCommand.MatchString(line) {
			out = append(out, line)
		}
	}
	return out
}

// No output of any command has a command for a CI service that came from
// outside, whatever its width. The format github is made of our own.
func TestNoCommandsInLogs(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, evil := range []string{
		"x ##[add-mask]y", "##vso[task.setvariable variable=a]b", "a\n::add-mask::b", "a\r::stop-commands::b", "::error::b",
		strings.Repeat("a", 40) + "/::error::b", strings.Repeat("a", 19) + "::error::b ##[group]",
	} {
		r := report.Report{
			Registry: ptc.Registry{Account: "111122223333", Region: "eu-west-1"},
			Policy:   report.Policy{Name: evil},
			Triggers: []report.Trigger{{Kind: report.ChangeTrigger, Call: evil, Prefix: evil, Secret: evil, Actor: &report.Actor{Name: evil, ARN: evil, Address: evil}}},
			Faults:   []ptc.Fault{{Operation: evil, Prefix: evil, Kind: ptc.FaultDenied, Code: evil, Message: evil, RequestID: evil}},
			Rules: []report.Rule{report.NewRule(ptc.Rule{
				Prefix: evil, Upstream: ptc.Upstream{Registry: evil, URL: evil, Prefix: evil}, CredentialARN: evil, RoleARN: evil,
			}, ptc.Validation{Status: ptc.ValidationInvalid, Failure: evil})},
			Findings: []report.Finding{
				{Check: "a", Prefix: evil, Outcome: report.Fail, Severity: report.High, Message: evil, Remediation: evil + "\naws ecr x '" + evil + "'", References: []string{evil}},
				{Check: "b", Prefix: evil, Outcome: report.Fail, Severity: report.High, Message: evil, Waiver: &report.Waiver{Owner: evil, Reason: evil, Expires: "2999-01-01"}},
			},
		}
		r.Finish()
		var saved bytes.Buffer
		if err := r.Encode(&saved); err != nil {
			t.Fatal(err)
		}
		other := bytes.ReplaceAll(saved.Bytes(), []byte(`"severity": "high"`), []byte(`"severity": "low"`))
		other = regexp.MustCompile(`(?s)"summary": .*`).ReplaceAll(other, []byte(`"x": 0}`))
		for file, data := range map[string][]byte{"report.json": saved.Bytes(), "other.json": other} {
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		commands := [][]string{
			{"diff", "report.json", "other.json"},
			{"diff", "report.json", "other.json", "-o", "json"},
			{"eval", "report.json", "-o", "text"},
			{"eval", "report.json", "-o", "json"},
			{"report", "report.json", "--baseline", "other.json", "--fail-on", "low"},
			{"report", evil},
			{"event", evil},
			{"audit", "--region", evil},
			{"policy", "lint", evil},
			{"history", "--evidence", evil},
		}
		for _, format := range []string{"text", "json", "markdown", "html", "csv", "junit", "sarif", "asff", "ocsf"} {
			commands = append(commands, []string{"report", "report.json", "-o", format}, []string{"report", "report.json", "-q", "-o", format + "=" + format})
		}
		for _, args := range commands {
			for _, columns := range []string{"0", "60", "61", "62", "63", "64", "80", "200"} {
				var out, errs bytes.Buffer
				cli.Run(t.Context(), args, []string{"COLUMNS=" + columns}, strings.NewReader(""), &out, &errs)
				logged := out.String() + "\n" + errs.String()
				if len(args) == 5 && args[2] == "-q" {
					data, err := os.ReadFile(strings.SplitN(args[4], "=", 2)[1])
					if err != nil {
						t.Fatal(err)
					}
					logged += string(data)
				}
				if lines := executed(logged); len(lines) > 0 {
					t.Errorf("%q at %s columns: a runner would execute %q", args, columns, lines)
				}
				if args[0] == "report" && len(args) == 4 && args[3] == "json" && !json.Valid(out.Bytes()) {
					t.Errorf("%q: invalid JSON:\n%s", args, out.String())
				}
				if !strings.HasPrefix(args[0], "report") && columns == "60" {
					break // one width is enough
				}
			}
		}
	}
}
