package cli

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// terminal is what is known of where text goes to. Its zero value is a file.
type terminal struct {
	width int // in columns; 0 where it is not known
	color bool
}

// terminal looks at standard output: colours are for terminals only, and for
// those whose user did not refuse them (https://no-color.org).
func (c *command) terminal() terminal {
	width, _ := strconv.Atoi(c.getenv("COLUMNS"))
	t := terminal{width: max(width, 0)}
	file, ok := c.out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return t
	}
	t.color = !c.noColor && c.getenv("NO_COLOR") == "" && c.getenv("TERM") != "dumb"
	if columns, _, err := term.GetSize(int(file.Fd())); err == nil && t.width == 0 {
		t.width = columns
	}
	return t
}

// getenv is a variable of the environment that Run was given; the last one
// counts, as in os/exec.
func (c *command) getenv(key string) string {
	value := ""
	for _, variable := range c.env {
		if k, v, ok := strings.Cut(variable, "="); ok && k == key {
			value = v
		}
	}
	return value
}
