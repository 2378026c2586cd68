package policies_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/expr"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestREADME compares the tables of README.md with the code that they
// describe.
func TestREADME(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := replaceTable(t, string(data), "vocabulary", vocabularyTable())
	want = replaceTable(t, want, "checks", checkTable(t))
	want = replaceTable(t, want, "keys", keyTable(t))
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(data) {
		t.Error("README.md is stale: run `make generate`")
	}
}

// replaceTable puts a table between the comments that mark its place.
func replaceTable(t *testing.T, text, name, table string) string {
	t.Helper()
	place := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^\n]*-->\n).*?(<!-- end -->)`)
	if n := len(place.FindAllString(text, -1)); n != 1 {
		t.Fatalf("README.md has %d places for %s", n, name)
	}
	return place.ReplaceAllStringFunc(text, func(found string) string {
		m := place.FindStringSubmatch(found)
		return m[1] + "\n" + table + "\n" + m[2]
	})
}

func vocabularyTable() string {
	var b strings.Builder
	b.WriteString("| name | type | |\n|---|---|---|\n")
	for _, e := range expr.Reference() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Name, e.Type, e.Doc)
	}
	return b.String()
}

// schema is what a table of the language needs of schema.json, which is made
// of the code that reads policies.
type schema struct {
	Type        any    // a name, or several
	Format      string // of a text
	Const       string
	Enum        []string
	Description string
	Items       *schema
	Properties  map[string]schema
	Required    []string
}

func keyTable(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root schema
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| key | value | |\n|---|---|---|\n")
	root.rows(&b, "")
	return b.String()
}

// rows are the keys of an object, each followed by those of its entries.
func (s schema) rows(b *strings.Builder, path string) {
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		value := s.Properties[key]
		must := ""
		if slices.Contains(s.Required, key) {
			must = ", required"
		}
		fmt.Fprintf(b, "| `%s` | %s%s | %s |\n", path+key, value.kind(), must, value.Description)
		if value.Items != nil {
			value.Items.rows(b, path+key+"[].")
		}
	}
}

// kind says what a value may be.
func (s schema) kind() string {
	switch {
	case s.Const != "":
		return "`" + s.Const + "`"
	case len(s.Enum) > 0:
		return "`" + strings.Join(s.Enum, "` `") + "`"
	case s.Format == "date":
		return "day"
	case s.Type == "array" && s.Items.Properties == nil:
		return "list(" + s.Items.kind() + ")"
	case s.Type == "array":
		return "list"
	case s.Type == "boolean":
		return "bool"
	case s.Type == "object":
		return "by name"
	}
	return fmt.Sprint(s.Type)
}

func checkTable(t *testing.T) string {
	t.Helper()
	strict := map[string]policy.Check{}
	for _, c := range load(t, "strict").Checks {
		strict[c.ID] = c
	}
	var b strings.Builder
	b.WriteString("| check | what it asks for | default | strict | params |\n|---|---|---|---|---|\n")
	for _, c := range load(t, "default").Checks {
		var params []string
		for _, m := range regexp.MustCompile(`params\.(\w+)`).FindAllStringSubmatch(c.Match+c.Assert, -1) {
			if p := "`" + m[1] + "`"; len(params) == 0 || params[0] != p {
				params = append(params, p)
			}
		}
		severity, sharper := string(c.Severity), string(strict[c.ID].Severity)
		if severity == "" {
			severity, sharper = "as waived", "as waived"
		}
		if strings.Contains(c.Match, ".size() > 0") {
			severity += ", skipped while empty"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", c.ID, c.Title, severity, sharper, strings.Join(params, " "))
	}
	return b.String()
}

func load(t *testing.T, name string) *policy.Policy {
	t.Helper()
	p, err := policy.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestREADMEExamples loads the policies in README.md and runs their tests. An
// example is a YAML block whose first line is a comment with its file's name.
func TestREADMEExamples(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(blocks) < 3 {
		t.Fatalf("README.md has %d examples", len(blocks))
	}
	dir := t.TempDir()
	var files []string
	for _, block := range blocks {
		first, _, _ := strings.Cut(block[1], "\n")
		name, ok := strings.CutPrefix(first, "# ")
		if !ok || filepath.Base(name) != name {
			t.Fatalf("an example begins with %q, not with its file's name", first)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if strings.HasSuffix(file, "_test.yaml") {
				runTests(t, file)
			} else {
				load(t, file)
			}
		})
	}
}
