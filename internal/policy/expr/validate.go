package expr

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"ptcaudit/internal/ptc"
)

// pitfalls refuses expressions that CEL accepts, but whose mistakes show only
// during an audit, or never.
type pitfalls struct{}

// Name implements cel.ASTValidator.
func (pitfalls) Name() string { return "ptcaudit.pitfalls" }

// Validate implements cel.ASTValidator.
func (pitfalls) Validate(_ *cel.Env, _ cel.ValidatorConfig, a *ast.AST, issues *cel.Issues) {
	refuse := issues.ReportErrorAtID
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
			refuse(e.ID(), `has() is always true: what is absent is "", false or an empty list`)
		}
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Equals, operators.NotEquals, operators.In:
			// CEL compares unknown fields of objects as equal.
			if hasObject(a.GetType(call.Args()[0].ID())) {
				refuse(e.ID(), "objects are not compared: compare a field, for example prefix")
			}
			left, right := call.Args()[0], call.Args()[1]
			literalFaults(a, left, right, refuse)
			if call.FunctionName() != operators.In {
				literalFaults(a, right, left, refuse)
			}
		case "dyn":
			refuse(e.ID(), "dyn() would hide misspelled fields and wrong types")
		case "days":
			if n, ok := literalInt(call.Args()[0]); ok && types.IsError(days(n)) {
				refuse(call.Args()[0].ID(), "%v", days(n))
			}
		case "matchesGlob":
			if glob, ok := literalString(call.Args()[0]); ok {
				fault := GlobFault(string(glob))
				if w, _ := wordOf(a, call.Target()); fault == "" && w == prefixWord {
					fault = PrefixGlob.Fault(string(glob))
				}
				if fault != "" {
					refuse(call.Args()[0].ID(), "%s", fault)
				}
			}
		case "formatShell":
			format, ok := literalString(call.Target())
			if list := call.Args()[0]; ok && list.Kind() == ast.ListKind {
				if want, got := strings.Count(string(format), verb), list.AsList().Size(); want != got {
					refuse(list.ID(), "formatShell has %d arguments for %d %s", got, want, verb)
				}
			}
		}
	}))
}

// hasObject reports whether a type is or contains an object of the vocabulary.
func hasObject(t *types.Type) bool {
	return t.Kind() == types.StructKind || slices.ContainsFunc(t.Parameters(), hasObject)
}

// literalInt is the value of an integer literal, negative ones included.
func literalInt(e ast.Expr) (types.Int, bool) {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Negate {
		n, ok := literalInt(e.AsCall().Args()[0])
		return -n, ok
	}
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	n, ok := e.AsLiteral().(types.Int)
	return n, ok
}

func literalString(e ast.Expr) (types.String, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return s, ok
}

// maxCost limits the cost of one evaluation, in CEL's units. The cost is
// estimated when an expression is compiled, and counted while an expression
// with loops is evaluated. The limit allows comparing each rule with all
// others, even in a registry larger than ECR allows, but not comparing all
// triples.
const maxCost = 1_000_000

// tooCostly estimates the maximum cost of an expression.
func tooCostly(env *cel.Env, checked *cel.Ast) *Problem {
	estimate, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		return &Problem{1, 1, fmt.Sprintf("estimate the cost: %v", err)}
	}
	if estimate.Max > maxCost {
		return &Problem{1, 1, fmt.Sprintf("the expression can cost %d, more than %d: compare fewer rules with each other", estimate.Max, maxCost)}
	}
	return nil
}

// sizes holds the maximum sizes of values for the estimate.
type sizes struct{}

// maxText is the assumed maximum length of a string. A host name has up to 253
// characters; only ARNs and ECR's reasons can be longer.
const maxText = 256

// maxParams is the assumed maximum length of a list that does not hold the
// registry's rules.
const maxParams = 100

// EstimateSize implements cost.Estimator.
func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if n.ComputedSize() != nil {
		return nil
	}
	most := uint64(maxText)
	if n.Type().Kind() == types.ListKind {
		most = maxParams
		if path := n.Path(); len(path) > 0 && (path[0] == ruleName || path[0] == registryName) {
			most = ptc.RuleLimit
		}
	}
	return &cost.SizeEstimate{Min: 0, Max: most}
}

// EstimateCallCost implements cost.Estimator.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}
