package policy

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/policy/source"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
	"ptcaudit/internal/suggest"
)

// Each function of this file reads one text of a policy file. It adds a fault for
// an invalid text, and returns an empty value.

// choice reads one of several words; name is the key in the file.
func choice[T ~string](t source.Text, name string, choices []T) T {
	if !t.IsSet() || slices.Contains(choices, T(t.Value)) {
		return T(t.Value)
	}
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = string(c)
	}
	t.Fault("unknown %s %q: want %s%s", name, t.Value, suggest.OneOf(names), suggest.Hint(t.Value, names))
	return ""
}

func severity(t source.Text) report.Severity { return choice(t, "severity", report.Severities()) }

// line reads a text of one line that is not empty.
func line(t source.Text, name string) string {
	switch {
	case !t.IsSet():
	case !visible(t.Value):
		t.Fault("%s is empty", name)
	case strings.Contains(strings.TrimSpace(t.Value), "\n"):
		t.Fault("%s must be one line", name)
	}
	return strings.TrimSpace(t.Value)
}

// invisible are characters that Unicode counts as letters or symbols, and that
// show nothing: https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
const invisible = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc"

// visible says that a text has a character that a reader can see: no space, no
// control, and nothing of zero width.
func visible(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !strings.ContainsRune(invisible, r)
	})
}

var idPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// id reads the id of a check.
func id(t source.Text) string {
	if t.IsSet() && !idPattern.MatchString(t.Value) {
		t.Fault("invalid id %q: use lower-case letters, digits and dashes, beginning with a letter", t.Value)
	}
	return t.Value
}

// links reads URLs.
func links(texts []source.Text) []string {
	out := make([]string, 0, len(texts))
	for _, t := range texts {
		if !t.IsSet() {
			continue
		}
		if u, err := url.Parse(t.Value); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			t.Fault("invalid URL %q: write it in full, as in https://wiki.example.com/page", t.Value)
		}
		out = append(out, t.Value)
	}
	return out
}

// glob is a pattern for prefixes, in which * does not cross a slash.
func glob(t source.Text) string {
	clean := ptc.CleanPrefix(t.Value)
	fault := expr.GlobFault(clean)
	if clean == "" {
		fault = "a prefix is empty"
	}
	if fault != "" {
		t.Fault("%s", fault)
		return ""
	}
	return clean
}

// prefix reads a repository prefix that the API accepts.
func prefix(t source.Text, name string) string {
	if t.IsSet() && !ptc.ValidPrefix(t.Value) {
		t.Fault("invalid %s %q: ECR does not accept it", name, t.Value)
		return ""
	}
	return ptc.CleanPrefix(t.Value)
}

// day is a date without a time, as 2006-01-02. All days are UTC.
type day string

// date reads a day that exists.
func date(t source.Text) day {
	if !t.IsSet() {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, t.Value); err != nil {
		t.Fault("invalid date %s: use YYYY-MM-DD", t.Value)
		return ""
	}
	return day(t.Value)
}

// begins is the day's first moment.
func (d day) begins() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d)) // date has checked it
	return t
}

// ends is the first moment after the day.
func (d day) ends() time.Time { return d.begins().AddDate(0, 0, 1) }

// where limits an entry to some registries. An empty list means all.
type where struct {
	Accounts []string `json:"accounts,omitempty"`
	Regions  []string `json:"regions,omitempty"`
}

// readWhere reads the accounts and regions of an entry.
func readWhere(accounts, regions []source.Text) where {
	var w where
	for _, t := range accounts {
		if t.IsSet() && !ptc.ValidAccount(t.Value) {
			t.Fault("invalid account ID %q: use twelve digits", t.Value)
		}
		w.Accounts = append(w.Accounts, t.Value)
	}
	for _, t := range regions {
		if t.IsSet() && !ptc.ValidRegion(t.Value) {
			t.Fault("invalid Region %q: write it as in eu-west-1", t.Value)
		}
		w.Regions = append(w.Regions, t.Value)
	}
	return w
}

// covers reports whether a registry is within the limits.
func (w where) covers(r ptc.Registry) bool {
	return (len(w.Accounts) == 0 || slices.Contains(w.Accounts, r.Account)) &&
		(len(w.Regions) == 0 || slices.Contains(w.Regions, r.Region))
}

// isJust reports whether no other registry is within the limits.
func (w where) isJust(r ptc.Registry) bool {
	return slices.Equal(slices.Compact(slices.Clone(w.Accounts)), []string{r.Account}) &&
		slices.Equal(slices.Compact(slices.Clone(w.Regions)), []string{r.Region})
}
