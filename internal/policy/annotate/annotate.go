// Package annotate prints a resolved policy as YAML. A comment behind each value
// names the file and line that set it.
package annotate

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/untrusted"
)

// YAML is a policy as one YAML file with the same digest. A value that is built
// in has no place and no comment.
func YAML(p *policy.Policy, places policy.Places) (string, error) {
	single, err := p.Single()
	if err != nil {
		return "", err
	}
	var whole yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(single, &whole, yaml.UseOrderedMap()); err != nil {
		return "", err
	}
	var fields struct {
		Params map[string]any
		Checks []map[string]any
		// Of the others only what names an entry is needed.
		RequiredRules      []struct{ Prefix string }
		Overrides, Waivers []any
		Disable            []string
	}
	if err := json.Unmarshal(single, &fields); err != nil {
		return "", err
	}
	plain, err := yaml.MarshalWithOptions(whole, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return "", err
	}
	d := document{lines: strings.SplitAfter(string(plain), "\n"), places: places}
	if d.parsed, err = parser.ParseBytes(plain, 0); err != nil {
		return "", err
	}
	errs := []error{d.comment("$.name", "name")}
	for name := range fields.Params {
		errs = append(errs, d.comment("$.params."+name, "params."+name))
	}
	for i, check := range fields.Checks {
		for field := range check {
			errs = append(errs, d.comment(fmt.Sprintf("$.checks[%d].%s", i, field), fmt.Sprintf("checks.%s.%s", check["id"], field)))
		}
	}
	for i, r := range fields.RequiredRules {
		errs = append(errs, d.comment(fmt.Sprintf("$.requiredRules[%d].prefix", i), "requiredRules."+r.Prefix))
	}
	for i := range fields.Overrides {
		errs = append(errs, d.comment(fmt.Sprintf("$.overrides[%d]", i), "overrides."+strconv.Itoa(i)))
	}
	for i := range fields.Waivers {
		errs = append(errs, d.comment(fmt.Sprintf("$.waivers[%d].check", i), "waivers."+strconv.Itoa(i)))
	}
	for i, id := range fields.Disable {
		errs = append(errs, d.comment(fmt.Sprintf("$.disable[%d]", i), "disable."+id))
	}
	return strings.Join(d.lines, ""), errors.Join(errs...)
}

// document is a YAML file that gets comments. They are added as text, because
// the library's own comments break empty lists.
type document struct {
	lines  []string
	parsed *ast.File
	places policy.Places
}

// comment adds the place of a key, if it has one, to the line at a YAML path.
func (d *document) comment(path, key string) error {
	at, ok := d.places[key]
	if !ok {
		return nil
	}
	wanted, err := yaml.PathString(path)
	if err != nil {
		return err
	}
	node, err := wanted.FilterFile(d.parsed)
	if err != nil {
		return err
	}
	line := &d.lines[keyLine(node)-1]
	*line = strings.TrimSuffix(*line, "\n") + "  # " + untrusted.Verbatim(filepath.ToSlash(at.File)) + ":" + strconv.Itoa(at.Line) + "\n"
	return nil
}

// keyLine is the line of a value's key. A block list and a literal text begin
// below their key, every other value beside it.
func keyLine(n ast.Node) int {
	switch v := n.(type) {
	case *ast.SequenceNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return v.Start.Position.Line - 1
		}
	case *ast.LiteralNode:
		return v.Start.Position.Line
	case *ast.MappingNode:
		return v.Values[0].Key.GetToken().Position.Line
	}
	return n.GetToken().Position.Line
}
