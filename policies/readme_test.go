package policies_test

import (
	gocmp "cmp"
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

	"github.com/google/go-cmp/cmp"

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
	want = replaceTable(t, want, "params", paramTable(t))
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

// replaceTable replaces the table between the comments with its name.
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
	b.WriteString("| name | type | description |\n|---|---|---|\n")
	for _, e := range expr.Reference() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Name, e.Type, e.Doc)
	}
	return b.String()
}

// schema is the part of schema.json that the table of keys shows. The file is
// generated from the types that read policies.
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
	b.WriteString("| key | value | description |\n|---|---|---|\n")
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

// kind names the type of a value, or its possible values.
func (s schema) kind() string {
	switch {
	case s.Const != "":
		return "`" + s.Const + "`"
	case len(s.Enum) > 0:
		return "`" + strings.Join(s.Enum, "` `") + "`"
	case s.Format == "date":
		return "date"
	case s.Type == "array" && s.Items.Properties == nil:
		return "list(" + s.Items.kind() + ")"
	case s.Type == "array":
		return "list"
	case s.Type == "boolean":
		return "bool"
	case s.Type == "object":
		return "mapping"
	}
	return fmt.Sprint(s.Type)
}

// params describes the params of the shipped policies.
var params = []struct {
	name, unit string
	globs      bool
	what       string
}{
	{"allowedUpstreams", "the API's name of an upstream, as in `upstreamRegistry` above", false, "Upstreams that rules may have."},
	{"allowedUpstreamAccounts", "account ID, in quotes", false, "Accounts whose ECR registries may be upstreams."},
	{"allowedUpstreamRegions", "Region", false, "Regions whose ECR registries may be upstreams."},
	{"allowedPrefixes", "prefix", true, "Prefixes that rules may have."},
	{"allowedRegions", "Region", false, "Regions in which a registry may have rules."},
	{"emptyListAllowsNothing", "", false, "Whether the checks of these lists fail while their list is empty. Otherwise they are skipped."},
	{"allowRoot", "", false, "Whether a rule may have the prefix ROOT, which matches every repository."},
	{"ruleQuotaWarnAt", "number of rules", false, "A registry with this many rules fails `rule-quota`. The limit of ECR is 50."},
}

// paramTable shows each param with its values in the shipped policies. It fails
// if one is not described.
func paramTable(t *testing.T) string {
	t.Helper()
	inDefault, inStrict := load(t, "default").Params, load(t, "strict").Params
	var names []string
	for _, p := range params {
		names = append(names, p.name)
	}
	for _, shipped := range []map[string]any{inDefault, inStrict} {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(shipped)), slices.Sorted(slices.Values(names))); diff != "" {
			t.Fatalf("params (-shipped +described):\n%s", diff)
		}
	}
	var b strings.Builder
	b.WriteString("| param | type | unit | globs | default | strict | description |\n|---|---|---|---|---|---|---|\n")
	for _, p := range params {
		globs := "no"
		if p.globs {
			globs = "yes, `*` does not match a slash"
		}
		value := inDefault[p.name]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | `%v` | `%v` | %s |\n",
			p.name, kindOf(t, value), gocmp.Or(p.unit, "-"), globs, value, inStrict[p.name], p.what)
	}
	return b.String()
}

// kindOf names the type of a param's value. An empty list is a list of strings.
func kindOf(t *testing.T, value any) string {
	t.Helper()
	switch value.(type) {
	case bool:
		return "boolean"
	case int64:
		return "integer"
	case []any:
		return "list of strings"
	}
	t.Fatalf("a shipped param has the type %T, which this table does not know", value)
	return ""
}

func checkTable(t *testing.T) string {
	t.Helper()
	strict := map[string]policy.Check{}
	for _, c := range load(t, "strict").Checks {
		strict[c.ID] = c
	}
	var b strings.Builder
	b.WriteString("| check | requirement | default | strict | params |\n|---|---|---|---|---|\n")
	for _, c := range load(t, "default").Checks {
		var params []string
		for _, m := range regexp.MustCompile(`params\.(\w+)`).FindAllStringSubmatch(c.Match+c.Assert, -1) {
			if p := "`" + m[1] + "`"; !slices.Contains(params, p) {
				params = append(params, p)
			}
		}
		severity, sharper := string(c.Severity), string(strict[c.ID].Severity)
		if severity == "" {
			severity, sharper = "as waived", "as waived"
		}
		if strings.Contains(c.Match, "params.emptyListAllowsNothing") {
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
