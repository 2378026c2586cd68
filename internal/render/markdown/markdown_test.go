package markdown_test

import (
	"bytes"
	"errors"
	"flag"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"ptcaudit/internal/render/markdown"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
	"ptcaudit/internal/untrusted"
)

var update = flag.Bool("update", false, "rewrite golden files")

func render(t testing.TB, r report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := markdown.Render(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	samples.Golden(t, *update, "md", func(t *testing.T, r report.Report) []byte { return render(t, r) })
}

// page is what another Markdown reader makes of a comment.
type page struct {
	headings []string // their text, code spans left out
	items    int
	spans    []string // code spans
	code     []string // code blocks
	links    []string
	prose    string   // all other text
	other    []string // kinds of nodes that are none of these
}

func read(source []byte) page {
	var p page
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.TextBlock, *ast.List, *ast.Emphasis:
		case *ast.ListItem:
			p.items++
		case *ast.Heading:
			p.headings = append(p.headings, "")
		case *ast.CodeSpan:
			var span strings.Builder
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				span.Write(c.(*ast.Text).Segment.Value(source))
			}
			p.spans = append(p.spans, span.String())
			return ast.WalkSkipChildren, nil
		case *ast.FencedCodeBlock:
			p.code = append(p.code, string(n.Lines().Value(source)))
		case *ast.AutoLink:
			p.links = append(p.links, string(n.URL(source)))
		case *ast.Text:
			value := string(n.Segment.Value(source))
			p.prose += value + "\n"
			if n.Parent().Kind() == ast.KindHeading {
				p.headings[len(p.headings)-1] += value
			}
		default:
			p.other = append(p.other, n.Kind().String())
		}
		return ast.WalkContinue, nil
	})
	return p
}

// ours are the words that the package writes itself.
var ours = regexp.MustCompile(`^[A-Za-z0-9 ,.:-]*$`)

// check compares a comment with its report. Another Markdown reader must see
// the same counts, and find text from outside only in code and in links that
// show their address.
func check(t interface {
	Helper()
	Errorf(format string, args ...any)
}, r report.Report, source []byte,
) {
	t.Helper()
	if n := utf8.RuneCount(source); n > 65536 {
		t.Errorf("%d characters", n)
	}
	p := read(source)
	if len(p.other) > 0 {
		t.Errorf("forged: %v\n%s", p.other, source)
	}
	for line := range strings.Lines(p.prose) {
		if !ours.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Errorf("text from outside: %q\n%s", line, source)
		}
	}
	for _, link := range p.links {
		if _, ok := untrusted.Link(link); !ok {
			t.Errorf("link to %q", link)
		}
	}
	if _, ok := r.Unsupported(); ok {
		return
	}
	shown := 0
	for _, heading := range p.headings {
		switch label, _, _ := strings.Cut(heading, " "); label {
		case "CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "NOT":
			shown++
		}
	}
	want := samples.Count(r)
	reasons := min(len(r.Incomplete()), 11)
	shown += p.items - reasons
	if more := regexp.MustCompile(`(\d+) more left out`).FindStringSubmatch(p.prose); more != nil {
		n, _ := strconv.Atoi(more[1])
		shown += n
	}
	if all := want.Open + want.Undecided + want.Waived + want.Pending; shown != all {
		t.Errorf("%d findings of %d\n%s", shown, all, source)
	}
	if incomplete := strings.Contains(p.prose, "INCOMPLETE"); incomplete == r.Complete {
		t.Errorf("INCOMPLETE is %t, complete is %t", incomplete, r.Complete)
	}
}

func TestIsReadBack(t *testing.T) {
	for name, r := range samples.Corpus() {
		t.Run(name, func(t *testing.T) { check(t, r, render(t, r)) })
	}
	t.Run("any", rapid.MakeCheck(func(t *rapid.T) {
		r := samples.Any().Draw(t, "report")
		var b bytes.Buffer
		if err := markdown.Render(&b, r); err != nil {
			t.Fatal(err)
		}
		check(t, r, b.Bytes())
	}))
}

// TestNothingIsLostInCode: every attack is shown unchanged in code.
func TestNothingIsLostInCode(t *testing.T) {
	for _, attack := range samples.Attacks() {
		r := report.Report{Complete: true, Findings: []report.Finding{{Check: "c", Prefix: "p", Outcome: report.Fail, Severity: report.Low, Message: attack, Remediation: attack}}}
		p := read(render(t, r))
		shown := strings.Join(p.spans[2:], " ") // after registry and policy
		if diff := cmp.Diff(strings.TrimSpace(r.Findings[0].Headline()+" "+r.Findings[0].Detail()), shown); diff != "" {
			t.Errorf("message of %q (-want +got):\n%s", attack, diff)
		}
		want := ""
		if lines := untrusted.Lines(attack, 4000); len(lines) > 0 {
			want = strings.Join(lines, "\n") + "\n"
		}
		if got := strings.Join(p.code, ""); got != want {
			t.Errorf("remediation of %q is %q, want %q", attack, got, want)
		}
	}
}

// The worst is kept.
func TestTheLeastSevereIsLeftOut(t *testing.T) {
	got := string(render(t, samples.Huge()))
	if !strings.Contains(got, "more left out") || !strings.Contains(got, "#### CRITICAL") || strings.Contains(got, "#### LOW") {
		t.Error("the cut keeps the wrong ones")
	}
	if len(got) < 60000 {
		t.Errorf("only %d bytes of 65536 are used", len(got))
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := markdown.Render(failing{want}, samples.Realistic()); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
