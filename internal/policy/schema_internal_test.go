package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/report"
)

// schema is a JSON schema, or a part of one.
type schema map[string]any

// known says more of some keys than their types do. A key means the same
// wherever it stands.
var known = map[string]schema{
	"apiVersion":       {"const": apiVersion},
	"id":               {"pattern": idPattern.String()},
	"severity":         {"enum": report.Severities()},
	"severities":       {"additionalProperties": schema{"enum": report.Severities()}},
	"scope":            {"enum": []expr.Scope{expr.RuleScope, expr.RegistryScope}},
	"upstreamRegistry": {"enum": upstreamNames()},
	"credential":       {"enum": []presence{needed, forbidden}},
	"role":             {"enum": []presence{needed, forbidden}},
	"references":       {"items": schema{"type": "string", "format": "uri"}},
	"accounts":         {"items": schema{"type": "string", "pattern": "^[0-9]{12}$"}},
	"effectiveFrom":    {"format": "date"},
	"expires":          {"format": "date"},
}

// required are the keys that an entry cannot do without.
var required = map[string][]string{
	"file":          {"apiVersion", "name"},
	"checkEntry":    {"id"},
	"requiredEntry": {"prefix"},
	"waiverEntry":   {"check", "owner", "reason", "expires"},
}

// schemaOf describes a type of file.go.
func schemaOf(t reflect.Type, docs map[string]string) schema {
	switch {
	case t == reflect.TypeFor[source.Text]():
		return schema{"type": "string"}
	case t == reflect.TypeFor[source.Flag]():
		return schema{"type": "boolean"}
	case t == reflect.TypeFor[source.Value]():
		scalar := []string{"boolean", "number", "string"}
		return schema{"type": append(scalar, "array"), "items": schema{"type": scalar}}
	case strings.HasPrefix(t.Name(), "Map["):
		value, _ := t.Elem().FieldByName("Value")
		return schema{"type": "object", "additionalProperties": schemaOf(value.Type, docs)}
	case t.Kind() == reflect.Slice:
		return schema{"type": "array", "items": schemaOf(t.Elem(), docs)}
	}
	properties := schema{}
	for f := range t.Fields() {
		key, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "" {
			continue
		}
		property := schemaOf(f.Type, docs)
		property["description"] = docs[t.Name()+"."+f.Name]
		if option == "nonempty" {
			property["minItems"] = 1
		}
		maps.Copy(property, known[key])
		properties[key] = property
	}
	out := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if keys := required[t.Name()]; keys != nil {
		out["required"] = keys
	}
	return out
}

// comments are those of the fields in file.go, by type and field.
func comments(t *testing.T) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "file.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					out[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				}
			}
		}
		return false
	})
	return out
}

// TestSchema compares policies/schema.json with what it should be.
func TestSchema(t *testing.T) {
	const path = "../../policies/schema.json"
	root := schemaOf(reflect.TypeFor[file](), comments(t))
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "A policy of ptcaudit"
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("policies/schema.json is stale, run make generate (-want +got):\n%s", diff)
	}
}

// TestRequiredKeysOfTheSchema compares them with those that the loader asks
// for.
func TestRequiredKeysOfTheSchema(t *testing.T) {
	for name, text := range map[string]string{
		"file":          "x: 1\n",
		"checkEntry":    "checks: [{}]\n",
		"requiredEntry": "requiredRules: [{}]\n",
		"waiverEntry":   "waivers: [{}]\n",
	} {
		var faults Errors
		root, ok := source.Parse("f", []byte(text), &faults)
		if !ok {
			t.Fatal(faults)
		}
		f := &file{location: location{path: "f"}}
		root.Decode(f, "the file")
		newResolver(false).merge(f)
		want := " needs " + strings.Join(required[name], ", ")
		if !slices.ContainsFunc(faults, func(e Error) bool { return strings.HasSuffix(e.Message, want) }) {
			t.Errorf("%s: %v, want one that ends %q", name, faults, want)
		}
	}
}
