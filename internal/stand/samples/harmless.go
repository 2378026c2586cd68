package samples

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// MaxHostile is the largest output of the hostile report in any format, in
// bytes. The report itself has megabytes of text.
const MaxHostile = 128 << 10

// hidden matches escapes of JSON and XML for characters that must not be
// written, however they are spelled.
var hidden = regexp.MustCompile(`(?i)\\u(00[01789]|200|202|206|feff)|&#x?(1b|7|0|8238);`)

// forged matches a command of the attacks to a CI service, which may be at
// the start of a line, or anywhere.
var forged = regexp.MustCompile(`(?m)^\s*::(set-output|add-mask|error::forged)|##(vso)?\[`)

// Harmless fails if what was written of the hostile report could mislead a
// reader, a terminal or a CI service: it must be valid UTF-8 of bounded size,
// show every character that it has, and have no command of an attack.
func Harmless(t *testing.T, written []byte) {
	t.Helper()
	text := string(written)
	if !utf8.ValidString(text) {
		t.Error("the output is not valid UTF-8")
	}
	if len(text) > MaxHostile {
		t.Errorf("the output has %d bytes, more than %d", len(text), MaxHostile)
	}
	for i, r := range text {
		if r != '\n' && r != '\r' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Variation_Selector)) {
			t.Errorf("the output has %U in %q", r, text[max(0, i-40):min(len(text), i+40)])
		}
	}
	if strings.Contains(text, "\r") && strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r") {
		t.Error("the output has a carriage return without a line feed")
	}
	for _, pattern := range []*regexp.Regexp{hidden, forged} {
		if at := pattern.FindStringIndex(text); at != nil {
			t.Errorf("the output has %q in %q", text[at[0]:at[1]], text[max(0, at[0]-60):min(len(text), at[1]+60)])
		}
	}
}
