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

// word is a name that has no blanks by nature.
func word(s string) string { return untrusted.Word(s) }

// Wrap breaks s between words into lines of at most width columns. A longer
// word has its own line: an ARN or a URL is never broken.
func Wrap(s string, width int) []string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		return nil
	}
	return broken(s, "", width)
}

// WrapMail breaks the lines of a notification's text between words, to at most
// width columns. What is copied stays whole: a command, and a line of two words,
// which is a label with an address or a key. A broken line continues with
// more indentation, so that no part looks like a new line.
func WrapMail(mail string, width int) string {
	var b strings.Builder
	goesOn := false // a command, to the next line
	for line := range strings.Lines(mail) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.TrimLeft(line, " ")
		lines := []string{line}
		if goesOn = goesOn || report.IsCommand(words); !goesOn && strings.Count(words, " ") > 1 {
			lines = broken(line, line[:len(line)-len(words)]+"  ", width)
		}
		goesOn = goesOn && strings.HasSuffix(line, `\`)
		for _, line := range lines {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// mark begins a line that continues a quotation. Its words come from outside,
// and without the mark a reader could take them for ours.
const mark = "| "

// broken breaks a line between words into lines of at most width columns,
// unless one is a single word. All but the first begin with hanging, and with
// mark if they begin within quotation marks.
func broken(line, hanging string, width int) []string {
	columns := text.StringWidthWithoutEscSequences
	var lines []string
	rest := strings.TrimLeft(line, " ")
	part, used, words := line[:len(line)-len(rest)], len(line)-len(rest), 0
	quotes := 0
	for word := range strings.SplitSeq(rest, " ") { // empty between two blanks, which align words
		w := columns(word)
		if words > 0 && word != "" && used+1+w > width {
			lines = append(lines, strings.TrimRight(part, " "))
			part, used, words = hanging, len(hanging), 0
			if quotes%2 == 1 {
				part, used = part+mark, used+len(mark)
			}
		}
		quotes += strings.Count(word, `"`)
		if words > 0 {
			part, used = part+" ", used+1
		}
		part, used, words = part+word, used+w, words+1
	}
	return append(lines, part)
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
