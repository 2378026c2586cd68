package untrusted_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"ptcaudit/internal/untrusted"
)

func TestLog(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a text", "two lines\nof 3 words\n", "two lines\nof 3 words\n"},
		{"an old command anywhere", "x ##[add-mask]y", "x ##(add-mask]y"},
		{"more number signs", "####[group]", "####(group]"},
		{"Azure Pipelines", "##vso[task.setvariable]y", "##vso(task.setvariable]y"},
		{"TeamCity", "##teamcity[message]", "##teamcity(message]"},
		{"a new command", "::add-mask::y", ":∶add-mask::y"},
		{"after blanks", "a\n \t::error::y", "a\n \t:∶error::y"},
		{"after a carriage return", "a\r::error::y", "a\r:∶error::y"},
		{"within a line", "std::vector a::b::c", "std::vector a::b::c"},
		{"no command", "# [a] #[b] ## [c]", "# [a] #[b] ## [c]"},
		{"letters of other alphabets", "##é[a]", "##é[a]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var whole, split strings.Builder
			if n, err := io.WriteString(untrusted.NewLog(&whole, untrusted.BracketInText), tt.in); n != len(tt.in) || err != nil {
				t.Errorf("wrote %d of %d bytes, error %v", n, len(tt.in), err)
			}
			log := untrusted.NewLog(&split, untrusted.BracketInText)
			for _, b := range []byte(tt.in) {
				if _, err := log.Write([]byte{b}); err != nil {
					t.Fatal(err)
				}
			}
			if whole.String() != tt.want || split.String() != tt.want {
				t.Errorf("%q, byte by byte %q, want %q", whole.String(), split.String(), tt.want)
			}
		})
	}
}

// In JSON the command is gone, and a program reads the same text.
func TestLogInJSON(t *testing.T) {
	const text = `x ##[add-mask]y \##[group]`
	raw, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if _, err := untrusted.NewLog(&out, untrusted.BracketInJSON).Write(raw); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got != text || strings.Contains(out.String(), "##[") {
		t.Errorf("%s is read as %q, error %v", out.String(), got, err)
	}
}

func TestLogReportsErrors(t *testing.T) {
	want := errors.New("full")
	if n, err := untrusted.NewLog(failing{want}, untrusted.BracketInText).Write([]byte("x")); n != 0 || !errors.Is(err, want) {
		t.Errorf("%d, %v", n, err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
