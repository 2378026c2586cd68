package sarif_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"ptcaudit/internal/render/sarif"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
	"ptcaudit/internal/stand/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

var checks = map[string]sarif.Check{
	"validation-passed": {
		Title: "ECR can use the rule", Why: "What ECR cannot reach it serves from the cache, until *nothing* is left.",
		References: []string{"https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html"},
	},
	"upstream-allowed": {Title: "The upstream is allowed"},
}

func place(f report.Finding) (string, int) {
	switch f.Check {
	case "validation-passed":
		return "policies/acme.yaml", 12
	case "upstream-allowed":
		return "/etc/ptcaudit/our policy.yaml", 3
	case "rule-quota":
		return "acme.yaml", 0
	}
	return "", 5
}

func render(t interface {
	Helper()
	Fatal(args ...any)
}, r report.Report,
) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sarif.Render(&b, r, sarif.Options{Checks: checks, Place: place}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	samples.Golden(t, *update, "sarif", func(t *testing.T, r report.Report) []byte { return render(t, r) })
}

// schema is the official schema of SARIF 2.1.0.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open(toolbox.SARIFSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("sarif.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// log is what the tests read of a log.
type log struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct{ ID string }
			}
		}
		Invocations []struct {
			ExecutionSuccessful        *bool
			ToolExecutionNotifications []struct {
				AssociatedRule *struct{}
				Level          string
			}
		}
		Results []struct {
			RuleID, Kind        string
			RuleIndex           int
			Suppressions        []struct{}
			PartialFingerprints map[string]string
			Message             struct{ Text string }
			Locations           []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
				}
			}
		}
	}
}

// read reads a log of one run.
func read(t interface {
	Helper()
	Fatal(args ...any)
}, data []byte,
) log {
	t.Helper()
	var l log
	if err := json.Unmarshal(data, &l); err != nil {
		t.Fatal(err)
	}
	if len(l.Runs) != 1 {
		t.Fatal("not one run")
	}
	return l
}

// validate checks a log against the schema, and counts its results.
func validate(t interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}, schema *jsonschema.Schema, r report.Report, data []byte,
) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("%v\n%s", err, data)
	}
	run := read(t, data).Runs[0]
	var got samples.Counts
	for _, result := range run.Results {
		switch {
		case result.Kind == "open":
			got.Undecided++
		case len(result.Suppressions) > 0:
			got.Waived++
		default:
			got.Open++
		}
		if rule := run.Tool.Driver.Rules[result.RuleIndex]; rule.ID != result.RuleID {
			t.Errorf("result of %s refers to rule %s", result.RuleID, rule.ID)
		}
	}
	var failures int
	for _, n := range run.Invocations[0].ToolExecutionNotifications {
		switch {
		case n.AssociatedRule != nil:
			got.Pending++
		case n.Level == "error":
			failures++
		}
	}
	want := samples.Count(r)
	want.Pass, want.Skip = 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-report +sarif):\n%s", diff)
	}
	if successful := run.Invocations[0].ExecutionSuccessful; successful == nil || *successful != r.Complete {
		t.Errorf("executionSuccessful is not %t", r.Complete)
	}
	if !r.Complete && failures+got.Undecided == 0 {
		t.Errorf("nothing says why the report is incomplete")
	}
}

func TestIsValid(t *testing.T) {
	schema := schema(t)
	all := samples.All()
	all["huge"] = samples.Huge()
	for name, r := range all {
		t.Run(name, func(t *testing.T) { validate(t, schema, r, render(t, r)) })
	}
	t.Run("any", rapid.MakeCheck(func(t *rapid.T) {
		r := samples.Any().Draw(t, "report")
		validate(t, schema, r, render(t, r))
	}))
}

// TestSchemaRefuses an invalid log, so a passing validation proves something.
func TestSchemaRefuses(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema(t).Validate(document) == nil {
		t.Error("a tool without a name is valid")
	}
}

// TestFingerprintsAreStable: an alert is identified by check and prefix, not by
// message, severity or the line in the policy.
func TestFingerprintsAreStable(t *testing.T) {
	prints := func(o sarif.Options, change func(*report.Finding)) map[string]bool {
		r := samples.Realistic()
		for i := range r.Findings {
			change(&r.Findings[i])
		}
		var b bytes.Buffer
		if err := sarif.Render(&b, r, o); err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, result := range read(t, b.Bytes()).Runs[0].Results {
			out[result.PartialFingerprints["primaryLocationLineHash"]] = true
		}
		return out
	}
	before := prints(sarif.Options{Checks: checks}, func(*report.Finding) {})
	after := prints(sarif.Options{}, func(f *report.Finding) { f.Message, f.Severity, f.Facts = "other", report.Low, "other" })
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	if len(before) != 7 {
		t.Errorf("%d fingerprints, want one for each of 7 results", len(before))
	}
}

var (
	link        = regexp.MustCompile(`\]\(|://`)
	placeholder = regexp.MustCompile(`(^|[^{])\{[0-9]+\}`)
)

// TestOutsideTextForgesNothing in the messages of results.
func TestOutsideTextForgesNothing(t *testing.T) {
	for _, result := range read(t, render(t, samples.Hostile())).Runs[0].Results {
		message, _, _ := strings.Cut(result.Message.Text, "\n\nFix: ")
		if link.MatchString(message) || placeholder.MatchString(result.Message.Text) {
			t.Errorf("%q holds a link or a placeholder", result.Message.Text)
		}
		if uri := result.Locations[0].PhysicalLocation.ArtifactLocation.URI; !strings.HasPrefix(uri, "ecr/111122223333/eu-west-1/") || strings.Contains(uri, "..") {
			t.Errorf("location %q leads elsewhere", uri)
		}
	}
}
