// Package expr is the language of a policy's expressions: CEL
// (https://cel.dev) with a typed vocabulary for pull through cache rules. A
// misspelt field, a comparison of different types and a result of the wrong
// type are problems when a policy is loaded, not surprises at night. It knows
// nothing of policy files, and never the AWS SDK.
package expr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// Scope says what an expression is about.
type Scope string

// The scopes of expressions.
const (
	// RuleScope: one rule at a time, which is named rule.
	RuleScope Scope = "rule"
	// RegistryScope: the registry as a whole; there is no rule.
	RegistryScope Scope = "registry"
)

// Kind is the type that an expression must have.
type Kind string

// The kinds of expressions.
const (
	Bool   Kind = "bool"
	String Kind = "string"
)

// ErrUnknown says that an evaluation hinges on a validation that ECR could
// not give. The error that wraps it names the rules concerned.
var ErrUnknown = errors.New("ECR's validation is not known")

// Problem is what is wrong with an expression, and where.
type Problem struct {
	// Line and Column count from 1, columns in runes.
	Line, Column int
	Message      string
}

// Env compiles expressions against the vocabulary and the params of a policy.
// It can be used from many goroutines.
type Env struct {
	params map[string]*cel.Type
	envs   map[Scope]func() (*cel.Env, error)
}

// New makes an Env for a set of params, whose values give them their types.
func New(params map[string]any) (*Env, error) {
	typs, err := paramTypes(params)
	if err != nil {
		return nil, err
	}
	var options []cel.EnvOption
	for _, name := range sortedKeys(typs) {
		options = append(options, cel.Variable(paramPrefix+name, typs[name]))
	}
	extend := func(base func() (*cel.Env, error), options ...cel.EnvOption) func() (*cel.Env, error) {
		return sync.OnceValues(func() (*cel.Env, error) {
			e, err := base()
			if err != nil {
				return nil, err
			}
			return e.Extend(options...)
		})
	}
	registry := extend(baseEnv, options...)
	return &Env{params: typs, envs: map[Scope]func() (*cel.Env, error){
		RegistryScope: registry,
		RuleScope:     extend(registry, cel.Variable(ruleName, objectType(ruleName))),
	}}, nil
}

// baseEnv has all but rule and params.
var baseEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(append(declarations(),
		withVocabulary,
		ext.Strings(ext.StringsVersion(4), ext.StringsValidateFormatCalls(true)),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(),
			pitfalls{},
		),
	)...)
})

// Compile checks an expression. A program is given only without problems.
func (e *Env) Compile(scope Scope, want Kind, src string) (*Program, []Problem) {
	s := source{scope, want, src}
	checked := e.lookup(s)
	if checked == nil {
		compiled, problems := e.check(s)
		if problems != nil {
			return nil, problems
		}
		checked = compiled.NativeRep()
	}
	program, err := plan(checked)
	if err != nil {
		return nil, []Problem{{1, 1, err.Error()}}
	}
	return program, nil
}

// check parses an expression and finds what is wrong with it.
func (e *Env) check(s source) (*cel.Ast, []Problem) {
	env, err := e.envs[s.scope]()
	if err != nil {
		return nil, []Problem{{1, 1, err.Error()}}
	}
	checked, issues := env.Compile(s.text)
	if issues.Err() != nil {
		return nil, problems(s.text, issues)
	}
	if typ := checked.OutputType(); !typ.IsExactType(s.kind.celType()) {
		return nil, []Problem{{1, 1, fmt.Sprintf("the expression is of type %s, not %s", typeName(typ), s.kind)}}
	}
	if problem := tooCostly(env, checked); problem != nil {
		return nil, []Problem{*problem}
	}
	return checked, nil
}

func (k Kind) celType() *cel.Type {
	if k == Bool {
		return cel.BoolType
	}
	return cel.StringType
}

func problems(src string, issues *cel.Issues) []Problem {
	lines := strings.Split(src, "\n")
	var out []Problem
	for _, e := range issues.Errors() {
		p := Problem{max(e.Location.Line(), 1), max(e.Location.Column()+1, 1), e.Message}
		if p.Line <= len(lines) {
			p.Column = onToken([]rune(lines[p.Line-1]), p.Column)
		}
		out = append(out, p)
	}
	return out
}

// onToken moves a column from the dot or the parenthesis, where CEL places a
// selected field and a called function, to its name.
func onToken(line []rune, column int) int {
	i := column - 1
	if i >= len(line) {
		return column
	}
	isName := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	switch line[i] {
	case '.':
		for j := i + 1; j < len(line); j++ {
			if isName(line[j]) {
				return j + 1
			}
			if line[j] != ' ' {
				break
			}
		}
	case '(':
		j := i
		for j > 0 && isName(line[j-1]) {
			j--
		}
		return j + 1
	}
	return column
}

// interruptEvery is after how many iterations the context is looked at.
const interruptEvery = 100

// Program is an expression ready to be evaluated, from many goroutines.
type Program struct {
	program cel.Program
	loops   bool
}

// plan makes a program. Limits are put only on what can loop: they cost more
// than a simple expression does.
func plan(checked *ast.AST) (*Program, error) {
	env, err := baseEnv()
	if err != nil {
		return nil, err
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	loops := hasLoop(checked)
	if loops {
		options = append(options, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEvery))
	}
	program, err := env.PlanProgram(checked, options...)
	if err != nil {
		return nil, err
	}
	return &Program{program, loops}, nil
}

func hasLoop(a *ast.AST) bool {
	found := false
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	}))
	return found
}

// Bool evaluates a program of kind Bool. Rule is an index into the snapshot's
// rules, -1 in registry scope. The error is or wraps ErrUnknown where the
// result hinges on a validation that ECR could not give.
func (p *Program) Bool(ctx context.Context, s *Snapshot, rule int, params *Params) (bool, error) {
	v, err := p.eval(ctx, s, rule, params)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the result is a %s", v.Type())
	}
	return bool(b), nil
}

// String evaluates a program of kind String; see Bool.
func (p *Program) String(ctx context.Context, s *Snapshot, rule int, params *Params) (string, error) {
	v, err := p.eval(ctx, s, rule, params)
	if err != nil {
		return "", err
	}
	text, ok := v.(types.String)
	if !ok {
		return "", fmt.Errorf("the result is a %s", v.Type())
	}
	return string(text), nil
}

func (p *Program) eval(ctx context.Context, s *Snapshot, rule int, params *Params) (ref.Val, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	vars := &activation{snapshot: s, rule: rule, params: params}
	var v ref.Val
	var err error
	if p.loops {
		v, _, err = p.program.ContextEval(ctx, vars)
	} else {
		v, _, err = p.program.Eval(vars)
	}
	if err != nil {
		return nil, err
	}
	if u, ok := v.(*types.Unknown); ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, strings.Join(unknownPrefixes(u), ", "))
	}
	return v, nil
}

// unknownPrefixes are the prefixes of the rules whose verdict is missing.
func unknownPrefixes(u *types.Unknown) []string {
	var out []string
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			out = append(out, t.Variable())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// activation gives an expression its variables.
type activation struct {
	snapshot *Snapshot
	params   *Params
	rule     int
}

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case ruleName:
		return a.snapshot.rules[a.rule], true
	case registryName:
		return a.snapshot.registry, true
	case nowName:
		return a.snapshot.now, true
	}
	if a.params == nil {
		return nil, false
	}
	v, ok := a.params.values[name]
	return v, ok
}

// Parent implements cel.Activation.
func (*activation) Parent() cel.Activation { return nil }
