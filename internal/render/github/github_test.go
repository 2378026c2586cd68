package github_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ptcaudit/internal/render/github"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
	"ptcaudit/internal/stand/toolbox"
)

var update = flag.Bool("update", false, "rewrite golden files")

// place has checks in a file whose name is hard to write.
func place(f report.Finding) (string, int) {
	switch f.Check {
	case "validation-passed":
		return "policies/acme.yaml", 12
	case "upstream-allowed":
		return "policies/a,b:c%.yaml", 0
	}
	return "", 7
}

func render(t testing.TB, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := github.Render(&b, r, github.Options{Place: place}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	samples.Golden(t, *update, "txt", func(t *testing.T, r report.Report) []byte { return render(t, r) })
}

type annotation struct {
	Kind       string     `json:"kind"`
	Message    string     `json:"message"`
	Properties properties `json:"properties"`
}

type properties struct {
	Title     string `json:"title,omitempty"`
	File      string `json:"file,omitempty"`
	StartLine int    `json:"startLine,omitempty"`
}

var (
	command   = regexp.MustCompile(`^::(error|warning|notice) (.*?)::(.*)$`)
	unescaper = strings.NewReplacer("%3A", ":", "%2C", ",", "%0D", "\r", "%0A", "\n", "%25", "%")
)

// parse reads annotations, and the lines that are none.
func parse(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, out []byte,
) (list []annotation, rest []string) {
	t.Helper()
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		m := command.FindStringSubmatch(line)
		if m == nil {
			rest = append(rest, line)
			continue
		}
		a := annotation{Kind: m[1], Message: unescaper.Replace(m[3])}
		for pair := range strings.SplitSeq(m[2], ",") {
			key, value, _ := strings.Cut(pair, "=")
			value = unescaper.Replace(value)
			switch key {
			case "title":
				a.Properties.Title = value
			case "file":
				a.Properties.File = value
			case "line":
				a.Properties.StartLine, _ = strconv.Atoi(value)
			default:
				t.Fatalf("property %q in %q", key, line)
			}
		}
		list = append(list, a)
	}
	return list, rest
}

// GitHub's own toolkit, given the same annotations, writes the same
// bytes.
func TestIsWhatTheToolkitWrites(t *testing.T) {
	ours, annotations := map[string]string{}, map[string][]annotation{}
	for name, r := range samples.Corpus() {
		out := render(t, r)
		list, rest := parse(t, out)
		annotations[name] = append([]annotation{}, list...)
		ours[name] = strings.TrimSuffix(string(out), strings.Join(rest, "\n")+"\n")
	}
	input, err := json.Marshal(annotations)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/write.mjs", toolbox.Actions(t))
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var theirs map[string]string
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	for name, want := range theirs {
		if diff := cmp.Diff(want, ours[name]); diff != "" {
			t.Errorf("%s (-toolkit +ours):\n%s", name, diff)
		}
	}
	if len(theirs) != len(ours) {
		t.Errorf("%d of %d were written", len(theirs), len(ours))
	}
}

var severity = regexp.MustCompile(`^(CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL) `)

var tail = regexp.MustCompile(`^(\d+ rules?\. Checks: (none|\d+ [a-z ]+(, \d+ [a-z ]+)*)\.|GitHub shows the first 10 .*)$`)

// No report makes another line than annotations and our own last ones, and
// what is annotated is what the report counts.
func TestAnyReport(t *testing.T) {
	check := func(t interface {
		Helper()
		Errorf(format string, args ...any)
		Fatalf(format string, args ...any)
	}, r report.Report, out []byte,
	) {
		list, rest := parse(t, out)
		for _, line := range rest {
			if !tail.MatchString(line) {
				t.Errorf("line %q", line)
			}
		}
		var got samples.Counts
		incomplete := false
		for _, a := range list {
			switch title := a.Properties.Title; {
			case severity.MatchString(title):
				got.Open++
			case strings.HasPrefix(title, "NOT CHECKED "):
				got.Undecided++
			case strings.HasPrefix(title, "NOT IN FORCE YET "):
				got.Pending++
			case strings.HasPrefix(title, "INCOMPLETE "):
				incomplete = a.Kind == "error"
			}
		}
		want := samples.Count(r)
		want.Waived, want.Pass, want.Skip = 0, 0, 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("counts (-report +annotations):\n%s", diff)
		}
		if incomplete == r.Complete {
			t.Errorf("incomplete is %t, the report's complete %t", incomplete, r.Complete)
		}
	}
	for name, r := range samples.Corpus() {
		t.Run(name, func(t *testing.T) { check(t, r, render(t, r)) })
	}
	t.Run("any", rapid.MakeCheck(func(t *rapid.T) {
		r := samples.Any().Draw(t, "report")
		var b bytes.Buffer
		if err := github.Render(&b, r, github.Options{}); err != nil {
			t.Fatal(err)
		}
		check(t, r, b.Bytes())
	}))
}

// GitHub shows ten of a kind: the first ones have to be the worst.
func TestTheWorstComesFirst(t *testing.T) {
	list, rest := parse(t, render(t, samples.Huge()))
	for _, a := range list[:10] {
		if !strings.HasPrefix(a.Properties.Title, "CRITICAL ") {
			t.Errorf("%q is among the first", a.Properties.Title)
		}
	}
	if len(rest) != 2 {
		t.Errorf("nothing says that GitHub does not show all: %q", rest)
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := github.Render(failing{want}, samples.Realistic(), github.Options{}); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
