package text

import "ptcaudit/internal/report"

// painter marks text with ANSI colours; if false, it leaves text unchanged.
type painter bool

// The sequences of https://en.wikipedia.org/wiki/ANSI_escape_code#Select_Graphic_Rendition_parameters
// that every terminal has, in its user's own colours.
const (
	bold    = "1"
	faint   = "2"
	red     = "31"
	green   = "32"
	yellow  = "33"
	cyan    = "36"
	boldRed = "1;31"
	boldYel = "1;33"
)

func (p painter) mark(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) strong(s string) string  { return p.mark(bold, s) }
func (p painter) faint(s string) string   { return p.mark(faint, s) }
func (p painter) good(s string) string    { return p.mark(green, s) }
func (p painter) bad(s string) string     { return p.mark(red, s) }
func (p painter) warning(s string) string { return p.mark(boldYel, s) }
func (p painter) command(s string) string { return p.mark(cyan, s) }

// severity marks s as something of that severity.
func (p painter) severity(severity report.Severity, s string) string {
	switch severity {
	case report.Critical:
		return p.mark(boldRed, s)
	case report.High:
		return p.mark(red, s)
	case report.Medium:
		return p.mark(yellow, s)
	default:
		return p.mark(bold, s)
	}
}
