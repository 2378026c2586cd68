package expr

import (
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
)

// Problem is what is wrong with an expression, and where.
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

// onToken makes an index into a line a column. From the dot or the parenthesis,
// where CEL places a selected field and a called function, it moves to the name.
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
