package untrusted

import (
	"regexp"
	"strings"
)

// CodeSpan is s as a code span of GitHub Flavored Markdown, at most MaxText
// characters of it. Within one nothing is markup, and GitHub makes no mention,
// reference or link of it, which no escape prevents outside of code. A span
// ends at as many backticks as it begins with:
// https://github.github.com/gfm/#code-spans
func CodeSpan(s string) string {
	s = Line(s, MaxText)
	if s == "" {
		s = "(empty)"
	}
	marks := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return marks + s + marks
}

// CodeBlock is the lines of a fix as a fenced code block of GitHub Flavored
// Markdown, with a line break at its end:
// https://github.github.com/gfm/#fenced-code-blocks
func CodeBlock(lines []string) string {
	text := strings.Join(lines, "\n")
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	return fence + "\n" + text + "\n" + fence + "\n"
}

// longestRun is the length of the longest run of backticks.
func longestRun(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		run++
		if r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// formula matches what begins one. A spreadsheet in a country that writes
// decimals with a comma takes the semicolon for the end of a cell, and then a
// line break for the end of a row; some take the wide forms of East Asia for
// the narrow ones.
var formula = regexp.MustCompile(`(^|[;\n])([ '"]*)([=+\-@＝＋－＠])`)

// Cell is a cell of a CSV file whose text is cleaned. An apostrophe tells
// spreadsheets that it is text, so that none takes it for a formula:
// https://owasp.org/www-community/attacks/CSV_Injection
func Cell(text string) string { return formula.ReplaceAllString(text, `$1$2'$3`) }

// WorkflowMessage is the message of a GitHub workflow command, whose text is
// cleaned. The runner restores line breaks:
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
func WorkflowMessage(text string) string { return workflowMessage.Replace(text) }

// WorkflowProperty is the value of a property of a GitHub workflow command,
// whose text is cleaned.
func WorkflowProperty(text string) string { return workflowProperty.Replace(text) }

var (
	workflowMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	workflowProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
