package policy

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/suggest"
)

// param is a value that expressions read. It has the type of its first value in
// the chain of files.
type param struct {
	value any
	// first is a value of the param's type.
	first any
	// at is the key that declared it; unset if its value is faulty.
	at source.Text
}

// setParams merges params by name.
func (r *resolver) setParams(entries source.Map[source.Value]) {
	for _, e := range entries {
		if !e.Value.IsSet() {
			// Its type is unknown, but the param exists.
			e.Value.Value = []any{}
		}
		if before, ok := r.params[e.Key.Value]; ok {
			if before.accepts(e.Key.Value, e.Value) {
				before.value = e.Value.Value
				r.params[e.Key.Value] = before
				r.at(e.Key.Node, "params", e.Key.Value)
			}
			continue
		}
		if _, err := expr.New(map[string]any{e.Key.Value: e.Value.Value}); err != nil {
			e.Key.Fault("%v", err)
			continue
		}
		p := param{value: e.Value.Value, first: e.Value.Value}
		if e.Value.IsSet() {
			p.at = e.Key
		}
		r.params[e.Key.Value] = p
		r.at(e.Key.Node, "params", e.Key.Value)
	}
}

// accepts reports whether a value has the param's type. It is a fault if not.
func (p param) accepts(name string, v source.Value) bool {
	env, err := expr.New(map[string]any{name: p.first})
	if err == nil {
		_, err = env.Params(map[string]any{name: v.Value})
	}
	if err != nil && v.IsSet() {
		v.Fault("param %s is of type %s, not %s", name, typeName(p.first), typeName(v.Value))
	}
	return err == nil
}

// typeName names the type of a param for people.
func typeName(v any) string {
	switch v := v.(type) {
	case bool:
		return "boolean"
	case int64:
		return "integer"
	case float64:
		return "decimal number"
	case []any:
		if len(v) > 0 {
			return "list of " + typeName(v[0]) + "s"
		}
		return "list of strings"
	}
	return "string"
}

// paramTypes has a value of each param's type.
func (r *resolver) paramTypes() map[string]any {
	out := make(map[string]any, len(r.params))
	for name, p := range r.params {
		out[name] = p.first
	}
	return out
}

var paramUse = regexp.MustCompile(`\bparams\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)`)

// use records the params that expressions read.
func (r *resolver) use(expressions ...source.Text) {
	for _, t := range expressions {
		if !strings.Contains(t.Value, "params") {
			continue // the regular expression is slow, and most expressions have no param
		}
		for _, m := range paramUse.FindAllStringSubmatch(t.Value, -1) {
			r.used[m[1]] = true
		}
	}
}

// unusedParams finds params that no expression of any file reads: a misspelled
// name would set nothing, and no one would notice.
func (r *resolver) unusedParams() {
	for name, p := range r.params {
		if !r.blind && !r.used[name] && p.at.IsSet() {
			p.at.Fault("unused param %s: no expression reads it%s", name, suggest.Hint(name, slices.Sorted(maps.Keys(r.used))))
		}
	}
}
