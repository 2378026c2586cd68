package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/suggest"
)

// apiVersion is the version of the language.
const apiVersion = "ptcaudit/v1"

// resolver merges files, beginning with the one that extends nothing. It adds
// faults to the files, and merges the values that it can read.
type resolver struct {
	// file is the one that is being merged.
	file *file
	// blind is true if a parent could not be read. Its checks and params are
	// unknown then, so no name can be reported as unknown.
	blind bool

	name      string
	params    map[string]param
	used      map[string]bool // params that an expression reads
	checks    map[string]*draft
	strays    []*draft // entries without an id or with a duplicate one
	required  map[string]requiredRule
	disabled  map[string]bool
	overrides []override
	waivers   []waiver

	// places has the position of each value; nil if it is not needed.
	places Places
}

func newResolver(blind bool) *resolver {
	r := &resolver{
		blind:    blind,
		params:   map[string]param{},
		used:     map[string]bool{},
		checks:   map[string]*draft{},
		required: map[string]requiredRule{},
		disabled: map[string]bool{},
	}
	for _, c := range builtIn {
		r.checks[c.ID] = &draft{Check: c, builtIn: true}
	}
	return r
}

// merge merges a file into those that it extends.
func (r *resolver) merge(f *file) {
	r.file = f
	f.Require("a policy", "apiVersion", "name")
	if v := f.APIVersion; v.IsSet() && v.Value != apiVersion {
		v.Fault("unsupported apiVersion %q: use %s", v.Value, apiVersion)
	}
	set(&r.name, line(f.Name, "name"), f.Name)
	r.at(f.Name.Node, "name")
	r.setParams(f.Params)
	r.setParamTypes(f.ParamTypes)
	for _, e := range f.Params {
		r.params[e.Key.Value].check(e)
	}

	seen := unique{}
	for _, e := range f.Checks {
		r.check(e, seen.twice("check", e.ID, e.ID.Value))
	}
	seen = unique{}
	for _, e := range f.RequiredRules {
		seen.twice("required rule", e.Prefix, ptc.CleanPrefix(e.Prefix.Value))
		r.require(e)
	}
	for _, t := range f.Disable {
		r.disable(t)
	}
	if f.Has("overrides") {
		r.override(f.Overrides)
	}
	for _, e := range f.Waivers {
		r.waive(e)
	}
}

// unique finds duplicate names in a list. It holds the line of each name.
type unique map[string]int

// twice reports whether the list already has the name, which is a fault.
func (u unique) twice(what string, t source.Text, name string) bool {
	if !t.IsSet() {
		return false
	}
	if line, ok := u[name]; ok {
		t.Fault("duplicate %s %s: it is already in line %d", what, name, line)
		return true
	}
	u[name] = t.Line()
	return false
}

// known finds the check that a text names.
func (r *resolver) known(t source.Text) (*draft, bool) {
	if !t.IsSet() {
		return nil, false
	}
	d, ok := r.checks[t.Value]
	if !ok && !r.blind {
		t.Fault("unknown check %s%s", t.Value, suggest.Hint(t.Value, slices.Sorted(maps.Keys(r.checks))))
	}
	return d, ok
}

// lockedAbove reports whether an inherited file locked the check.
func (r *resolver) lockedAbove(d *draft) bool { return d.lockedBy != nil && d.lockedBy != r.file }

func (r *resolver) disable(t source.Text) {
	d, ok := r.known(t)
	if !ok {
		return
	}
	if r.lockedAbove(d) {
		t.Fault("%s is locked by %s and cannot be disabled", d.ID, d.lockedBy.path)
	}
	r.disabled[d.ID] = true
	r.at(t.Node, "disable", d.ID)
}

// resolved is a policy after its files are merged. It holds no lines and columns,
// so equal policies have equal JSON.
type resolved struct {
	Name          string               `json:"name"`
	Params        map[string]any       `json:"params"`
	ParamTypes    map[string]expr.Word `json:"paramTypes,omitempty"`
	Checks        []Check              `json:"checks"`
	RequiredRules []requiredRule       `json:"requiredRules"`
	Overrides     []override           `json:"overrides"`
	Waivers       []waiver             `json:"waivers"`
}

// policy compiles the merged policy.
func (r *resolver) policy() *Policy {
	p := &Policy{resolved: resolved{
		Name:          r.name,
		Params:        map[string]any{},
		ParamTypes:    map[string]expr.Word{},
		Checks:        []Check{},
		RequiredRules: []requiredRule{},
		Overrides:     append([]override{}, r.overrides...),
		Waivers:       append([]waiver{}, r.waivers...),
	}}
	for name, v := range r.params {
		p.Params[name] = v.value
		if v.word != "" {
			p.ParamTypes[name] = v.word
		}
	}
	for _, prefix := range slices.Sorted(maps.Keys(r.required)) {
		p.RequiredRules = append(p.RequiredRules, r.required[prefix])
	}
	env, err := expr.New(r.paramTypes())
	if err != nil { // impossible: each param was checked when it was read
		r.file.Fault("%v", err)
		return p
	}
	p.env = env
	r.compile(p)
	r.unusedParams()
	canonical, err := json.Marshal(p)
	if err != nil { // impossible: no file holds a number that JSON does not have
		r.file.Fault("%v", err)
	}
	sum := sha256.Sum256(canonical)
	p.digest = hex.EncodeToString(sum[:])
	return p
}
