package report

import (
	"fmt"
	"slices"

	"ptcaudit/internal/suggest"
)

// Severity is how much a failure matters. It does not mean that one exists.
type Severity string

// The severities, lowest first.
const (
	Informational Severity = "informational"
	Low           Severity = "low"
	Medium        Severity = "medium"
	High          Severity = "high"
	Critical      Severity = "critical"
)

// Severities lists all severities, lowest first.
func Severities() []Severity { return []Severity{Informational, Low, Medium, High, Critical} }

// ParseSeverity reads a severity in lower case. Its error names the choices.
func ParseSeverity(s string) (Severity, error) {
	if slices.Contains(Severities(), Severity(s)) {
		return Severity(s), nil
	}
	return "", fmt.Errorf("unknown severity %q: use %s", s, SeverityChoices())
}

// SeverityChoices lists the severities for a message, highest first.
func SeverityChoices() string {
	choices := Severities()
	slices.Reverse(choices)
	return suggest.OneOf(choices)
}

// Rank orders severities: informational is 1, critical 5, anything else 0.
func (s Severity) Rank() int { return slices.Index(Severities(), s) + 1 }

// AtLeast reports whether s is as severe as threshold, or more severe.
func (s Severity) AtLeast(threshold Severity) bool { return s.Rank() >= threshold.Rank() }

// Highest is the more severe of two.
func Highest(a, b Severity) Severity {
	if b.Rank() > a.Rank() {
		return b
	}
	return a
}
