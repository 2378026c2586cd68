package policy

import (
	"maps"
	"regexp"
	"slices"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
)

// param is a value that expressions read. Its type is that of the first value
// in the chain of files.
type param struct {
	value any
	// first is a value of the param's type.
	first any
	// at is where it was named first.
	at source.Text
}

// setParams merges params by name.
func (r *resolver) setParams(entries source.Map[source.Value]) {
	for _, e := range entries {
		if !e.Value.IsSet() {
			// Its type is not known, but it is there.
			e.Value.Value = []any{}
		}
		if before, ok := r.params[e.Key.Value]; ok {
			if before.accepts(e.Key.Value, e.Value) {
				before.value = e.Value.Value
				r.params[e.Key.Value] = before
			}
			continue
		}
		if _, err := expr.New(map[string]any{e.Key.Value: e.Value.Value}); err != nil {
			e.Key.Fault("%v", err)
			continue
		}
		r.params[e.Key.Value] = param{value: e.Value.Value, first: e.Value.Value, at: e.Key}
	}
}

// accepts says that a value is of the param's type; otherwise it is a fault.
func (p param) accepts(name string, v source.Value) bool {
	env, err := expr.New(map[string]any{name: p.first})
	if err == nil {
		_, err = env.Params(map[string]any{name: v.Value})
	}
	if err != nil && v.IsSet() {
		v.Fault("%v", err)
	}
	return err == nil
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

// unusedParams finds params that no expression reads: a misspelt name would
// set nothing, and nobody would notice.
func (r *resolver) unusedParams() {
	if r.blind {
		return
	}
	used := map[string]bool{}
	for _, d := range r.checks {
		for _, t := range []source.Text{d.match, d.assert, d.messageExpression, d.remediationExpression} {
			for _, m := range paramUse.FindAllStringSubmatch(t.Value, -1) {
				used[m[1]] = true
			}
		}
	}
	for name, p := range r.params {
		if !used[name] {
			p.at.Fault("no expression reads params.%s%s", name, source.Suggest(name, slices.Sorted(maps.Keys(used))))
		}
	}
}
