package untrusted_test

import (
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

func FuzzOutside(f *testing.F) {
	f.Add("a\x1b[2J\u202e\u2028b  \xff", 3)
	f.Add(strings.Repeat("x ", 100), 10)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(1, min(limit, 10000))
		shown := append(untrusted.Lines(s, limit), untrusted.Line(s, limit))
		for _, line := range shown {
			if !utf8.ValidString(line) {
				t.Errorf("%q is no UTF-8", line)
			}
			for _, r := range line {
				if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
					t.Errorf("%q holds %U", line, r)
				}
			}
		}
		if n := utf8.RuneCountInString(untrusted.Line(s, limit)); n > limit+1 {
			t.Errorf("%d characters, limit %d", n, limit)
		}
		if n := utf8.RuneCountInString(strings.Join(untrusted.Lines(s, limit), "\n")); n > limit+2 {
			t.Errorf("%d characters of lines, limit %d", n, limit)
		}
	})
}
