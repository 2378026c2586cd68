package policy

import (
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/report"
	"ptcaudit/internal/stand/yamlschema"
)

type schema = yamlschema.Schema

// known are the limits of some keys' values, which their types do not express.
var known = map[string]schema{
	"apiVersion":       {"const": apiVersion},
	"id":               {"pattern": idPattern.String()},
	"severity":         {"enum": report.Severities()},
	"severities":       {"additionalProperties": schema{"enum": report.Severities()}},
	"paramTypes":       {"additionalProperties": schema{"enum": expr.Words()}},
	"scope":            {"enum": []expr.Scope{expr.RuleScope, expr.RegistryScope}},
	"upstreamRegistry": {"enum": upstreamNames()},
	"credential":       {"enum": []presence{needed, forbidden}},
	"role":             {"enum": []presence{needed, forbidden}},
	"references":       {"items": schema{"type": "string", "format": "uri"}},
	"accounts":         {"items": schema{"type": "string", "pattern": "^[0-9]{12}$"}},
	"effectiveFrom":    {"format": "date"},
	"expires":          {"format": "date"},
}

// required are the keys that an entry must have.
var required = map[string][]string{
	"file":          {"apiVersion", "name"},
	"checkEntry":    {"id"},
	"requiredEntry": {"prefix"},
	"waiverEntry":   {"check", "owner", "reason", "expires"},
}

// TestSchema compares policies/schema.json with the types of file.go.
func TestSchema(t *testing.T) {
	types := yamlschema.Types{File: "file.go", Known: known, Required: required}
	update := flag.Lookup("update").Value.String() == "true"
	yamlschema.Compare(t, "../../policies/schema.json", "A policy of ptcaudit", types.Of(t, reflect.TypeFor[file]()), update)
}

// TestRequiredKeysOfTheSchema compares them with those that the loader
// requires.
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
