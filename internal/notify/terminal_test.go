package notify_test

import (
	"slices"
	"strings"

	columns "github.com/jedib0t/go-pretty/v6/text"
	"pgregory.net/rapid"

	"ptcaudit/internal/notify"
	terminal "ptcaudit/internal/render/text"
)

// verifyTerminal: a terminal shows every word, in lines that fit. What is copied
// stays whole.
func verifyTerminal(t rapid.TB, m notify.Message) {
	t.Helper()
	const limit = 78
	wrapped := terminal.WrapMail(m.Text, limit)
	words := func(text string) []string { // without the mark of a line within a quotation
		return slices.DeleteFunc(strings.Fields(text), func(word string) bool { return word == "|" })
	}
	if !slices.Equal(words(m.Text), words(wrapped)) {
		t.Errorf("a terminal shows other words:\n%s", wrapped)
	}
	goesOn := false
	for line := range strings.Lines(wrapped) {
		line = strings.TrimSuffix(line, "\n")
		goesOn = goesOn || copied.MatchString(line)
		whole := goesOn || len(strings.Fields(line)) <= 2
		if width := columns.StringWidthWithoutEscSequences(line); width > limit && !whole {
			t.Errorf("%d columns: %q", width, line)
		}
		goesOn = goesOn && strings.HasSuffix(line, `\`)
	}
}
