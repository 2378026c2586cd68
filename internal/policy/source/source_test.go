package source_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
