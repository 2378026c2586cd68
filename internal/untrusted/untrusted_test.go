package untrusted_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/untrusted"
)

func TestLine(t *testing.T) {
	tests := []struct {
		name, in string
		limit    int
		want     string
	}{
		{"plain", "docker-hub", 20, "docker-hub"},
		{"exactly as long", "docker-hub", 10, "docker-hub"},
		{"cut", "docker-hub", 9, "docker-hu…"},
		{"cut before a blank", "docker hub", 6, "docker…"},
		{"cut at a blank", "docker hub", 7, "docker…"},
		{"line breaks", "a\r\n\n b\u2028c\u0085d", 20, "a b c d"},
		{"blanks around", "\t a ", 20, "a"},
		{"terminal", "a\x1b[2Jb\x07\x00", 20, "a[2Jb"},
		{"direction", "\u202egpj.\u2066exe\u200b", 20, "gpj.exe"},
		{"no UTF-8", "a\xffb", 20, "a\ufffdb"},
		{"wide", "見本", 2, "見本"},
		{"empty", "", 20, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := untrusted.Line(tt.in, tt.limit); got != tt.want {
				t.Errorf("Line = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTextHasNoAddressToOpen(t *testing.T) {
	if got, want := untrusted.Text("see https://evil.example"), "see https: //evil.example"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
}

func TestLines(t *testing.T) {
	tests := []struct {
		name, in string
		limit    int
		want     []string
	}{
		{"sentence and command", "Do:\n\n  aws x --a 'b  c'\r\n", 100, []string{"Do:", "aws x --a 'b  c'"}},
		{"whole lines only", "one\ntwo\nthree", 8, []string{"one", "…"}},
		{"forged line", "a\u2028RESOLVED\x1b[1A", 100, []string{"a RESOLVED[1A"}},
		{"empty", "\n \n", 100, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, untrusted.Lines(tt.in, tt.limit)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := untrusted.Lines(strings.Repeat("x\n", 1000), 100000); len(got) != 31 {
		t.Errorf("%d lines, want 30 and a mark", len(got))
	}
}

func TestLink(t *testing.T) {
	const docs = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html?a=1&b=2#c_d"
	refused := []string{
		"", "docs", "//docs.example", "javascript:alert(1)", "data:text/html,x", "ftp://a.example", "https://",
		"https://a.example/\nx", "https://a.example/ x", "https://a.example/<x>", "https://a.example/)[x](", "https://a.example/`",
		"https://user@a.example", "https://\u0430pple.example", "https://a.example/" + strings.Repeat("x", 1000), "https://%zz",
	}
	got := untrusted.Links(append(refused, docs))
	if diff := cmp.Diff([]string{docs}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCommandsToCIServicesAreText(t *testing.T) {
	for in, want := range map[string]string{
		"::error::x":                 "∶:error::x",
		"wraps here ::add-mask::x":   "wraps here ∶:add-mask::x",
		"##[error]x":                 "##(error]x",
		"a##vso[task.x]":             "a##vso(task.x]",
		"##teamcity[x]":              "##teamcity(x]",
		"#\u200b#[group]":            "##(group]",
		"arn:aws:s3:::bucket # [ok]": "arn:aws:s3:::bucket # [ok]",
	} {
		if got := untrusted.Line(in, 100); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestVerbatimKeepsColumns(t *testing.T) {
	if got, want := untrusted.Verbatim("a:\t b\x1b\u202e\u2028\u200b見"), "a:\t b\ufffd\ufffd \ufffd見"; got != want {
		t.Errorf("Verbatim = %q, want %q", got, want)
	}
}

func TestMarksAreFew(t *testing.T) {
	if got, want := untrusted.Line("\u0338a"+strings.Repeat("\u0301", 9)+" \u0301b", 100), "a"+strings.Repeat("\u0301", 3)+" b"; got != want {
		t.Errorf("Line = %q, want %q", got, want)
	}
}

// FuzzForms checks what every form promises of any text.
func FuzzForms(f *testing.F) {
	f.Add("a\x1b[2J\u202e\u2028b  \xff\u061c\u200e\U000e0041\ufe0f\u2800", 3)
	f.Add(strings.Repeat("x ", 100), 10)
	f.Add("::add-mask::x ##[error] ##vso[x]\n::error::y", 40)
	f.Add("=1+1;\n-2 '\"@SUM(A1) https://evil.example ```", 60)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(1, min(limit, 10000))
		again := map[string]func(string) string{
			"Line":     func(s string) string { return untrusted.Line(s, limit) },
			"Sentence": func(s string) string { return untrusted.Sentence(s, limit) },
			"ID":       func(s string) string { return untrusted.ID(s, limit) },
			"Verbatim": untrusted.Verbatim,
			"Lines":    func(s string) string { return strings.Join(untrusted.Lines(s, limit+1), "\n") },
		}
		for name, form := range again {
			got := form(s)
			for line := range strings.SplitSeq(got, "\n") {
				shown(t, name, line)
			}
			if name != "Lines" && strings.Contains(got, "\n") {
				t.Errorf("%s(%q) = %q has several lines", name, s, got)
			}
			if name != "Lines" && name != "ID" && form(got) != got {
				t.Errorf("%s(%q) = %q, and of that %q", name, s, got, form(got))
			}
		}
		line := untrusted.Line(s, limit)
		if n := utf8.RuneCountInString(line); n > limit+1 {
			t.Errorf("Line has %d characters, limit %d", n, limit)
		}
		if strings.Contains(untrusted.Sentence(s, limit), "://") {
			t.Errorf("Sentence(%q) has an address", s)
		}
		if n := utf8.RuneCountInString(strings.Join(untrusted.Lines(s, limit), "\n")); n > limit+2 {
			t.Errorf("Lines has %d characters, limit %d", n, limit)
		}
		if got, want := utf8.RuneCountInString(untrusted.Verbatim(s)), utf8.RuneCountInString(s); got != want {
			t.Errorf("Verbatim(%q) has %d characters, want %d", s, got, want)
		}
		if cell := untrusted.Cell(line); formula.MatchString(cell) {
			t.Errorf("Cell(%q) = %q is a formula", s, cell)
		}
		for _, written := range []string{untrusted.WorkflowMessage(s), untrusted.WorkflowProperty(s)} {
			if strings.ContainsAny(written, "\r\n") {
				t.Errorf("%q has several lines", written)
			}
		}
		if property := untrusted.WorkflowProperty(s); strings.ContainsAny(property, ":,") {
			t.Errorf("property %q does not end where it should", property)
		}
		span := untrusted.CodeSpan(s)
		shown(t, "CodeSpan", span)
		if marks := len(span) - len(strings.TrimLeft(span, "`")); strings.Count(span, strings.Repeat("`", marks)) != 2 {
			t.Errorf("CodeSpan(%q) = %q ends early", s, span)
		}
	})
}

var (
	formula = regexp.MustCompile(`^[ "]*[=+\-@＝＋－＠]`)
	command = regexp.MustCompile(`(^|\s)::|##\w*\[`)
)

// shown fails if a line has a character that a reader does not see, or a
// command for a CI service.
func shown(t *testing.T, name, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Errorf("%s: %q is not valid UTF-8", name, line)
	}
	for _, r := range line {
		if r != '\t' && unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Variation_Selector) {
			t.Errorf("%s: %q has %U", name, line, r)
		}
	}
	if command.MatchString(line) {
		t.Errorf("%s: %q has a command", name, line)
	}
}
