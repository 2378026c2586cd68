package policy

import (
	"maps"
	"slices"

	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/suggest"
)

// override sets severities and params for some registries. Of two that cover
// a registry the later one wins.
type override struct {
	where
	Severities map[string]report.Severity `json:"severities,omitempty"`
	Params     map[string]any             `json:"params,omitempty"`

	place Place
}

// override replaces the overrides of the parent. What those say of checks
// that are locked there stays.
func (r *resolver) override(entries []overrideEntry) {
	var out []override
	for _, o := range r.overrides {
		maps.DeleteFunc(o.Severities, func(id string, _ report.Severity) bool { return !r.lockedAbove(r.checks[id]) })
		if len(o.Severities) > 0 {
			out = append(out, override{where: o.where, Severities: o.Severities, place: o.place})
		}
	}
	inherited := out
	for _, e := range entries {
		if !e.IsSet() {
			continue
		}
		if !e.Has("accounts") && !e.Has("regions") {
			e.Fault("an override needs accounts or regions: use checks and params for what applies everywhere")
		}
		if !e.Has("severities") && !e.Has("params") {
			e.Fault("an override needs severities or params")
		}
		o := override{readWhere(e.Accounts, e.Regions), map[string]report.Severity{}, map[string]any{}, Place{r.file.path, e.Line()}}
		for _, s := range e.Severities {
			value := severity(s.Value)
			if d, ok := r.known(s.Key); ok {
				o.Severities[d.ID] = value
				ownSeverity(d.ID, s.Value)
				r.mayBe(d, s.Value, r.highest(d, inherited))
			}
		}
		for _, p := range e.Params {
			r.overrideParam(&o, p)
		}
		out = append(out, o)
	}
	r.overrides = out
}

func (r *resolver) overrideParam(o *override, e source.Entry[source.Value]) {
	p, ok := r.params[e.Key.Value]
	switch {
	case !ok && !r.blind:
		e.Key.Fault("unknown param %s%s", e.Key.Value, suggest.Hint(e.Key.Value, slices.Sorted(maps.Keys(r.params))))
	case ok && e.Value.IsSet() && p.accepts(e.Key.Value, e.Value):
		o.Params[e.Key.Value] = e.Value.Value
		p.check(e)
	}
}

// highest is the highest severity that a check has anywhere: an override takes
// the place of those that required rules have of their own, too.
func (r *resolver) highest(d *draft, overrides []override) report.Severity {
	out := d.Severity
	for _, o := range overrides {
		out = report.Highest(out, o.Severities[d.ID])
	}
	if d.ID == report.CheckRequiredRule {
		for _, rule := range r.required {
			if rule.from != r.file {
				out = report.Highest(out, rule.Severity)
			}
		}
	}
	return out
}

// paramsFor are the values of the params in a registry.
func (p *Policy) paramsFor(reg ptc.Registry) map[string]any {
	out := maps.Clone(p.Params)
	for _, o := range p.Overrides {
		if o.covers(reg) {
			maps.Copy(out, o.Params)
		}
	}
	return out
}

// severitiesFor are the severities that overrides set in a registry.
func (p *Policy) severitiesFor(reg ptc.Registry) map[string]report.Severity {
	out := map[string]report.Severity{}
	for _, o := range p.Overrides {
		if o.covers(reg) {
			maps.Copy(out, o.Severities)
		}
	}
	return out
}
