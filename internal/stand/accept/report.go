package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/untrusted"
)

// result is one run as its report shows it.
type result struct {
	version      string
	region       string
	architecture string
	began, ended time.Time
	local        bool
	// failure ended the run early; nil if it did not.
	failure  error
	answers  []answer // of points
	failures []string // texts of ECR
	calls    map[string]outcome
	files    []string // of recorded events
	problems []string
	remains  []string
	left     []string
}

// answersOf asks every point. Only a run that was complete can show that something
// does not happen.
func answersOf(f *facts, complete bool) []answer {
	answers := make([]answer, len(points))
	for i, p := range points {
		answers[i] = p.probe(f, complete)
	}
	return answers
}

// failureTexts are the texts of ECR that no document lists.
func failureTexts(f *facts) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(f.validations)) {
		if v := f.validations[name]; !v.Valid {
			out = append(out, name+": "+v.String())
		}
	}
	return out
}

// markdown writes the report, redacted: it is made to be pasted into an issue.
func (r result) markdown(red *redactor) string {
	var b strings.Builder
	span := func(s string) string { return untrusted.CodeSpan(red.text(s)) }
	list := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n## %s\n\n", title)
		for _, line := range lines {
			fmt.Fprintf(&b, "- %s\n", span(line))
		}
	}
	where := "AWS, " + r.region
	if r.local {
		where = "the local cloud"
	}
	fmt.Fprintf(&b, "# Acceptance on %s\n\nVersion %s, %s, %s UTC, %.0f minutes.\n", where, span(r.version), r.architecture,
		r.began.UTC().Format("2006-01-02 15:04"), r.ended.Sub(r.began).Minutes())
	switch {
	case r.failure == nil:
		b.WriteString("All steps were run.\n")
	case errors.Is(r.failure, errInterrupted), errors.Is(r.failure, context.Canceled):
		b.WriteString("**The run was interrupted.**\n")
	default:
		fmt.Fprintf(&b, "**The run failed:** %s\n", span(r.failure.Error()))
	}
	count := map[verdict]int{}
	for _, a := range r.answers {
		count[a.verdict]++
	}
	fmt.Fprintf(&b, "\n%d points: %d confirmed, %d refuted, %d not seen.\n\n", len(r.answers), count[confirmed], count[refuted], count[notSeen])
	b.WriteString("| point | result | question | what was seen |\n|---|---|---|---|\n")
	for i, p := range points {
		a := r.answers[i]
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s | %s |\n", p.id, p.source, a.verdict, p.question, strings.ReplaceAll(span(a.seen), "|", `\|`))
	}
	list("Validation results of invalid rules", r.failures)
	var refusals []string
	for _, name := range slices.Sorted(maps.Keys(r.calls)) {
		if o := r.calls[name]; o.err != "" {
			refusals = append(refusals, name+": "+o.err)
		}
	}
	list("Calls that were refused", refusals)
	list("Recorded events", r.files)
	list("Problems", r.problems)
	list("Remains for some days", r.remains)
	list("Not removed: remove it by hand", r.left)
	return b.String()
}

// record writes one redacted event of each kind into a folder, and returns the
// names of the files. Older files of the same names are replaced.
func record(folder string, events []event, red *redactor) ([]string, error) {
	first := map[string]event{}
	for _, e := range events {
		// This learns the names of all events: each can occur in another.
		if _, err := red.event(e.raw); err != nil {
			return nil, err
		}
		if _, exists := first[e.file()]; !exists {
			first[e.file()] = e
		}
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(first))
	for _, name := range names {
		redacted, err := red.event(first[name].raw)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(folder, name), redacted, 0o600); err != nil {
			return nil, err
		}
	}
	return names, nil
}
