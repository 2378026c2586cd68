package text

import (
	"fmt"
	"strings"

	"ptcaudit/internal/history"
)

// bars are the heights of a sparkline, from none to most.
var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline draws how many failures there were, audit by audit; of many audits
// at once, the most. An incomplete one is a question mark.
func (p *printer) sparkline(audits []history.Audit) string {
	width := min(len(audits), p.width-len("Failures over time:  (most: 9999)"))
	most, heights, unknown := 0, make([]int, width), make([]bool, width)
	for i, a := range audits {
		column := i * width / len(audits)
		heights[column] = max(heights[column], failing(a))
		unknown[column] = unknown[column] || !a.Complete
		most = max(most, failing(a))
	}
	var line strings.Builder
	for i, n := range heights {
		switch {
		case unknown[i]:
			line.WriteString(p.paint.warning("?"))
		case n == 0:
			line.WriteRune(bars[0])
		default:
			line.WriteRune(bars[(n*(len(bars)-1)+most-1)/most])
		}
	}
	return fmt.Sprintf("%s (most: %d)", line.String(), most)
}

// failing is how many failures were known after an audit.
func failing(a history.Audit) int {
	n := 0
	for _, of := range a.Failing {
		n += of
	}
	return n
}
