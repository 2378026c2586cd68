package cli

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

// terminal describes the destination of text. The zero value is a file.
type terminal struct {
	width int // in columns; 0 if unknown
	color bool
}

// terminal describes standard output. Only terminals get colors, unless the user
// has turned them off (https://no-color.org).
func (c *command) terminal() terminal {
	width, _ := strconv.Atoi(c.getenv("COLUMNS"))
	t := terminal{width: max(width, 0)}
	file, ok := c.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return t
	}
	t.color = !c.noColor && c.getenv("NO_COLOR") == "" && c.getenv("TERM") != "dumb"
	if columns, _, err := term.GetSize(int(file.Fd())); err == nil && t.width == 0 {
		t.width = columns
	}
	return t
}

// getenv reads Run's environment; of duplicates the last one wins, as in os/exec.
func (c *command) getenv(key string) string {
	value := ""
	for _, variable := range c.env {
		if k, v, ok := strings.Cut(variable, "="); ok && k == key {
			value = v
		}
	}
	return value
}

// patience is how long an audit runs before it shows progress.
const patience = time.Second

// progress shows on standard error how many rules ECR has validated: on a
// terminal in one line that is overwritten, elsewhere once. The caller calls
// advance after each rule, and done at the end.
func (c *command) progress() (advance func(done, all int), done func()) {
	if c.quiet {
		return nil, func() {}
	}
	file, ok := c.stderr.(*os.File)
	onTerminal := ok && term.IsTerminal(int(file.Fd()))
	began, shown := c.now(), false
	return func(done, all int) {
			if c.now().Sub(began) < patience || shown && !onTerminal {
				return
			}
			shown = true
			line := fmt.Sprintf("ptcaudit: ECR has validated %d of %d rules", done, all)
			if onTerminal {
				_, _ = fmt.Fprintf(c.err, "\r%s\x1b[K", line)
			} else {
				_, _ = fmt.Fprintln(c.err, line+" so far")
			}
		}, func() {
			if shown && onTerminal {
				_, _ = fmt.Fprint(c.err, "\r\x1b[K")
			}
		}
}
