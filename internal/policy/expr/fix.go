package expr

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// unquoted finds text in an expression of kind Fix that reaches a command
// without quoting. A prefix or a URL may hold a line break, which would begin
// a line, and so a command, of its own. Only these are safe: a text as it
// stands in the policy, formatShell of it, and a choice or a sum of both.
func unquoted(s source, a *ast.AST) *Problem {
	if s.kind != Fix {
		return nil
	}
	bad, message := firstUnquoted(a.Expr())
	if bad == nil {
		return nil
	}
	at := a.SourceInfo().GetStartLocation(bad.ID())
	line := max(at.Line(), 1)
	return &Problem{line, onToken([]rune(strings.Split(s.text, "\n")[line-1]), at.Column()), message}
}

func firstUnquoted(e ast.Expr) (bad ast.Expr, message string) {
	const advice = "text reaches a command only quoted: use \"... %s\".formatShell([...])"
	switch e.Kind() {
	case ast.LiteralKind:
		return nil, ""
	case ast.CallKind:
	default:
		return e, advice
	}
	call := e.AsCall()
	switch parts := call.Args(); call.FunctionName() {
	case operators.Conditional:
		return firstOf(parts[1:])
	case operators.Add:
		return firstOf(parts)
	case "formatShell":
		format, ok := literalString(call.Target())
		switch {
		case !ok:
			return call.Target(), "formatShell needs a text, not an expression, before it: commands are written in the policy"
		case quotes(string(format)):
			return call.Target(), "formatShell quotes what it puts in place of %s: remove the quotation marks around %s"
		}
		return nil, ""
	}
	return e, advice
}

func firstOf(list []ast.Expr) (bad ast.Expr, message string) {
	for _, e := range list {
		if bad, message := firstUnquoted(e); bad != nil {
			return bad, message
		}
	}
	return nil, ""
}

// quotes reports whether a command has a %s within quotation marks, which would
// end where the quotation of the argument begins. A lookup within double
// quotation marks, "$(aws ... %s)", is a command of its own. Lines that begin
// like a sentence are no commands: they may have an apostrophe.
func quotes(format string) bool {
	for line := range strings.Lines(format) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word != strings.ToLower(word) {
			continue
		}
		if quotesIn(line) {
			return true
		}
	}
	return false
}

// quotesIn is quotes for one line.
func quotesIn(line string) bool {
	var open []byte // quotation marks and lookups, the innermost last
	inner := func() byte {
		if len(open) == 0 {
			return 0
		}
		return open[len(open)-1]
	}
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '\\' && inner() != '\'':
			i++
		case strings.HasPrefix(line[i:], verb) && (inner() == '\'' || inner() == '"'):
			return true
		case inner() == '\'':
			if b == '\'' {
				open = open[:len(open)-1]
			}
		case strings.HasPrefix(line[i:], "$("):
			open = append(open, '(')
			i++
		case b == ')' && inner() == '(', b == '"' && inner() == '"':
			open = open[:len(open)-1]
		case b == '"', b == '\'' && inner() != '"':
			open = append(open, b)
		}
	}
	return false
}
