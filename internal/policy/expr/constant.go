package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// constant finds the value of an expression that is the same for every rule,
// registry, time and param. Such an expression checks nothing.
//
// CEL evaluates it with every variable unknown: what is known then is constant.
// That misses what depends on equal parts, as in a == a or a || !a, so that the
// expression is also tried as a formula: with every combination of results of
// the comparisons and calls that it is made of.
func constant(checked *ast.AST) (value, isConstant bool) {
	f := &formula{ast: checked, atoms: map[string]int{}}
	root := f.read(checked.Expr())
	if f.failed || len(f.list) > maxAtoms {
		return false, false
	}
	seen := map[bool]bool{}
	for assignment := range 1 << len(f.list) {
		if f.possible(assignment) {
			seen[root(assignment)] = true
		}
	}
	return seen[true], len(seen) == 1
}

// maxAtoms bounds the combinations that are tried.
const maxAtoms = 14

// truth is a part of a formula: its value for an assignment, which has a bit for
// each atom.
type truth func(assignment int) bool

func always(value bool) truth { return func(int) bool { return value } }

// formula is an expression as a formula of atoms: parts of which only is known
// that equal ones are equal.
type formula struct {
	ast    *ast.AST
	atoms  map[string]int
	list   []atom
	failed bool // more atoms than can be tried
}

// atom is a part of a formula. One that compares a text with a literal has
// both.
type atom struct{ of, literal string }

// possible says that no text equals two literals.
func (f *formula) possible(assignment int) bool {
	is := map[string]string{}
	for i, a := range f.list {
		if a.literal == "" || assignment>>i&1 == 0 {
			continue
		}
		if before, ok := is[a.of]; ok && before != a.literal {
			return false
		}
		is[a.of] = a.literal
	}
	return true
}

func (f *formula) atom(key string, a atom) truth {
	i, known := f.atoms[key]
	if !known {
		i = len(f.list)
		if i >= maxAtoms {
			f.failed = true
			return always(false)
		}
		f.atoms[key], f.list = i, append(f.list, a)
	}
	return func(assignment int) bool { return assignment>>i&1 == 1 }
}

// read makes a formula of an expression of type bool.
func (f *formula) read(e ast.Expr) truth {
	if f.failed {
		return always(false)
	}
	if v, ok := evaluated(f.ast, e).(types.Bool); ok {
		return always(bool(v))
	}
	if e.Kind() == ast.ComprehensionKind {
		if t := f.fold(e.AsComprehension()); t != nil {
			return t
		}
	}
	if e.Kind() != ast.CallKind {
		return f.atom(spelled(e), atom{})
	}
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalNot:
		of := f.read(args[0])
		return func(a int) bool { return !of(a) }
	case operators.LogicalAnd, operators.LogicalOr:
		isOr := call.FunctionName() == operators.LogicalOr
		parts := make([]truth, len(args))
		for i, arg := range args {
			parts[i] = f.read(arg)
		}
		return func(a int) bool {
			return slices.ContainsFunc(parts, func(t truth) bool { return t(a) == isOr }) == isOr
		}
	case operators.Conditional:
		of, yes, no := f.read(args[0]), f.read(args[1]), f.read(args[2])
		return func(a int) bool {
			if of(a) {
				return yes(a)
			}
			return no(a)
		}
	case operators.Equals:
		return f.equal(args[0], args[1])
	case operators.NotEquals:
		equal := f.equal(args[0], args[1])
		return func(a int) bool { return !equal(a) }
	case operators.Less:
		return f.less(args[0], args[1])
	case operators.Greater:
		return f.less(args[1], args[0])
	case operators.LessEquals:
		greater := f.less(args[1], args[0])
		return func(a int) bool { return !greater(a) }
	case operators.GreaterEquals:
		less := f.less(args[0], args[1])
		return func(a int) bool { return !less(a) }
	case operators.In:
		if list := args[1]; list.Kind() == ast.ListKind {
			var parts []truth
			for _, element := range list.AsList().Elements() {
				parts = append(parts, f.equal(args[0], element))
			}
			return func(a int) bool { return slices.ContainsFunc(parts, func(t truth) bool { return t(a) }) }
		}
	case "startsWith", "endsWith", "contains":
		if s, ok := literalString(args[len(args)-1]); ok && s == "" {
			return always(true)
		}
	case "matches":
		if s, ok := literalString(args[len(args)-1]); ok && matchesAll(string(s)) {
			return always(true)
		}
	}
	return f.atom(spelled(e), atom{})
}

// equal is a formula of a == b.
func (f *formula) equal(a, b ast.Expr) truth {
	if typ := f.ast.GetType(a.ID()); typ != nil && typ.Kind() == types.BoolKind {
		left, right := f.read(a), f.read(b)
		return func(assignment int) bool { return left(assignment) == right(assignment) }
	}
	if n, ok := literalInt(b); ok && n < 0 && isSize(a) {
		return always(false)
	}
	left, right := spelled(a), spelled(b)
	if left == right {
		return always(true)
	}
	if a.Kind() == ast.LiteralKind {
		left, right, b = right, left, a
	}
	if b.Kind() == ast.LiteralKind {
		return f.atom(left+"=="+right, atom{left, right})
	}
	return f.atom(min(left, right)+"=="+max(left, right), atom{})
}

// less is a formula of a < b.
func (f *formula) less(a, b ast.Expr) truth {
	if n, ok := literalInt(b); ok && n <= 0 && isSize(a) {
		return always(false)
	}
	if n, ok := literalInt(a); ok && n < 0 && isSize(b) {
		return always(true)
	}
	left, right := spelled(a), spelled(b)
	if left == right {
		return always(false)
	}
	return f.atom(left+"<"+right, atom{})
}

// fold reads what all and exists become, where what they ask of each element
// decides: everything of anything is true, something that is false is nowhere.
func (f *formula) fold(c ast.ComprehensionExpr) truth {
	step := c.LoopStep()
	if step.Kind() != ast.CallKind || len(step.AsCall().Args()) != 2 {
		return nil
	}
	begin, isBool := evaluated(f.ast, c.AccuInit()).(types.Bool)
	all := step.AsCall().FunctionName() == operators.LogicalAnd
	if !isBool || bool(begin) != all || !all && step.AsCall().FunctionName() != operators.LogicalOr {
		return nil
	}
	inner := &formula{ast: f.ast, atoms: map[string]int{}}
	each := inner.read(step.AsCall().Args()[1])
	if inner.failed {
		return nil
	}
	for assignment := range 1 << len(inner.list) {
		if inner.possible(assignment) && each(assignment) != all {
			return nil
		}
	}
	return always(all)
}

func isSize(e ast.Expr) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "size"
}

// bounds are what ties a regular expression to a place of a text.
var bounds = regexp.MustCompile(`[\^$]|\\[AzbB]`)

// matchesAll says that a regular expression matches every text.
func matchesAll(pattern string) bool {
	if whole := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$"); whole == ".*" || whole == "(.*)" {
		return true
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return false
	}
	if bounds.MatchString(pattern) {
		return strings.Trim(pattern, "^") == "" || strings.Trim(pattern, "$") == ""
	}
	return re.MatchString("")
}

// evaluated is the value of a part of an expression while every variable is
// unknown.
func evaluated(checked *ast.AST, e ast.Expr) ref.Val {
	if e.Kind() == ast.LiteralKind {
		return e.AsLiteral()
	}
	env, err := baseEnv()
	if err != nil {
		return types.WrapErr(err)
	}
	part := ast.NewCheckedAST(ast.NewAST(e, checked.SourceInfo()), checked.TypeMap(), checked.ReferenceMap())
	program, err := env.PlanProgram(part, cel.CostLimit(maxCost))
	if err != nil {
		return types.WrapErr(err)
	}
	v, _, err := program.Eval(nothingKnown{})
	if err != nil {
		return types.WrapErr(err)
	}
	return v
}

// nothingKnown gives every variable an unknown value.
type nothingKnown struct{}

// ResolveName implements cel.Activation.
func (nothingKnown) ResolveName(name string) (any, bool) {
	return types.NewUnknown(1, types.NewAttributeTrail(name)), true
}

// Parent implements cel.Activation.
func (nothingKnown) Parent() cel.Activation { return nil }

// spelled writes an expression so that equal ones are written in the same way.
func spelled(e ast.Expr) string {
	all := func(list []ast.Expr) string {
		parts := make([]string, len(list))
		for i, part := range list {
			parts[i] = spelled(part)
		}
		return strings.Join(parts, ",")
	}
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		return spelled(e.AsSelect().Operand()) + "." + e.AsSelect().FieldName()
	case ast.LiteralKind:
		return fmt.Sprintf("%s(%s)", e.AsLiteral().Type().TypeName(), strconv.Quote(fmt.Sprint(e.AsLiteral().Value())))
	case ast.ListKind:
		return "[" + all(e.AsList().Elements()) + "]"
	case ast.CallKind:
		call := e.AsCall()
		args := call.Args()
		if call.IsMemberFunction() {
			args = slices.Insert(slices.Clone(args), 0, call.Target())
		}
		return call.FunctionName() + "(" + all(args) + ")"
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return "fold(" + c.IterVar() + ":" + all([]ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}) + ")"
	default:
		return fmt.Sprintf("part %d", e.ID())
	}
}

// hollow is the problem of a condition that is the same whatever it looks at.
func hollow(checked *ast.AST) *Problem {
	value, isConstant := constant(checked)
	if isConstant {
		return &Problem{1, 1, fmt.Sprintf("the expression is always %t: compare a field of the rule or of the registry", value)}
	}
	if err, failed := evaluated(checked, checked.Expr()).(*types.Err); failed {
		return &Problem{1, 1, fmt.Sprintf("the expression always fails: %v", err)}
	}
	return nil
}

// readsFacts says that an expression looks at the rule or the registry.
func readsFacts(checked *ast.AST) bool {
	found := false
	ast.PostOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.IdentKind && (e.AsIdent() == ruleName || e.AsIdent() == registryName)
	}))
	return found
}
