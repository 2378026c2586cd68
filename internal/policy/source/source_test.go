package source_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ptcaudit/internal/policy/source"
)

// sample is a struct of every kind of field.
type sample struct {
	source.Mapping
	Text    source.Text              `yaml:"text"`
	Flag    source.Flag              `yaml:"flag"`
	Values  source.Map[source.Value] `yaml:"values"`
	Entries []struct {
		source.Mapping
		ID    source.Text   `yaml:"id"`
		Names []source.Text `yaml:"names"`
	} `yaml:"entries"`
}

// read decodes a file; the faults come back as "LINE:COL: message".
func read(t *testing.T, data string) (sample, []string) {
	t.Helper()
	var s sample
	var faults source.Errors
	root, ok := source.Parse("f.yaml", []byte(data), &faults)
	if ok {
		root.Decode(&s, "the file")
	}
	if !ok && len(faults) == 0 {
		t.Fatal("no root, and no fault")
	}
	return s, lines(faults)
}

func lines(faults source.Errors) []string {
	err := faults.Err()
	if err == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), "f.yaml:", ""), "\n")
}

func TestDecode(t *testing.T) {
	s, faults := read(t, `
text: a title # with a comment
flag: true
values: {count: 3, share: -0.5e1, name: "5", on-list: [a, "true"], none: []}
entries:
  - {id: x, names: ['y', z]}
  - id: x2
`)
	if faults != nil {
		t.Fatal(faults)
	}
	values := map[string]any{}
	for _, e := range s.Values {
		values[e.Key.Value] = e.Value.Value
	}
	want := map[string]any{"count": int64(3), "share": -5.0, "name": "5", "on-list": []any{"a", "true"}, "none": []any{}}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("values differ (-want +got):\n%s", diff)
	}
	if s.Text.Value != "a title" || !s.Flag.Value || len(s.Entries) != 2 || s.Entries[0].Names[1].Value != "z" || !s.Entries[1].Has("id") || s.Entries[1].Has("names") {
		t.Errorf("got %+v", s)
	}
}

// styles are the ways to write the text a == "é" && b in YAML, with $ in
// front of the b.
var styles = []struct{ name, yaml string }{
	{"plain", `text: a == "é" && $b`},
	{"plain after a comment", "# é\n\n  # more\ntext:   a == \"é\" && $b  # b b b"},
	{"plain over lines", "text: a ==\n  \"é\"\n\n  && $b"},
	{"plain below the key", "text:\n    a == \"é\"\n    && $b"},
	{"single quotes", `text: 'a == "é" && $b'`},
	{"single quotes with a quote", `text: 'it''s a == "é" && $b'`},
	{"single quotes over lines", "text: 'a == \"é\"\n\n   && $b'"},
	{"double quotes", `text: "a == \"é\" && $b"`},
	{"double quotes with escapes", `text: "\x61\t== \"\u00e9\" \U00000026& \n\u0020$b"`},
	{"double quotes over lines", "text: \"a == \\\"é\\\" \\\n   && \n\n  $b\""},
	{"literal", "text: |\n  a == \"é\"\n    && $b\n"},
	{"literal with blank lines", "text: |\n\n\n  a == \"é\"\n\n  && $b\n\n"},
	{"literal, stripped, commented", "text: |- # b b b\n  a == \"é\" && $b"},
	{"literal with an indicator", "text: |2\n    a == \"é\"\n    && $b\n"},
	{"folded", "text: >\n  a ==\n  \"é\"\n  && $b\n"},
	{"folded with more indented lines", "text: >-\n\n  a ==\n\n     \"é\"\n  && $b"},
	{"flow", `{text: a == "é" && $b, flag: true}`},
	{"in an entry", "entries:\n  - id: x\n    names: [x, 'a == \"é\" && $b']"},
	{"literal in an entry", "entries:\n- names:\n  - |\n    a == \"é\"\n    && $b\n  id: x"},
	{"Windows line breaks", "flag: true\r\ntext: |\r\n  a ==\r\n  \"é\" && $b\r\n"},
	{"byte order mark", "\ufefftext: a == \"é\" && $b"},
}

func TestFaultAtPointsIntoEveryStyleOfScalar(t *testing.T) {
	for _, tt := range styles {
		t.Run(tt.name, func(t *testing.T) {
			before, after, _ := strings.Cut(tt.yaml, "$")
			var faults source.Errors
			root, ok := source.Parse("f.yaml", []byte(before+after), &faults)
			if !ok {
				t.Fatal(faults)
			}
			var s sample
			root.Decode(&s, "the file")
			if err := faults.Err(); err != nil {
				t.Fatal(err)
			}
			text := s.Text
			if len(s.Entries) > 0 {
				names := s.Entries[0].Names
				text = names[len(names)-1]
			}
			line, column := place(text.Value, strings.LastIndex(text.Value, "b"))
			text.FaultAt(line, column, "here")
			text.FaultAt(line, column+1, "behind")
			text.FaultAt(line+7, 1, "far behind")

			head := strings.TrimPrefix(strings.ReplaceAll(before, "\r", ""), "\ufeff")
			wantLine, wantColumn := place(head, len(head))
			want := []string{
				fmt.Sprintf("%d:%d: here", wantLine, wantColumn),
				fmt.Sprintf("%d:%d: behind", wantLine, wantColumn+1),
				fmt.Sprintf("%d:%d: far behind", wantLine, wantColumn+1),
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, lines(faults)); diff != "" {
				t.Errorf("of %q (-want +got):\n%s\n%s", text.Value, diff, faults.Excerpt())
			}
		})
	}
}

// place is the line and column of a byte offset, both from 1.
func place(s string, offset int) (line, column int) {
	head := s[:offset]
	return strings.Count(head, "\n") + 1, len([]rune(head[strings.LastIndex(head, "\n")+1:])) + 1
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("a", 300) + "X" + strings.Repeat("b", 300)
	tests := []struct {
		name  string
		fault source.Error
		want  string
	}{
		{"whole file", source.Error{File: "f", Message: "m"}, "f: m\n"},
		{"first rune", source.Error{"f", 1, 1, "m", "abc"}, "f:1:1: m\nabc\n^\n"},
		{"behind the last", source.Error{"f", 1, 4, "m", "äbc"}, "f:1:4: m\näbc\n   ^\n"},
		{"tabs", source.Error{"f", 1, 4, "m", "\tä\tx"}, "f:1:4: m\n\tä\tx\n\t \t^\n"},
		{"empty line", source.Error{"f", 7, 1, "m", ""}, "f:7:1: m\n"},
		{"long line", source.Error{"f", 1, 301, "m", long}, "f:1:301: m\n…" + long[200:400] + "…\n" + strings.Repeat(" ", 101) + "^\n"},
		{"begin of a long line", source.Error{"f", 1, 3, "m", long}, "f:1:3: m\n" + long[:200] + "…\n  ^\n"},
		{"end of a long line", source.Error{"f", 1, 602, "m", long}, "f:1:602: m\n…" + long[401:] + "\n" + strings.Repeat(" ", 201) + "^\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.fault.Excerpt()); diff != "" {
				t.Errorf("excerpt differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFaultAtFindsEveryRune writes random texts in random styles and looks for
// each rune of the value in the file.
func TestFaultAtFindsEveryRune(t *testing.T) {
	runes := rapid.SliceOfN(rapid.SampledFrom([]rune("ab7é漢😀 \t\n'\"\\#:&|-,[]{}")), 1, 40)
	rapid.Check(t, func(t *rapid.T) {
		// A line of a block scalar begins and ends with a visible character.
		lines := strings.Split(string(runes.Draw(t, "text")), "\n")
		for i, l := range lines {
			lines[i] = "x" + l + "x"
		}
		value := strings.Join(lines, "\n")
		var yaml string
		style := rapid.SampledFrom([]string{"literal", "folded", "single", "double", "escaped"}).Draw(t, "style")
		switch style {
		case "literal":
			yaml = "|-\n    " + strings.Join(lines, "\n    ")
		case "folded":
			yaml = ">-\n  " + strings.Join(lines, "\n\n  ")
		case "single":
			yaml = "'" + strings.ReplaceAll(strings.Join(lines, "\n\n   "), "'", "''") + "'"
		case "double":
			yaml = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", "\\\n   \\n", "\t", `\t`).Replace(value) + `"`
		case "escaped":
			for _, r := range value {
				yaml += fmt.Sprintf(`\U%08x`, r)
			}
			yaml = `"` + yaml + `"`
		}
		file := "flag: true # é\ntext: " + yaml + "\n"
		var faults source.Errors
		root, ok := source.Parse("f.yaml", []byte(file), &faults)
		var s sample
		if ok {
			root.Decode(&s, "the file")
		}
		if len(faults) > 0 || s.Text.Value != value {
			t.Fatalf("%s is read as %q, %v", file, s.Text.Value, faults)
		}
		line, column := 1, 1
		for _, r := range value {
			s.Text.FaultAt(line, column, "%c", r)
			column++
			if r == '\n' {
				line, column = line+1, 1
			}
		}
		for i, r := range []rune(value) {
			if unicode.IsSpace(r) {
				continue
			}
			f := faults[i]
			got := string([]rune(f.Source)[f.Column-1:])
			want := string(r)
			switch {
			case style == "escaped":
				want = fmt.Sprintf(`\U%08x`, r)
			case style == "double" && (r == '"' || r == '\\'):
				want = `\` + want
			}
			if !strings.HasPrefix(got, want) {
				t.Fatalf("rune %d, %q, is found at %d:%d, %q:\n%s", i, r, f.Line, f.Column, got, file)
			}
		}
	})
}

// TestScalars reads scalars as a string and as a value. Scalars on which YAML
// readers disagree are refused as both.
func TestScalars(t *testing.T) {
	const faulty = "faulty"
	tests := []struct {
		yaml      string
		asText    any // a string, or faulty
		asValue   any
		textFault string
	}{
		{yaml: "a b", asText: "a b", asValue: "a b"},
		{yaml: "2027-03-31", asText: "2027-03-31", asValue: "2027-03-31"},
		{yaml: "1.2.3", asText: "1.2.3", asValue: "1.2.3"},
		{yaml: "12:30:45", asText: "12:30:45", asValue: "12:30:45"},
		{yaml: "eu-west-1", asText: "eu-west-1", asValue: "eu-west-1"},
		{yaml: "-", asText: faulty, asValue: faulty},
		{yaml: `"12"`, asText: "12", asValue: "12"},
		{yaml: "'true'", asText: "true", asValue: "true"},
		{yaml: "''", asText: "", asValue: ""},
		{yaml: "|-\n  12", asText: "12", asValue: "12"},
		{yaml: "true", asText: faulty, asValue: true, textFault: `text must be a string, not a boolean: write "true"`},
		{yaml: "False", asText: faulty, asValue: false},
		{yaml: "yes", asText: faulty, asValue: faulty, textFault: `text must be a string, not a boolean: write "yes"`},
		{yaml: "Off", asText: faulty, asValue: faulty},
		{yaml: "12", asText: faulty, asValue: int64(12), textFault: `text must be a string, not a number: write "12"`},
		{yaml: "-3", asText: faulty, asValue: int64(-3)},
		{yaml: "0", asText: faulty, asValue: int64(0)},
		{yaml: "1.50", asText: faulty, asValue: 1.5},
		{yaml: "1e3", asText: faulty, asValue: 1000.0},
		{yaml: "1e999", asText: faulty, asValue: faulty},
		{yaml: "9223372036854775807", asText: faulty, asValue: int64(9223372036854775807)},
		{yaml: "9223372036854775808", asText: faulty, asValue: faulty},
		{yaml: "011122223333", asText: faulty, asValue: faulty, textFault: `text must be a string, not a number: write "011122223333" (without quotes YAML reads 1229530843)`},
		{yaml: "089122223333", asText: faulty, asValue: faulty},
		{yaml: "0o17", asText: faulty, asValue: faulty},
		{yaml: "0x1F", asText: faulty, asValue: faulty, textFault: `text must be a string, not a number: write "0x1F" (without quotes YAML reads 31)`},
		{yaml: "0b11", asText: faulty, asValue: faulty},
		{yaml: "1_000", asText: faulty, asValue: faulty},
		{yaml: "+1", asText: faulty, asValue: faulty},
		{yaml: ".5", asText: faulty, asValue: faulty},
		{yaml: "1.", asText: faulty, asValue: faulty},
		{yaml: ".inf", asText: faulty, asValue: faulty},
		{yaml: "-.INF", asText: faulty, asValue: faulty},
		{yaml: ".NaN", asText: faulty, asValue: faulty},
		{yaml: "", asText: faulty, asValue: faulty, textFault: "text is empty: give it a value or leave it out"},
		{yaml: "~", asText: faulty, asValue: faulty, textFault: "text is empty: give it a value or leave it out"},
		{yaml: "NULL", asText: faulty, asValue: faulty},
		{yaml: "{a: b}", asText: faulty, asValue: faulty, textFault: "text must be a string, not a mapping"},
		{yaml: "[a]", asText: faulty, asValue: []any{"a"}, textFault: "text must be a string, not a list"},
		{yaml: "[1, 2.5]", asText: faulty, asValue: faulty},
		{yaml: "!!str 12", asText: faulty, asValue: faulty},
		{yaml: "&a x", asText: faulty, asValue: faulty},
		{yaml: "*a", asText: faulty, asValue: faulty},
	}
	for _, tt := range tests {
		t.Run(tt.yaml, func(t *testing.T) {
			s, faults := read(t, "text: "+tt.yaml+"\n")
			var text any = s.Text.Value
			if len(faults) > 0 {
				text = faulty
			}
			if text != tt.asText {
				t.Errorf("as a text %#v, %q, want %#v", text, faults, tt.asText)
			}
			if tt.textFault != "" && (len(faults) != 1 || !strings.HasSuffix(faults[0], " "+tt.textFault)) {
				t.Errorf("faults %q, want %q", faults, tt.textFault)
			}
			s, faults = read(t, "values:\n  v: "+strings.ReplaceAll(tt.yaml, "\n", "\n  ")+"\n")
			var value any = faulty
			if len(faults) == 0 {
				value = s.Values[0].Value.Value
			}
			if diff := cmp.Diff(tt.asValue, value); diff != "" {
				t.Errorf("as a value, %q (-want +got):\n%s", faults, diff)
			}
		})
	}
}
