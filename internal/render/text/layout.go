package text

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// name and quoted are a name and a message from outside, fit to show.
func name(s string) string   { return untrusted.Name(s) }
func quoted(s string) string { return untrusted.Text(s) }

// Wrap breaks s between words into lines of at most width columns. A word that
// is longer stands on a line of its own: an ARN or a URL stays in one piece.
func Wrap(s string, width int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(s) {
		w := text.StringWidthWithoutEscSequences(word)
		if line != "" && used+1+w > width {
			lines, line, used = append(lines, line), "", 0
		}
		if line != "" {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+w
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Remediation is the lines of a fix, wrapped to width columns. Commands are
// indented, and survive copying into a shell.
func Remediation(s string, width int) []string {
	var lines []string
	for _, line := range untrusted.Lines(s, untrusted.MaxFix) {
		if !report.IsCommand(line) {
			lines = append(lines, Wrap(line, width)...)
			continue
		}
		for _, part := range WrapCommand(line, width-4) { // two of them for what comes behind
			lines = append(lines, "  "+part)
		}
	}
	return lines
}

// WrapCommand breaks a command before its options, as one would by hand: each
// line but the last ends in a backslash, so that the shell reads the lines
// copied from the terminal as the one command. Quoted words and an option with
// its value stay together, however long.
func WrapCommand(command string, width int) []string {
	const hanging = "    "
	var lines []string
	line := ""
	for _, part := range options(command) {
		switch {
		case line == "":
			line = part
		case text.StringWidthWithoutEscSequences(line+" "+part+` \`) <= width:
			line += " " + part
		default:
			lines = append(lines, line+` \`)
			line = hanging + part
		}
	}
	return append(lines, line)
}

// options cuts a command before each word that begins with two dashes, outside
// of quotes.
func options(command string) []string {
	var parts []string
	var quote rune
	escaped, begin := false, 0
	for i, r := range command {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == ' ' && strings.HasPrefix(command[i:], " --"):
			parts = append(parts, command[begin:i])
			begin = i + 1
		}
	}
	return append(parts, command[begin:])
}

// align pads all to the width of the widest.
func align(cells []string) []string {
	widest := 0
	for _, cell := range cells {
		widest = max(widest, text.StringWidthWithoutEscSequences(cell))
	}
	out := make([]string, len(cells))
	for i, cell := range cells {
		out[i] = text.Pad(cell, widest, ' ')
	}
	return out
}
