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
	// word is what its values are; empty if no file says it.
	word expr.Word
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

// setParamTypes merges what the values of params are. No file can change what
// another one says.
func (r *resolver) setParamTypes(entries source.Map[source.Text]) {
	for _, e := range entries {
		name := e.Key.Value
		word := choice(e.Value, "type of param "+name, expr.Words())
		p, ok := r.params[name]
		switch {
		case !ok && !r.blind:
			e.Key.Fault("unknown param %s%s", name, suggest.Hint(name, slices.Sorted(maps.Keys(r.params))))
		case !ok || word == "":
		case p.word != "" && p.word != word:
			e.Value.Fault("the values of param %s are of type %s: that cannot change", name, p.word)
		default:
			p.word = word
			r.params[name] = p
			if faults := p.faults(p.value); len(faults) > 0 && !r.sets(name) {
				e.Value.Fault("param %s has a value of another type: %s", name, faults[0].message)
			}
			r.at(e.Key.Node, "paramTypes", name)
		}
	}
}

// sets says that the file sets a param.
func (r *resolver) sets(name string) bool {
	return slices.ContainsFunc(r.file.Params, func(e source.Entry[source.Value]) bool { return e.Key.Value == name })
}

// check reports the values of a param that can match nothing, each at its place.
func (p param) check(e source.Entry[source.Value]) {
	if p.word == "" || !e.Value.IsSet() {
		return
	}
	items := e.Value.Items()
	for _, fault := range p.faults(e.Value.Value) {
		at := e.Value.Node
		if fault.index < len(items) {
			at = items[fault.index]
		}
		at.Fault("%s", fault.message)
	}
}

// valueFault is what is wrong with a value, or with an element of a list.
type valueFault struct {
	index   int
	message string
}

// faults are those of a value, if the param has a type.
func (p param) faults(v any) []valueFault {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var out []valueFault
	for i, element := range list {
		if message := p.word.Fault(element); message != "" {
			out = append(out, valueFault{i, message})
		}
	}
	return out
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
