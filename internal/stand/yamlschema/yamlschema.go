// Package yamlschema derives the JSON schema of a YAML file from the Go types
// that package source decodes it into. The comments of their fields become the
// descriptions.
package yamlschema

import (
	"bytes"
	"encoding/json"
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

	"ptcaudit/internal/policy/source"
)

// Schema is a JSON schema, or a part of one:
// https://json-schema.org/draft/2020-12/schema
type Schema map[string]any

// Types describes what the Go types of a file do not express.
type Types struct {
	// File is the Go file that declares the types.
	File string
	// Known are keywords to add to a key's schema. A key has the same meaning
	// in every mapping. Keywords with a type or an anyOf replace the schema that
	// follows from the Go type.
	Known map[string]Schema
	// Required are the keys that a mapping must have, by the name of its type.
	Required map[string][]string
}

// Of returns the schema of a type.
func (types Types) Of(t *testing.T, of reflect.Type) Schema {
	t.Helper()
	return types.schema(of, comments(t, types.File))
}

func (types Types) schema(t reflect.Type, docs map[string]string) Schema {
	switch {
	case t == reflect.TypeFor[source.Text]():
		return Schema{"type": "string"}
	case t == reflect.TypeFor[source.Flag]():
		return Schema{"type": "boolean"}
	case t == reflect.TypeFor[source.Node]():
		return Schema{}
	case t == reflect.TypeFor[source.Value]():
		scalar := []string{"boolean", "number", "string"}
		return Schema{"type": append(slices.Clone(scalar), "array"), "items": Schema{"type": scalar}}
	case strings.HasPrefix(t.Name(), "Map["):
		value, _ := t.Elem().FieldByName("Value")
		return Schema{"type": "object", "additionalProperties": types.schema(value.Type, docs)}
	case t.Kind() == reflect.Slice:
		return Schema{"type": "array", "items": types.schema(t.Elem(), docs)}
	}
	properties := Schema{}
	for f := range t.Fields() {
		key, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "" {
			continue
		}
		property := types.schema(f.Type, docs)
		known := types.Known[key]
		if known["type"] != nil || known["anyOf"] != nil {
			clear(property)
		}
		property["description"] = docs[t.Name()+"."+f.Name]
		if option == "nonempty" {
			property["minItems"] = 1
		}
		maps.Copy(property, known)
		properties[key] = property
	}
	out := Schema{"type": "object", "properties": properties, "additionalProperties": false}
	if keys := types.Required[t.Name()]; keys != nil {
		out["required"] = keys
	}
	return out
}

// comments returns the comments of the fields in a Go file, by TYPE.FIELD.
func comments(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
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

// Compare fails the test if a file does not hold the schema with this title. If
// update is true, it writes the file first.
func Compare(t *testing.T, path, title string, schema Schema, update bool) {
	t.Helper()
	root := maps.Clone(schema)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = title
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	if update {
		if err := os.WriteFile(path, want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("%s is stale: run `make generate` (-want +got):\n%s", path, diff)
	}
}
