package expr

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Parsing and checking the expressions of a shipped policy takes longer than
// everything else that a function does before its first event. So they are
// checked once, when the program is built: shipped_generated.go makes the
// same syntax trees without their text. What is not in it is compiled; a test
// makes it anew and compares, so that it is never stale.
//
//go:generate go test . -run ^TestShippedIsUpToDate$ -update

// source identifies an expression of a shipped policy.
type source struct {
	scope Scope
	kind  Kind
	text  string
}

// lookup returns the checked syntax tree of a shipped expression. It returns
// nil for any other expression, and if a param has another type here.
func (e *Env) lookup(s source) *ast.AST {
	build := shipped[s]
	if build == nil {
		return nil
	}
	t := &tree{ExprFactory: ast.NewExprFactory(), types: map[int64]*types.Type{}, refs: map[int64]*ast.ReferenceInfo{}}
	root := build(t)
	for name, typ := range t.params {
		if known := e.params[name]; known == nil || !known.IsExactType(typ) {
			return nil
		}
	}
	return ast.NewCheckedAST(ast.NewAST(root, nil), t.types, t.refs)
}

// tree builds a checked syntax tree: its methods make a node and note its type
// and what it refers to. Where a method changes so that shipped_generated.go
// does not compile, empty the map there and generate it again.
type tree struct {
	ast.ExprFactory

	last   int64
	types  map[int64]*types.Type
	refs   map[int64]*ast.ReferenceInfo
	params map[string]*types.Type // those that it uses
}

func (t *tree) id(typ *types.Type) int64 {
	t.last++
	t.types[t.last] = typ
	return t.last
}

func (t *tree) param(typ *types.Type, name string) ast.Expr {
	if t.params == nil {
		t.params = map[string]*types.Type{}
	}
	t.params[name] = typ
	return t.variable(typ, paramPrefix+name)
}

func (t *tree) variable(typ *types.Type, name string) ast.Expr {
	id := t.id(typ)
	t.refs[id] = ast.NewIdentReference(name, nil)
	return t.NewIdent(id, name)
}

func (t *tree) literal(v ref.Val) ast.Expr {
	return t.NewLiteral(t.id(v.Type().(*types.Type)), v)
}

func (t *tree) list(typ *types.Type, elems ...ast.Expr) ast.Expr {
	return t.NewList(t.id(typ), elems, nil)
}

func (t *tree) field(typ *types.Type, operand ast.Expr, name string) ast.Expr {
	return t.NewSelect(t.id(typ), operand, name)
}

func (t *tree) call(typ *types.Type, function, overload string, args ...ast.Expr) ast.Expr {
	id := t.id(typ)
	t.refs[id] = ast.NewFunctionReference(overload)
	return t.NewCall(id, function, args...)
}

func (t *tree) member(typ *types.Type, function, overload string, target ast.Expr, args ...ast.Expr) ast.Expr {
	id := t.id(typ)
	t.refs[id] = ast.NewFunctionReference(overload)
	return t.NewMemberCall(id, function, target, args...)
}

// fold builds the loop that all, exists, filter and map compile to.
func (t *tree) fold(typ *types.Type, over ast.Expr, item string, begin, while, step, result ast.Expr) ast.Expr {
	return t.NewComprehension(t.id(typ), over, item, t.AccuIdentName(), begin, while, step, result)
}
