package expr

import (
	"fmt"
	"regexp"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// paramPrefix begins the name of every param in an expression.
const paramPrefix = "params."

var paramName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Params is a set of values for the params of an Env.
type Params struct {
	values map[string]ref.Val // keyed by the name in expressions, "params." included
}

// Params checks a value for every param of the Env. The types must be those of
// the values given to New.
func (e *Env) Params(values map[string]any) (*Params, error) {
	out := &Params{values: make(map[string]ref.Val, len(values))}
	for _, name := range sortedKeys(e.params) {
		v, ok := values[name]
		if !ok {
			return nil, fmt.Errorf("param %s has no value", name)
		}
		want := e.params[name]
		typ, val, err := paramValue(v)
		if err != nil {
			return nil, fmt.Errorf("param %s: %w", name, err)
		}
		if list, ok := val.(interface{ Size() ref.Val }); ok && want.Kind() == types.ListKind && list.Size() == types.IntZero {
			typ = want // an empty list is one of anything
		}
		if !want.IsExactType(typ) {
			return nil, fmt.Errorf("param %s is a %s and cannot be set to a %s", name, want, typ)
		}
		out.values[paramPrefix+name] = val
	}
	for _, name := range sortedKeys(values) {
		if e.params[name] == nil {
			return nil, fmt.Errorf("unknown param %s", name)
		}
	}
	return out, nil
}

// paramTypes infers the type of each param from its value.
func paramTypes(params map[string]any) (map[string]*cel.Type, error) {
	out := make(map[string]*cel.Type, len(params))
	for _, name := range sortedKeys(params) {
		if !paramName.MatchString(name) {
			return nil, fmt.Errorf("param %q: a name is made of letters, digits and underscores, and does not begin with a digit", name)
		}
		typ, _, err := paramValue(params[name])
		if err != nil {
			return nil, fmt.Errorf("param %s: %w", name, err)
		}
		out[name] = typ
	}
	return out, nil
}

// paramValue gives the CEL type and value of a param: a bool, a number, a
// string, or a list of one of them. An empty list is one of strings.
func paramValue(v any) (*cel.Type, ref.Val, error) {
	switch v := v.(type) {
	case bool:
		return cel.BoolType, types.Bool(v), nil
	case int:
		return cel.IntType, types.Int(v), nil
	case int64:
		return cel.IntType, types.Int(v), nil
	case float64:
		return cel.DoubleType, types.Double(v), nil
	case string:
		return cel.StringType, types.String(v), nil
	case []string:
		return cel.ListType(cel.StringType), types.NewStringList(types.DefaultTypeAdapter, v), nil
	case []any:
		elem, vals := cel.StringType, make([]ref.Val, len(v))
		for i, item := range v {
			typ, val, err := paramValue(item)
			switch {
			case err != nil:
				return nil, nil, err
			case typ.Kind() == types.ListKind:
				return nil, nil, fmt.Errorf("a list in a list: use a flat list")
			case i > 0 && typ != elem:
				return nil, nil, fmt.Errorf("a list of both %s and %s: use one type", elem, typ)
			}
			elem, vals[i] = typ, val
		}
		return cel.ListType(elem), types.NewRefValList(types.DefaultTypeAdapter, vals), nil
	}
	return nil, nil, fmt.Errorf("unsupported type %T: use a bool, a number, a string, or a list of these", v)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
