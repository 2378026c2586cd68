package html_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/render/html"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/samples"
)

var update = flag.Bool("update", false, "rewrite golden files")

// fataler is what tests, fuzz targets and properties have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func render(t fataler, r report.Report, o html.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := html.Render(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parse(t fataler, page []byte) *nethtml.Node {
	t.Helper()
	root, err := nethtml.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attribute(n *nethtml.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// elements lists those below n, in the order of the document.
func elements(n *nethtml.Node, tags ...string) []*nethtml.Node {
	var out []*nethtml.Node
	for d := range n.Descendants() {
		if d.Type == nethtml.ElementNode && (len(tags) == 0 || slices.Contains(tags, d.Data)) {
			out = append(out, d)
		}
	}
	return out
}

func textOf(n *nethtml.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == nethtml.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// known is what the golden page knows beside its report.
func known(r report.Report) html.Options {
	o := html.Options{Since: map[string]time.Time{}}
	for i, f := range r.Findings {
		o.Since[f.Fingerprint] = r.Audit.StartedAt.Add(-time.Duration(i*i*i) * time.Hour)
	}
	for i := range 3 {
		earlier := samples.All()["sound"]
		earlier.Audit.ID = fmt.Sprint(i)
		earlier.Audit.StartedAt = r.Audit.StartedAt.Add(-time.Duration(i+1) * day)
		earlier.Complete = i != 1
		o.History = append(o.History, earlier)
	}
	return o
}

// TestGolden compares the text and the structure of each page, without styles.
func TestGolden(t *testing.T) {
	for name, r := range samples.All() {
		if name == "hostile" {
			continue // what matters of it is in the tests below
		}
		t.Run(name, func(t *testing.T) {
			var o html.Options
			if name == "realistic" {
				o = known(r)
			}
			body := elements(parse(t, render(t, r, o)), "body")[0]
			var b strings.Builder
			outline(&b, body, 0)
			file := filepath.Join("testdata", name+".outline")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("output differs (-want +got); -update rewrites it:\n%s", diff)
			}
		})
	}
}

// outline writes one line for each element that structures the page, with the
// text of those that have no such elements in them.
func outline(b *strings.Builder, n *nethtml.Node, depth int) {
	inline := []string{"span", "strong", "time", "code", "svg", "title", "path", "option"}
	inner := slices.ContainsFunc(elements(n), func(e *nethtml.Node) bool { return !slices.Contains(inline, e.Data) })
	fmt.Fprintf(b, "%s%s", strings.Repeat("  ", depth), n.Data)
	for _, a := range n.Attr {
		switch a.Key {
		case "class", "id":
			fmt.Fprintf(b, " %s%s", map[string]string{"class": ".", "id": "#"}[a.Key], a.Val)
		case "href", "role", "aria-label", "hidden", "scope":
			fmt.Fprintf(b, " %s=%s", a.Key, a.Val)
		}
	}
	if text := textOf(n); !inner && text != "" {
		fmt.Fprintf(b, ": %s", text)
	}
	b.WriteByte('\n')
	for c := range n.ChildNodes() {
		if c.Type == nethtml.ElementNode && c.Data != "script" && (inner && !slices.Contains(inline, c.Data) || c.Data == "svg" && attribute(c, "role") != "") {
			outline(b, c, depth+1)
		}
	}
}

// everyPage are the samples and the report of testdata.
func everyPage(t *testing.T) map[string]*nethtml.Node {
	t.Helper()
	out := map[string]*nethtml.Node{}
	for name, r := range samples.All() {
		out[name] = parse(t, render(t, r, known(r)))
	}
	for _, asked := range []bool{true, false} {
		r, o := acme(t, asked)
		out[fmt.Sprintf("acme, ECR asked: %t", asked)] = parse(t, render(t, r, o))
	}
	return out
}

// TestStructure: every page has what screen readers and keyboards need.
func TestStructure(t *testing.T) {
	for name, root := range everyPage(t) {
		t.Run(name, func(t *testing.T) {
			ids := map[string]bool{}
			for _, e := range elements(root) {
				if id := attribute(e, "id"); id != "" {
					if ids[id] {
						t.Errorf("two elements have the id %q", id)
					}
					ids[id] = true
				}
			}
			level := 0
			for _, e := range elements(root) {
				for _, a := range e.Attr {
					switch {
					case a.Key == "aria-labelledby" || a.Key == "for":
						if !ids[a.Val] {
							t.Errorf("%s of <%s> names %q, which is not there", a.Key, e.Data, a.Val)
						}
					case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
						if !ids[a.Val[1:]] {
							t.Errorf("a link leads to %s, which is not there", a.Val)
						}
					case a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src":
						t.Errorf("<%s> has %s", e.Data, a.Key)
					}
				}
				switch e.Data {
				case "html":
					if attribute(e, "lang") != "en" {
						t.Error("the page does not say its language")
					}
				case "h1", "h2", "h3", "h4", "h5", "h6":
					now := int(e.Data[1] - '0')
					if now > level+1 || now == 1 && level > 0 {
						t.Errorf("<%s> %q follows a heading of level %d", e.Data, textOf(e), level)
					}
					level = now
				case "table":
					if captions := elements(e, "caption"); len(captions) != 1 || textOf(captions[0]) == "" {
						t.Errorf("table %q has no caption", attribute(e, "class"))
					}
				case "th":
					if attribute(e, "scope") == "" {
						t.Errorf("head %q has no scope", textOf(e))
					}
				case "input", "select":
					if !slices.ContainsFunc(elements(root, "label"), func(l *nethtml.Node) bool { return attribute(l, "for") == attribute(e, "id") }) {
						t.Errorf("%s has no label", attribute(e, "id"))
					}
				}
			}
			for _, landmark := range []string{"header", "main", "footer", "h1", "nav"} {
				if n := len(elements(root, landmark)); n != 1 {
					t.Errorf("%d of <%s>", n, landmark)
				}
			}
		})
	}
}

// TestContentSecurityPolicy: a page allows only its own style and script, by hash.
func TestContentSecurityPolicy(t *testing.T) {
	r, o := acme(t, true)
	root := parse(t, render(t, r, o))
	var policy string
	for _, meta := range elements(root, "meta") {
		if attribute(meta, "http-equiv") == "Content-Security-Policy" {
			policy = attribute(meta, "content")
		}
	}
	hash := func(tag string) string {
		all := elements(root, tag)
		if len(all) != 1 {
			t.Fatalf("%d of <%s>", len(all), tag)
		}
		sum := sha256.Sum256([]byte(all[0].FirstChild.Data))
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	want := "default-src 'none'; style-src 'sha256-" + hash("style") + "'; script-src 'sha256-" + hash("script") +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
	if policy != want {
		t.Errorf("policy\n%s, want\n%s", policy, want)
	}
}

// fill changes every text of a report, except enumerations. change gets the
// field's name and a number.
func fill(r *report.Report, change func(field string, i int, s string) string) {
	n := 0
	var walk func(field string, v reflect.Value)
	walk = func(field string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(field, v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Field(i).CanSet() {
					walk(v.Type().Field(i).Name, v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(field, v.Index(i))
			}
		case reflect.String:
			if t := v.Type(); t != reflect.TypeFor[report.Severity]() && t != reflect.TypeFor[report.Outcome]() {
				v.SetString(change(field, n, v.String()))
				n++
			}
		default: // numbers and the like hold no text
		}
	}
	walk("", reflect.ValueOf(r).Elem())
}

// skeleton is a page without its texts: elements, attributes, and the values
// of those attributes that decide what an element is.
func skeleton(root *nethtml.Node) []string {
	var out []string
	var walk func(n *nethtml.Node)
	walk = func(n *nethtml.Node) {
		switch n.Type {
		case nethtml.ElementNode:
			tag := "<" + n.Data
			for _, a := range n.Attr {
				tag += " " + a.Key
				switch a.Key {
				case "class", "id", "for", "role", "scope", "type", "rel", "http-equiv":
					tag += "=" + a.Val
				case "href":
					scheme, _, _ := strings.Cut(a.Val, ":")
					tag += "=" + scheme
				}
			}
			out = append(out, tag)
		case nethtml.CommentNode:
			out = append(out, "comment")
		default:
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
		if n.Type == nethtml.ElementNode {
			out = append(out, "</"+n.Data)
		}
	}
	walk(root)
	return out
}

// markup are the characters that HTML, its attributes, scripts and styles give
// a meaning.
const markup = "<>\"'&`=/\\;{}()*#"

// harmless is a text of the same shape without markup.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(markup, r) {
			return 'x'
		}
		return r
	}, s)
}

// staysText compares a page that has text everywhere with a page that has a
// harmless text. Except for the texts they must be equal.
func staysText(t fataler, text string) {
	t.Helper()
	page := func(text string) *nethtml.Node {
		r := samples.Realistic()
		earlier := samples.Realistic()
		earlier.Audit.StartedAt = earlier.Audit.StartedAt.Add(-day)
		for _, r := range []*report.Report{&r, &earlier} {
			fill(r, func(field string, i int, _ string) string {
				switch field {
				case "Account", "Region": // those of both reports are the same
					return text
				case "Check": // decides the order
					return fmt.Sprintf("%04d%s", i, text)
				case "References": // lists them as text and as links
					return []string{text, "https://docs.aws.amazon.com/" + text}[i%2]
				}
				return fmt.Sprint(text, i)
			})
		}
		o := html.Options{Since: map[string]time.Time{}, History: []report.Report{earlier}}
		for _, f := range r.Findings {
			o.Since[f.Fingerprint] = r.Audit.StartedAt
		}
		return parse(t, render(t, r, o))
	}
	hostile := page(text)
	withoutLinks := func(root *nethtml.Node) []string {
		// Whether an address may be opened depends on its text.
		return slices.DeleteFunc(skeleton(root), func(s string) bool { return strings.HasPrefix(s, "<a href=http") || s == "</a" })
	}
	if diff := cmp.Diff(withoutLinks(page(harmless(text))), withoutLinks(hostile)); diff != "" {
		t.Fatal(fmt.Sprintf("%q became more than text (-harmless +hostile):\n%s", text, diff))
	}
	for _, a := range elements(hostile, "a") {
		if href := attribute(a, "href"); !strings.HasPrefix(href, "#") && !strings.HasPrefix(href, "https://") && !strings.HasPrefix(href, "http://") {
			t.Fatal(fmt.Sprintf("%q became a link to %q", text, href))
		}
	}
}

var attacks = append(samples.Attacks(),
	"</script><script>alert(1)</script>", "</style><style>*{display:none}", "</title><script>alert(1)</script>",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "//evil.example",
	`" onfocus="alert(1)" autofocus="`, "' onmouseover='alert(1)'", "` onload=`alert(1)`", `x" href="javascript:alert(1)`, "critical nil",
	"<svg onload=alert(1)>", "<math><mtext></mtext></math>", "<meta http-equiv=refresh content='0;url=https://evil.example'>",
	"<base href='https://evil.example'>", "<!--<script>", "<![CDATA[x]]>", "<?php x ?>", "{{template \"x\"}}", "${alert(1)}", "\\u003cscript\\u003e",
	"aws ecr x <img src=x onerror=alert(1)>", "https://evil.example/\"><script>alert(1)</script>", "https://evil.example@docs.aws.amazon.com/",
	"url(javascript:alert(1))", "expression(alert(1))", "\u2028\u2029<b>", "&lt;script&gt;", "&#x3c;script&#x3e;",
)

func TestOutsideTextStaysText(t *testing.T) {
	for _, attack := range attacks {
		t.Run(attack, func(t *testing.T) { staysText(t, attack) })
	}
}

// Any report makes a page with every finding.
func TestAnyReport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := samples.Any().Draw(t, "report")
		root := parse(t, render(t, r, html.Options{}))
		n := samples.Count(r)
		if got, want := len(elements(root, "article")), n.Open+n.Waived+n.Undecided+n.Pending; got != want {
			t.Fatalf("%d findings, want %d", got, want)
		}
		if warned := strings.Contains(textOf(root), "This report is incomplete."); warned == r.Complete {
			t.Fatalf("complete is %t, but the page warns: %t", r.Complete, warned)
		}
		if scripts := elements(root, "script", "style", "img", "iframe", "object", "embed", "base"); len(scripts) != 2 {
			t.Fatalf("%d scripts, styles and the like", len(scripts))
		}
	})
}

func FuzzRender(f *testing.F) {
	for _, attack := range attacks {
		f.Add(attack)
	}
	f.Fuzz(func(t *testing.T, text string) { staysText(t, text) })
}

func find(t *testing.T, root *nethtml.Node, tag, id string) *nethtml.Node {
	t.Helper()
	for _, e := range elements(root, tag) {
		if attribute(e, "id") == id {
			return e
		}
	}
	t.Fatalf("no <%s id=%s>", tag, id)
	return nil
}

func TestVerdict(t *testing.T) {
	failing := samples.Realistic()
	failing.Complete, failing.Faults = true, nil
	one := failing
	one.Findings = failing.Findings[:1]
	for _, f := range failing.Findings {
		if f.Open() {
			one.Findings = []report.Finding{f}
		}
	}
	one.Finish()
	undecided := samples.All()["sound"]
	undecided.Findings[0].Outcome = report.Error
	undecided.Finish()
	tests := []struct {
		name   string
		report report.Report
		want   string
	}{
		{"failures", failing, "5 failures"},
		{"one", one, "1 failure"},
		{"incomplete", samples.Realistic(), "At least 5 failures"},
		{"none", samples.All()["sound"], "No failures"},
		{"none of what is known", undecided, "No failures seen"},
		{"nothing is known", samples.All()["unlisted"], "Not audited"},
		{"no such API", samples.All()["unsupported"], "Nothing to audit"},
		{"empty", samples.All()["empty"], "No failures"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := parse(t, render(t, tt.report, html.Options{}))
			if got := textOf(find(t, root, "h2", "summary")); got != tt.want {
				t.Errorf("verdict %q, want %q", got, tt.want)
			}
			if title := textOf(elements(root, "title")[0]); !strings.HasPrefix(title, tt.want+" · 111122223333 ") {
				t.Errorf("title %q", title)
			}
			if warned := strings.Contains(textOf(root), "This report is incomplete."); warned == tt.report.Complete {
				t.Errorf("complete is %t, but the page warns: %t", tt.report.Complete, warned)
			}
		})
	}
}

func TestSince(t *testing.T) {
	r := samples.Realistic()
	tests := []struct {
		name string
		at   time.Time
		want string
	}{
		{"days", samples.Started.Add(-17*day - time.Hour), "since 2026-11-04 (17 days)"},
		{"one day", samples.Started.Add(-day), "since 2026-11-20 (1 day)"},
		{"hours", samples.Started.Add(-3 * time.Hour), "since 2026-11-21 (3 hours)"},
		{"a minute", samples.Started.Add(-time.Minute), "since 2026-11-21 (1 minute)"},
		{"now", samples.Started, "since 2026-11-21 (new)"},
		{"other zone", samples.Started.Add(-day).In(time.FixedZone("", 9*3600)), "since 2026-11-20 (1 day)"},
		{"after the audit", samples.Started.Add(time.Second), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := html.Options{Since: map[string]time.Time{report.Fingerprint(r.Registry, "validation-passed", "docker-hub"): tt.at}}
			if got := since(t, r, o); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}

	// What failed in the oldest audit that is known may have failed before.
	for age, want := range map[time.Duration]string{
		9 * day: "since 2026-11-12 or before (9 days)",
		8 * day: "since 2026-11-13 (8 days)",
	} {
		at := samples.Started.Add(-age)
		o := html.Options{
			Since:   map[string]time.Time{report.Fingerprint(r.Registry, "validation-passed", "docker-hub"): at},
			History: []report.Report{past(day, 1), past(9*day, 1)},
		}
		if got := since(t, r, o); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	// Then it may not be new, however short ago that was.
	moment := 30 * time.Second
	o := html.Options{
		Since:   map[string]time.Time{report.Fingerprint(r.Registry, "validation-passed", "docker-hub"): samples.Started.Add(-moment)},
		History: []report.Report{past(moment, 1)},
	}
	if got, want := since(t, r, o), "since 2026-11-21 or before"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// since is what a page shows about how long findings have failed.
func since(t *testing.T, r report.Report, o html.Options) string {
	t.Helper()
	shown := ""
	for _, p := range elements(parse(t, render(t, r, o)), "p") {
		if attribute(p, "class") == "since" {
			shown += textOf(p)
		}
	}
	return shown
}

// past is an audit that ended in so many high failures.
func past(age time.Duration, failures int) report.Report {
	r := samples.Realistic()
	r.Audit.ID, r.Audit.StartedAt = age.String(), samples.Started.Add(-age)
	r.Complete = true
	r.Summary = report.Summary{
		Outcomes: map[report.Outcome]int{report.Fail: failures + 1}, Waived: 1, Failed: map[report.Severity]int{report.High: failures},
	}
	return r
}

func TestHistory(t *testing.T) {
	now := past(0, 4)
	elsewhere, later, again := past(3*day, 9), past(-day, 9), past(day, 9)
	elsewhere.Registry = ptc.Registry{Account: "444455556666", Region: "eu-west-1"}
	partial := past(2*day, 1)
	partial.Complete = false
	var many []report.Report
	for i := range 200 {
		many = append(many, past(time.Duration(i+1)*time.Hour, 1+i%3))
	}
	tests := []struct {
		name    string
		history []report.Report
		// The first column of the table, and the alternative texts of the drawings.
		rows int
		alts []string
	}{
		{"none", nil, 0, nil},
		{"none of this registry and before", []report.Report{elsewhere, later, now}, 0, nil},
		{"sorted, each audit once", []report.Report{past(2*day, 0), past(day, 2), past(4*day, 7), again, elsewhere, later}, 4, []string{
			"Failures over 4 audits: 7 at first, 7 at most, 4 now.", "High over 4 audits: 7 at first, 7 at most, 4 now.",
		}},
		{"incomplete", []report.Report{partial}, 2, []string{
			"Failures over 2 audits: ≥ 1 at first, 4 at most, 4 now.", "High over 2 audits: ≥ 1 at first, 4 at most, 4 now.", "Incomplete over 2 audits: 1 at first, 1 at most, 0 now.",
		}},
		{"many", many, 120, []string{"Failures over 120 audits: 2 at first, 4 at most, 4 now.", "High over 120 audits: 2 at first, 4 at most, 4 now."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := parse(t, render(t, now, html.Options{History: tt.history}))
			var alts, times []string
			for _, svg := range elements(root, "svg") {
				if attribute(svg, "role") == "img" {
					alts = append(alts, attribute(svg, "aria-label"))
				}
			}
			if diff := cmp.Diff(tt.alts, alts); diff != "" {
				t.Errorf("drawings (-want +got):\n%s", diff)
			}
			for _, table := range elements(root, "table") {
				if attribute(table, "class") != "history" {
					continue
				}
				for _, th := range elements(table, "th") {
					if attribute(th, "scope") == "row" {
						times = append(times, attribute(elements(th, "time")[0], "datetime"))
					}
				}
			}
			if len(times) != tt.rows || !slices.IsSortedFunc(times, func(a, b string) int { return strings.Compare(b, a) }) {
				t.Errorf("%d rows, want %d, newest first: %q", len(times), tt.rows, times)
			}
			omitted := strings.Contains(textOf(root), "81 older ones are left out")
			if omitted != (tt.name == "many") {
				t.Errorf("says that older audits are left out: %t", omitted)
			}
		})
	}
}

// TestColumns: heights are proportional to the counts, on one baseline.
func TestColumns(t *testing.T) {
	root := parse(t, render(t, past(0, 24), html.Options{History: []report.Report{past(day, 12), past(2*day, 0), past(3*day, 1)}}))
	for _, svg := range elements(root, "svg") {
		if attribute(svg, "role") != "img" {
			continue
		}
		var got []string
		for _, rect := range elements(svg, "rect") {
			got = append(got, fmt.Sprint(attribute(rect, "x"), " ", attribute(rect, "y"), "+", attribute(rect, "height"), " ", textOf(rect)))
		}
		// 24 is full height; the day without failures has no column.
		want := []string{"200 92+4 2026-11-18 22:50 UTC: 1", "220 48+48 2026-11-20 22:50 UTC: 12", "230 0+96 2026-11-21 22:50 UTC: 24"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", attribute(svg, "aria-label"), diff)
		}
		if attribute(svg, "height") != "96" {
			t.Errorf("height %s", attribute(svg, "height"))
		}
	}
}

// The parts that a command is broken into are the command again.
func TestCommandsStayWhole(t *testing.T) {
	for _, command := range []string{
		"aws ecr create-pull-through-cache-rule --ecr-repository-prefix team/quay --upstream-registry-url quay.io --region eu-west-1",
		`aws secretsmanager put-secret-value --secret-string '{"a": "x --b  \"c\" <d>"}' --region eu-west-1`,
		"ptcaudit audit", "aws --a  --b --", "docker pull x",
	} {
		r := samples.Realistic()
		r.Findings = []report.Finding{{Check: "c", Outcome: report.Fail, Severity: report.Low, Remediation: "Run:\n" + command}}
		r.Finish()
		codes := elements(parse(t, render(t, r, html.Options{})), "code")
		if len(codes) != 1 {
			t.Fatalf("%d commands", len(codes))
		}
		var got strings.Builder
		for d := range codes[0].Descendants() {
			if d.Type == nethtml.TextNode {
				got.WriteString(d.Data)
			}
		}
		if got.String() != command {
			t.Errorf("got %q, want %q", got.String(), command)
		}
	}
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	r, o := acme(t, false)
	first := render(t, r, o)
	slices.Reverse(o.History)
	if !bytes.Equal(first, render(t, r, o)) {
		t.Error("the order of the history changes the page")
	}
}

func TestRenderReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := html.Render(failing{want}, samples.Realistic(), html.Options{}); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
