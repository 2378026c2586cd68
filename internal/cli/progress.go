package cli

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// patience is how long an audit takes before its user is told how far it is.
const patience = time.Second

// progress is told how many of the rules are validated, and tells whoever
// waits: on a terminal in one line that is written over, otherwise once. done
// ends the line.
func (c *command) progress() (advance func(done, all int), done func()) {
	if c.quiet {
		return nil, func() {}
	}
	file, ok := c.err.(*os.File)
	onTerminal := ok && term.IsTerminal(int(file.Fd()))
	began, told := c.now(), false
	return func(done, all int) {
			if c.now().Sub(began) < patience || told && !onTerminal {
				return
			}
			told = true
			line := fmt.Sprintf("ptcaudit: ECR has validated %d of %d rules", done, all)
			if onTerminal {
				_, _ = fmt.Fprintf(c.err, "\r%s\x1b[K", line)
			} else {
				_, _ = fmt.Fprintln(c.err, line+" so far")
			}
		}, func() {
			if told && onTerminal {
				_, _ = fmt.Fprint(c.err, "\r\x1b[K")
			}
		}
}
