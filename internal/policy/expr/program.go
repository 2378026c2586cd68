package expr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// ErrUnknown means that an expression needs a validation result that is
// missing. The error that wraps it names the rules.
var ErrUnknown = errors.New("ECR's validation is not known")

// interruptEvery is the number of iterations between two checks of the context.
const interruptEvery = 100

// Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	program    cel.Program
	loops      bool
	readsFacts bool
	// look finds what it looks at, when it is first needed.
	look func() reads
}

// ReadsFacts reports whether the expression looks at the rule or the registry,
// and not only at params and the time.
func (p *Program) ReadsFacts() bool { return p.readsFacts }

// plan creates a program. Only expressions with loops get limits, because
// limits cost more time than a simple expression.
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
	return &Program{program, loops, readsFacts(checked), sync.OnceValue(func() reads { return look(checked) })}, nil
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

// unknownPrefixes are the prefixes of the rules without a validation result.
func unknownPrefixes(u *types.Unknown) []string {
	var out []string
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			out = append(out, t.Variable())
		}
	}
	slices.Sort(out)
	return out
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
		if a.rule < 0 || a.rule >= len(a.snapshot.rules) {
			return nil, false
		}
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
