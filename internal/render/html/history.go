package html

import (
	"fmt"
	"slices"
	"strconv"

	"ptcaudit/internal/report"
)

const (
	// maxAudits is how many audits the page shows: the columns of more audits
	// would be narrower than a pixel.
	maxAudits = 120
	// minSlots keeps the columns of a short history narrow.
	minSlots = 24
	// slot is the width of an audit's column, in units of the drawing, which
	// is stretched to the width of the page.
	slot = 10
	// tallest is the height of the tallest column in pixels. lowest is the
	// height of a column for one failure.
	tallest, lowest = 96, 3
	// fullScale is the least number of failures that fills the height.
	fullScale = 8
)

// history is the number of failures over time, as a drawing and as a table.
type history struct {
	Series   []series
	Audits   []pastAudit // newest first
	Columns  []string    // the severities in the table
	From, To moment
	// Doubtful is true if at least one audit was incomplete.
	Doubtful bool
	// Omitted counts the older audits that are left out.
	Omitted int
}

// series is one row of the drawing: all failures, those of one severity, or
// the audits that were incomplete. All rows have the same scale.
type series struct {
	Class, Label, Now string
	// Alt is what the drawing shows, in words.
	Alt           string
	Bars          []bar
	Width, Height int
}

// bar is the column of one audit.
type bar struct {
	X, Y, Width, Height int
	// AtLeast is true if the audit was incomplete, so there may be more.
	AtLeast bool
	Text    string
}

// pastAudit is a row of the table.
type pastAudit struct {
	At                moment
	Failures          string
	Counts            []string
	Undecided, Waived int
	Complete          bool
	This              bool
}

// audits are those of r's registry up to r, newest first, each once.
func audits(r report.Report, earlier []report.Report) []report.Report {
	out := []report.Report{r}
	known := map[string]bool{r.Audit.ID: true}
	for _, e := range earlier {
		if e.Registry == r.Registry && !known[e.Audit.ID] && !e.Audit.StartedAt.After(r.Audit.StartedAt) {
			known[e.Audit.ID] = true
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out[1:], func(a, b report.Report) int { return b.Audit.StartedAt.Compare(a.Audit.StartedAt) })
	return out
}

// newHistory draws audits, given newest first. It is nil for a single audit.
func newHistory(audits []report.Report) *history {
	if len(audits) < 2 {
		return nil
	}
	h := &history{Omitted: max(0, len(audits)-maxAudits)}
	audits = slices.Clone(audits[:len(audits)-h.Omitted])

	for _, severity := range slices.Backward(report.Severities()) {
		h.Columns = append(h.Columns, capital(severity))
	}
	for i, a := range audits {
		past := pastAudit{
			At: minute(a.Audit.StartedAt), Failures: atLeast(failures(a), a), Undecided: a.Summary.Outcomes[report.Error],
			Waived: a.Summary.Waived, Complete: a.Complete, This: i == 0,
		}
		for _, severity := range slices.Backward(report.Severities()) {
			past.Counts = append(past.Counts, atLeast(a.Summary.Failed[severity], a))
		}
		h.Audits = append(h.Audits, past)
		h.Doubtful = h.Doubtful || !a.Complete
	}
	slices.Reverse(audits) // oldest first from here on
	h.From, h.To = day(audits[0].Audit.StartedAt), day(audits[len(audits)-1].Audit.StartedAt)
	h.Series = draw(audits)
	return h
}

// atLeast is a number of failures in words: a minimum if r is incomplete.
func atLeast(n int, r report.Report) string {
	if r.Complete {
		return strconv.Itoa(n)
	}
	return "≥ " + strconv.Itoa(n)
}

func failures(r report.Report) int { return r.Summary.Outcomes[report.Fail] - r.Summary.Waived }

// draw makes the rows of the drawing. It leaves out rows that are always zero.
func draw(audits []report.Report) []series {
	most := fullScale
	for _, a := range audits {
		most = max(most, failures(a))
	}
	out := []series{newSeries("all", "Failures", audits, most, failures, atLeast)}
	for _, severity := range slices.Backward(report.Severities()) {
		value := func(a report.Report) int { return a.Summary.Failed[severity] }
		if s := newSeries(string(severity), capital(severity), audits, most, value, atLeast); len(s.Bars) > 0 {
			out = append(out, s)
		}
	}
	// An incomplete audit may have no column above. This row distinguishes it
	// from a complete audit without failures.
	doubt := func(a report.Report) int {
		if a.Complete {
			return 0
		}
		return 1
	}
	exactly := func(n int, _ report.Report) string { return strconv.Itoa(n) }
	if s := newSeries("doubtful", "Incomplete", audits, most, doubt, exactly); len(s.Bars) > 0 {
		out = append(out, s)
	}
	return out
}

// newSeries makes a row with the value of each audit. say writes a value.
func newSeries(class, label string, audits []report.Report, most int, value func(report.Report) int, say func(int, report.Report) string) series {
	slots := max(len(audits), minSlots)
	first, last := audits[0], audits[len(audits)-1]
	s := series{Class: class, Label: label, Width: slots * slot, Height: 2 * lowest, Now: say(value(last), last)}
	peak := 0
	for i, a := range audits {
		n := value(a)
		peak = max(peak, n)
		if n <= 0 {
			continue
		}
		height := max(lowest, n*tallest/most)
		s.Height = max(s.Height, height)
		s.Bars = append(s.Bars, bar{
			X: (slots - len(audits) + i) * slot, Width: slot - 3, Height: height, AtLeast: !a.Complete,
			Text: minute(a.Audit.StartedAt).Text + ": " + say(n, a),
		})
	}
	for i := range s.Bars {
		s.Bars[i].Y = s.Height - s.Bars[i].Height
	}
	s.Alt = fmt.Sprintf("%s over %d audits: %s at first, %d at most, %s now.", label, len(audits), say(value(first), first), peak, s.Now)
	return s
}
