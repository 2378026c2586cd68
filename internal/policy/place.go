package policy

import (
	"fmt"
	"strconv"
	"strings"

	"ptcaudit/internal/policy/source"
)

// Place is the file and line of a value. A shipped policy's file has the policy's
// name.
type Place struct {
	File string
	Line int // from 1
}

// String is FILE:LINE.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Places maps the values of a policy to the file and line that set them. If
// several files set a value, it is the last one. The keys are "name", "params.NAME", "checks.ID.FIELD",
// "disable.ID", "requiredRules.PREFIX", "overrides.N" and "waivers.N", N from 0
// in the order of the resolved policy. Built-in values have no place.
type Places map[string]Place

// LoadPlaces is Load, and returns the places of the policy's values, too.
func LoadPlaces(path string) (*Policy, Places, error) {
	var faults Errors
	places := Places{}
	p := load(path, &faults, places)
	if err := faults.Err(); err != nil {
		return nil, nil, err
	}
	for i, o := range p.Overrides {
		places["overrides."+strconv.Itoa(i)] = o.place
	}
	for i, w := range p.Waivers {
		places["waivers."+strconv.Itoa(i)] = w.place
	}
	return p, places, nil
}

// at records n as the place of a value in the file that is being merged.
func (r *resolver) at(n source.Node, path ...string) {
	if r.places != nil && n.IsSet() {
		r.places[strings.Join(path, ".")] = Place{r.file.path, n.Line()}
	}
}

// atFields records the places of a check's fields.
func (r *resolver) atFields(id string, e checkEntry) {
	if r.places == nil {
		return
	}
	for _, f := range []struct {
		name string
		text source.Text
	}{
		{"title", e.Title},
		{"why", e.Why},
		{"severity", e.Severity},
		{"scope", e.Scope},
		{"match", e.Match},
		{"assert", e.Assert},
		{"message", e.Message},
		{"messageExpression", e.MessageExpression},
		{"remediation", e.Remediation},
		{"remediationExpression", e.RemediationExpression},
		{"effectiveFrom", e.EffectiveFrom},
	} {
		r.at(f.text.Node, "checks", id, f.name)
	}
	if len(e.References) > 0 {
		r.at(e.References[0].Node, "checks", id, "references")
	}
	r.at(e.Locked.Node, "checks", id, "locked")
}
