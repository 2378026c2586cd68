package expr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// identity are the paths that the facts of every rule have already, or that say
// nothing about what the check is about: ECR's results change their text, and
// the time is that of the audit.
var identity = []string{
	"rule.prefix", "rule.isRoot", "rule.upstream", "rule.credential", "rule.role", "rule.validation",
	"registry.account", "registry.region", "registry.partition", "registry.ruleLimit",
}

// isIdentity reports whether a path is one of these, or a field of one.
func isIdentity(path string) bool {
	return slices.ContainsFunc(identity, func(known string) bool { return path == known || strings.HasPrefix(path, known+".") })
}

// reads is what an expression looks at.
type reads struct {
	// values are the paths that it reads outside of loops over the rules.
	values []string
	// fields are the paths below a rule that loops read.
	fields []string
	// loops are the loops over the rules, each with its filters.
	loops [][]loop
	// counted is true if the list of rules is used otherwise, as by size().
	counted bool
}

// loop is one loop over rules. A rule matters to it if one step changes the
// result that the loop begins with.
type loop struct {
	rule, result string // the names of the variables
	first, step  cel.Program
}

// Facts lists what the expression looks at, in an order of its own: equal facts
// mean that it failed for the same reason. It has the values that it reads
// besides those of report.FactsOf, and of registry.rules each rule that makes a
// difference, with the fields that are read of it. If registry.rules is used in
// another way, it has the number of the rules. In a registry with more than
// maxCompared rules, every rule counts as one that makes a difference. See Bool
// for the arguments.
func (p *Program) Facts(ctx context.Context, s *Snapshot, rule int, params *Params) []string {
	look := p.look()
	vars := &activation{snapshot: s, rule: rule, params: params}
	var out []string
	for _, path := range look.values {
		out = append(out, path+"="+show(follow(vars, path)))
	}
	if look.counted {
		out = append(out, fmt.Sprintf("rules=%d", s.Rules()))
	}
	if len(look.loops) > 0 && s.Rules() > maxCompared {
		return append(out, "all="+s.allRules(p, look.fields))
	}
	for i, levels := range look.loops {
		for j, r := range s.rules {
			if ctx.Err() == nil && !matters(ctx, levels, vars, r) {
				continue
			}
			out = append(out, fmt.Sprintf("%d:%s", i, showRule(s.rules[j], look.fields)))
		}
	}
	slices.Sort(out)
	return out
}

// maxCompared is the number of rules that Facts compares with each other: twice
// the quota of a registry. For more, the time would be quadratic.
const maxCompared = 100

// allRules identifies the fields of all rules that a program reads. It is
// computed once, and not for each rule that fails.
func (s *Snapshot) allRules(p *Program, fields []string) string {
	digest, _ := s.digests.LoadOrStore(p, sync.OnceValue(func() string {
		h := sha256.New()
		for _, r := range s.rules {
			_, _ = fmt.Fprintln(h, showRule(r, fields))
		}
		return hex.EncodeToString(h.Sum(nil))
	}))
	return digest.(func() string)()
}

// showRule writes the prefix and some fields of a rule.
func showRule(r ref.Val, fields []string) string {
	var text strings.Builder
	text.WriteString(show(field(r, "prefix")))
	for _, path := range fields {
		text.WriteString(" " + path + "=" + show(field(r, path)))
	}
	return text.String()
}

// matters reports whether a rule makes a difference to a loop and its filters.
// A step that fails does.
func matters(ctx context.Context, levels []loop, outer cel.Activation, rule ref.Val) bool {
	for _, l := range levels {
		first, _, err := l.first.ContextEval(ctx, outer)
		if err != nil {
			return true
		}
		vars, err := cel.NewActivation(map[string]any{l.rule: rule, l.result: first})
		if err != nil {
			return true
		}
		after, _, err := l.step.ContextEval(ctx, within{outer, vars})
		if err != nil || types.IsUnknownOrError(after) {
			return true
		}
		if same, ok := size(first, after); ok {
			if same {
				return false
			}
			continue
		}
		if after.Equal(first) == types.True {
			return false
		}
	}
	return true
}

// size compares two lists by their length: a filter adds a rule or does not.
func size(a, b ref.Val) (same, ok bool) {
	x, isList := a.(interface{ Size() ref.Val })
	y, areLists := b.(interface{ Size() ref.Val })
	if !isList || !areLists {
		return false, false
	}
	return x.Size().Equal(y.Size()) == types.True, true
}

// within is an activation whose variables hide those of another.
type within struct{ outer, inner cel.Activation }

// ResolveName implements cel.Activation.
func (w within) ResolveName(name string) (any, bool) {
	if v, ok := w.inner.ResolveName(name); ok {
		return v, true
	}
	return w.outer.ResolveName(name)
}

// Parent implements cel.Activation.
func (within) Parent() cel.Activation { return nil }

// follow is the value of a path that begins with a variable.
func follow(vars cel.Activation, path string) ref.Val {
	name, rest, _ := strings.Cut(path, ".")
	v, _ := vars.ResolveName(name)
	object, _ := v.(ref.Val)
	return field(object, rest)
}

// field is the value of a path below an object; nil if there is none.
func field(v ref.Val, path string) ref.Val {
	for name := range strings.SplitSeq(path, ".") {
		object, ok := v.(*value)
		if !ok {
			return v
		}
		i := slices.Index(object.shape.names, name)
		if i < 0 {
			return v
		}
		v = object.fields[i]
	}
	return v
}

// show writes a value so that different values differ.
func show(v ref.Val) string {
	switch v := v.(type) {
	case nil:
		return ""
	case *value:
		var b strings.Builder
		for i, name := range v.shape.names {
			fmt.Fprintf(&b, "%s=%s ", name, show(v.fields[i]))
		}
		return b.String()
	case *others:
		return v.group.digest() // with the rule itself, which is the same each time
	case *types.Unknown:
		return "unknown"
	default:
		return fmt.Sprintf("%q", fmt.Sprint(v.Value()))
	}
}

// look finds what a checked expression looks at.
func look(checked *ast.AST) reads {
	f := finder{checked: checked}
	f.visit(checked.Expr(), map[string]bool{})
	for _, list := range []*[]string{&f.values, &f.fields} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return f.reads
}

type finder struct {
	reads
	checked *ast.AST
}

// visit walks an expression; rules are the variables of loops over rules.
func (f *finder) visit(e ast.Expr, rules map[string]bool) {
	if root, path, ok := pathOf(e); ok {
		f.path(root, path, rules)
		return
	}
	switch e.Kind() { //nolint:exhaustive // the others read nothing, or were read above
	case ast.SelectKind:
		f.visit(e.AsSelect().Operand(), rules)
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			f.visit(e.AsCall().Target(), rules)
		}
		for _, arg := range e.AsCall().Args() {
			f.visit(arg, rules)
		}
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			f.visit(element, rules)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			f.visit(entry.AsMapEntry().Key(), rules)
			f.visit(entry.AsMapEntry().Value(), rules)
		}
	case ast.ComprehensionKind:
		f.comprehension(e, rules)
	}
}

func (f *finder) comprehension(e ast.Expr, rules map[string]bool) {
	c := e.AsComprehension()
	inner := map[string]bool{}
	for name := range rules {
		inner[name] = rules[name]
	}
	levels, overRules := f.levels(e)
	inner[c.IterVar()] = overRules
	inner[c.AccuVar()] = false
	if overRules {
		if len(rules) == 0 { // one within another is part of its step
			f.loops = append(f.loops, levels)
		}
		if before := c.IterRange(); before.Kind() == ast.ComprehensionKind {
			// The filter before it is one of the levels.
			b := before.AsComprehension()
			within := map[string]bool{b.IterVar(): true, b.AccuVar(): false}
			f.visit(b.LoopStep(), within)
		}
	} else {
		f.visit(c.IterRange(), rules)
	}
	for _, part := range []ast.Expr{c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
		f.visit(part, inner)
	}
}

// levels are a loop over rules and the filters before it. overRules is false if
// it is a loop over something else.
func (f *finder) levels(e ast.Expr) (levels []loop, overRules bool) {
	c := e.AsComprehension()
	switch before := c.IterRange(); {
	case isRules(before):
	case before.Kind() == ast.ComprehensionKind && f.isRuleList(before):
		if levels, overRules = f.levels(before); !overRules {
			return nil, false
		}
	default:
		return nil, false
	}
	first, err := f.plan(c.AccuInit())
	if err != nil {
		return nil, false
	}
	step, err := f.plan(c.LoopStep())
	if err != nil {
		return nil, false
	}
	return append(levels, loop{c.IterVar(), c.AccuVar(), first, step}), true
}

// plan makes a program of a part of the expression.
func (f *finder) plan(part ast.Expr) (cel.Program, error) {
	env, err := baseEnv()
	if err != nil {
		return nil, err
	}
	checked := ast.NewCheckedAST(ast.NewAST(part, f.checked.SourceInfo()), f.checked.TypeMap(), f.checked.ReferenceMap())
	return env.PlanProgram(checked, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEvery))
}

// isRuleList reports whether an expression is a list of rules.
func (f *finder) isRuleList(e ast.Expr) bool {
	return f.checked.GetType(e.ID()).IsExactType(cel.ListType(objectType(ruleName)))
}

func isRules(e ast.Expr) bool {
	root, path, ok := pathOf(e)
	return ok && root == registryName && path == "rules"
}

// pathOf splits a.b.c into a variable and the path below it.
func pathOf(e ast.Expr) (root, path string, ok bool) {
	var names []string
	for e.Kind() == ast.SelectKind {
		names = append(names, e.AsSelect().FieldName())
		e = e.AsSelect().Operand()
	}
	if e.Kind() != ast.IdentKind {
		return "", "", false
	}
	slices.Reverse(names)
	return e.AsIdent(), strings.Join(names, "."), true
}

// path notes a path that the expression reads.
func (f *finder) path(root, path string, rules map[string]bool) {
	isRule, isLocal := rules[root]
	switch whole := root + "." + path; {
	case isRule:
		if path != "" && path != "prefix" && !isText(path) {
			f.fields = append(f.fields, path)
		}
	case isLocal, root != ruleName && root != registryName, path == "":
	case whole == registryName+".rules":
		f.counted = true
	case !isIdentity(whole):
		f.values = append(f.values, whole)
	}
}

// isText reports whether a field is text that ECR may word differently each time.
func isText(path string) bool { return path == "validation.failure" }
