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
	if !slices.Equal(strings.Fields(m.Text), strings.Fields(wrapped)) {
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
