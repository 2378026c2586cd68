package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"ptcaudit/internal/emulator"
)

// readFixture reads a fixture for the emulator: YAML or JSON, or the answer of
// `aws ecr describe-pull-through-cache-rules`, which says no Region. Errors
// name the place in the file where there is one.
func readFixture(file, region string) (emulator.Fixture, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the user names it
	if err != nil {
		return emulator.Fixture{}, err
	}
	return parseFixture(file, data, region)
}

// parseFixture is readFixture of what stands in a file.
func parseFixture(file string, data []byte, region string) (emulator.Fixture, error) {
	places, text, err := toJSON(file, data)
	if err != nil {
		return emulator.Fixture{}, err
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(text, &keys) == nil && keys["pullThroughCacheRules"] != nil {
		if region == "" {
			return emulator.Fixture{}, fmt.Errorf("%s does not say of which Region its rules are: say --region", file)
		}
		f, err := emulator.FromDescribe(text, region)
		return f, places.locate(err)
	}
	f, err := emulator.ParseFixture(text)
	return f, places.locate(err)
}

// place is where something stands in a file, both from 1.
type place struct{ line, column int }

// places remembers where in a YAML file the parts of the JSON stood that was
// made of it.
type places struct {
	file string
	// paths are those of keys and items, as registries[0].rules[2].customRoleArn.
	paths map[string]place
	// scalars are in the order of the JSON; end is the offset behind each.
	scalars []struct {
		end int
		place
	}
}

// toJSON makes JSON of a YAML file that holds one document of plain values.
func toJSON(file string, data []byte) (*places, []byte, error) {
	p := &places{file: file, paths: map[string]place{}}
	parsed, err := parser.ParseBytes(data, 0)
	if typed, ok := errors.AsType[yaml.Error](err); ok {
		at := typed.GetToken().Position
		return nil, nil, fmt.Errorf("%s:%d:%d: %s", file, at.Line, at.Column, typed.GetMessage())
	} else if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	switch {
	case len(parsed.Docs) == 0 || parsed.Docs[0].Body == nil && len(parsed.Docs) == 1:
		return nil, nil, fmt.Errorf("%s is empty: write a list of registries", file)
	case len(parsed.Docs) > 1:
		return nil, nil, p.errorf(parsed.Docs[1], "a second document begins here: a fixture is one")
	}
	var out bytes.Buffer
	if err := p.write(&out, parsed.Docs[0].Body, ""); err != nil {
		return nil, nil, err
	}
	return p, out.Bytes(), nil
}

// write writes a node as JSON.
func (p *places) write(out *bytes.Buffer, node ast.Node, path string) error {
	switch n := node.(type) {
	case *ast.MappingNode:
		out.WriteByte('{')
		for i, pair := range n.Values {
			if i > 0 {
				out.WriteByte(',')
			}
			key, ok := pair.Key.(ast.ScalarNode)
			if !ok || pair.Key.IsMergeKey() {
				return p.errorf(pair.Key, "this cannot be a key of a fixture")
			}
			name := fmt.Sprint(key.GetValue())
			inside := strings.TrimPrefix(path+"."+name, ".")
			p.paths[inside] = placeOf(pair.Key)
			quoted, err := json.Marshal(name)
			if err != nil {
				return p.errorf(pair.Key, "%v", err)
			}
			out.Write(append(quoted, ':'))
			if err := p.write(out, pair.Value, inside); err != nil {
				return err
			}
		}
		out.WriteByte('}')
		return nil
	case *ast.SequenceNode:
		out.WriteByte('[')
		for i, item := range n.Values {
			if i > 0 {
				out.WriteByte(',')
			}
			inside := fmt.Sprintf("%s[%d]", path, i)
			p.paths[inside] = placeOf(item)
			if err := p.write(out, item, inside); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	case *ast.NullNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.LiteralNode:
		value, err := json.Marshal(node.(ast.ScalarNode).GetValue())
		if literal, ok := node.(*ast.LiteralNode); ok {
			value, err = json.Marshal(literal.Value.Value)
		}
		if err != nil {
			return p.errorf(node, "%v", err)
		}
		out.Write(value)
		p.scalars = append(p.scalars, struct {
			end int
			place
		}{out.Len(), placeOf(node)})
		return nil
	}
	return p.errorf(node, "a fixture is plain data: no anchors, aliases or tags")
}

// kinds are what a fixture's fields are made of.
var kinds = map[reflect.Kind]string{
	reflect.String: "text (put it in quotes)",
	reflect.Slice:  "a list",
	reflect.Struct: "a mapping",
	reflect.Bool:   "true or false",
	reflect.Int:    "a whole number",
	reflect.Int64:  "a time such as 100ms",
}

// locate puts places before the lines of an error about the JSON.
func (p *places) locate(err error) error {
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		message := fmt.Sprintf("%s has to be %s, and is a %s", cmp.Or(wrong.Field, "a fixture"), kinds[wrong.Type.Kind()],
			strings.NewReplacer("array", "list", "object", "mapping").Replace(wrong.Value))
		for _, scalar := range p.scalars {
			if int64(scalar.end) >= wrong.Offset {
				return fmt.Errorf("%s:%d:%d: %s", p.file, scalar.line, scalar.column, message)
			}
		}
	}
	var lines []error
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "read fixture: "), "read rules: ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		path, _, _ := strings.Cut(line, ": ")
		// The nearest part that stands in the file: what is missing has none.
		for at, ok := p.paths[path]; path != ""; at, ok = p.paths[path] {
			if ok {
				line = fmt.Sprintf("%d:%d: %s", at.line, at.column, line)
				break
			}
			path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		}
		if path == "" {
			line = " " + line
		}
		lines = append(lines, errors.New(p.file+":"+line))
	}
	return errors.Join(lines...)
}

func (p *places) errorf(node ast.Node, format string, args ...any) error {
	at := placeOf(node)
	return fmt.Errorf("%s:%d:%d: %s", p.file, at.line, at.column, fmt.Sprintf(format, args...))
}

// placeOf is where a node begins.
func placeOf(node ast.Node) place {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 { // its own token is a colon
			return placeOf(n.Values[0].Key)
		}
	case *ast.DocumentNode: // has no token where it is empty
		if n.Start == nil {
			return placeOf(n.Body)
		}
		return place{n.Start.Position.Line, n.Start.Position.Column}
	}
	at := node.GetToken().Position
	return place{at.Line, at.Column}
}
