package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"ptcaudit/internal/report"
)

// escape removes the markup from a text. Slack and Teams have no escape in common,
// so characters that begin markup, a mention or a link are replaced by similar
// ones: some always, some only at the start or the end of a word.
// https://docs.slack.dev/messaging/formatting-message-text/
func escape(s string) string {
	inner := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	var b strings.Builder
	before := ' '
	for i, r := range s {
		like, always := lookalikes[r]
		if !always {
			_, size := utf8.DecodeRuneInString(s[i:])
			after, _ := utf8.DecodeRuneInString(s[i+size:])
			if edge, found := edgeLookalikes[r]; found && (!inner(before) || !inner(after)) {
				like = edge
			} else {
				like = r
			}
		}
		b.WriteRune(like)
		before = r
	}
	return strings.ReplaceAll(b.String(), "://", ": //")
}

var (
	lookalikes     = map[rune]rune{'*': '∗', '~': '∼', '`': '\'', '<': '‹', '>': '›', '[': '(', ']': ')'}
	edgeLookalikes = map[rune]rune{'_': '＿', '@': '＠'}
)

// markup is a text of several lines, whose commands can be copied.
func markup(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSuffix(line, "\n"); report.IsCommand(line) {
			lines = append(lines, code(line))
		} else {
			lines = append(lines, escape(line))
		}
	}
	return strings.Join(lines, "\n")
}

// code is text in a code span, to be copied.
func code(s string) string {
	return "`" + inCode.Replace(s) + "`"
}

// inCode replaces characters that end code, or that are markup even in code.
var inCode = strings.NewReplacer("`", "'", "<", "‹", ">", "›", "\n", " ")

// brief shortens a text for a chat.
func brief(s string) string {
	n := maxChatText
	for i := range s {
		if n--; n < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
