package expr

import (
	"fmt"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

// Problem is an error of an expression, with its place.
type Problem struct {
	// Line and Column count from 1, columns in runes.
	Line, Column int
	Message      string
}

// problems are the issues that CEL has with src.
func problems(src string, issues *cel.Issues) []Problem {
	lines := strings.Split(src, "\n")
	var out []Problem
	for _, e := range issues.Errors() {
		line := min(max(e.Location.Line(), 1), len(lines))
		out = append(out, Problem{line, onToken([]rune(lines[line-1]), e.Location.Column()), e.Message})
	}
	return out
}

// nameParams improves CEL's message about an unknown param: CEL reports that a
// variable params is missing, and does not name the param.
func nameParams(parsed *ast.AST, issues *cel.Issues) {
	selected := map[int64]ast.Expr{} // from each params, what is selected of it
	ast.PostOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.SelectKind {
			return
		}
		if of := e.AsSelect().Operand(); of.Kind() == ast.IdentKind && of.AsIdent()+"." == paramPrefix {
			selected[of.ID()] = e
		}
	}))
	for _, fault := range issues.Errors() {
		if e := selected[fault.ExprID]; e != nil {
			fault.Location = parsed.SourceInfo().GetStartLocation(e.ID())
			fault.Message = fmt.Sprintf("undeclared reference to '%s%s': no policy sets it", paramPrefix, e.AsSelect().FieldName())
		}
	}
}

// onToken converts an index into a line to a column. CEL places a field at its
// dot and a function at its parenthesis; onToken moves both to the name.
func onToken(line []rune, i int) int {
	i = min(max(i, 0), len(line))
	if i == len(line) {
		return i + 1
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
	return i + 1
}
