package ledger

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Errors of Decode.
var (
	// ErrNewer: a newer version wrote the ledger. It must not be overwritten.
	ErrNewer = errors.New("a newer version of ptcaudit wrote the ledger: deploy that version again")
	// ErrDamaged: the data is not a valid ledger.
	ErrDamaged = errors.New("invalid ledger")
)

// Decode reads a ledger that Encode wrote. Its error is ErrNewer or wraps
// ErrDamaged, and does not quote the data.
func Decode(data []byte) (Ledger, error) {
	var l Ledger
	err := json.Unmarshal(data, &l)
	// A newer form may not fit into the fields of this one, so err can be set.
	if isNewer(l.SchemaVersion) {
		return Ledger{}, ErrNewer
	}
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return Ledger{}, fmt.Errorf("%w: %s", ErrDamaged, reason(err))
	}
	return l.canonical(), nil
}

// isNewer reports whether a schema has the same name and a higher version.
func isNewer(schema string) bool {
	name, own, _ := cutVersion(SchemaVersion)
	other, version, ok := cutVersion(schema)
	return ok && other == name && version > own
}

// cutVersion splits "name/v1".
func cutVersion(schema string) (name string, version int, ok bool) {
	i := strings.LastIndex(schema, "/v")
	if i < 0 {
		return "", 0, false
	}
	version, err := strconv.Atoi(schema[i+2:])
	return schema[:i], version, err == nil
}

// reason describes an error without quoting the data.
func reason(err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("invalid JSON at byte %d", syntax.Offset)
	}
	if misfit, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s cannot be a %s", cmp.Or(misfit.Field, "the ledger"), misfit.Value)
	}
	if fault, ok := errors.AsType[misuse](err); ok {
		return string(fault)
	}
	return "a value is out of range"
}

// misuse is an error in a ledger that is valid JSON.
type misuse string

func (m misuse) Error() string { return string(m) }

// check returns an error for anything that Compare never writes. For example, an
// entry with an unknown severity would make its failure look unimportant.
func (l Ledger) check() error {
	switch {
	case l.SchemaVersion != SchemaVersion:
		return misuse("schemaVersion is not " + SchemaVersion)
	case !ptc.ValidAccount(l.Registry.Account) || !ptc.ValidRegion(l.Registry.Region):
		return misuse("registry is missing or invalid")
	case l.Seq < 0:
		return misuse("seq is negative")
	case l.Lease != nil && l.Lease.Holder == "":
		return misuse("lease has no holder")
	case l.Accepted != nil && l.Accepted.MessageID == "":
		return misuse("accepted has no message id")
	}
	if slices.ContainsFunc(l.Audiences, func(a Audience) bool { return a.Subscribers < Unknown }) {
		return misuse("a number of subscribers is negative")
	}
	known := make(map[key]bool, len(l.Findings))
	for i, e := range l.Findings {
		if known[e.key()] {
			return misuse(fmt.Sprintf("finding %d is a duplicate", i))
		}
		known[e.key()] = true
		if !e.sound() {
			return misuse(fmt.Sprintf("finding %d contradicts itself", i))
		}
	}
	return nil
}

// sound reports whether the fields of an entry fit together.
func (e Entry) sound() bool {
	for _, n := range []*Notified{e.Notified, e.Unsure} {
		if n != nil && n.Severity.Rank() == 0 {
			return false
		}
	}
	if e.Notified == nil && e.Touched || e.Notified != nil && e.Unsure != nil {
		return false
	}
	switch e.State {
	case Open:
		return e.Check != ""
	case Waived, Closed:
		return e.Check != "" && e.Waiver != nil && e.Notified == nil
	default:
		return false
	}
}

// Encode writes a ledger as JSON with a line break at its end. Equal ledgers
// give equal bytes.
func (l Ledger) Encode() []byte {
	l = l.canonical()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		panic("ledger: " + err.Error()) // strings, numbers, and times within JSON's range
	}
	return b.Bytes()
}

// canonical returns l with sorted lists that are not null, and with times in
// UTC. It shares no list with l.
func (l Ledger) canonical() Ledger {
	l.SchemaVersion = SchemaVersion
	l.LastAudit.StartedAt = utc(l.LastAudit.StartedAt)
	l.SeenUntil, l.RulesAt = utc(l.SeenUntil), utc(l.RulesAt)

	l.Rules = sorted(l.Rules, func(a, b report.Rule) int { return cmp.Compare(a.Prefix, b.Prefix) })
	for i, r := range l.Rules {
		l.Rules[i].CreatedAt, l.Rules[i].UpdatedAt = utc(r.CreatedAt), utc(r.UpdatedAt)
	}
	l.Findings = sorted(l.Findings, func(a, b Entry) int {
		if c := cmp.Compare(a.Prefix, b.Prefix); c != 0 {
			return c
		}
		return cmp.Compare(a.Check, b.Check)
	})
	for i, e := range l.Findings {
		l.Findings[i].Since = utc(e.Since)
		l.Findings[i].Notified, l.Findings[i].Unsure = e.Notified.utc(), e.Unsure.utc()
	}
	l.Changes = slices.Clone(l.Changes)
	for i, c := range l.Changes {
		l.Changes[i].Time, l.Changes[i].Seen = utc(c.Time), utc(c.Seen)
	}
	l.Changes = sorted(l.Changes, func(a, b Change) int {
		return cmp.Or(a.Seen.Compare(b.Seen), a.Time.Compare(b.Time), cmp.Compare(eventID(a.Trigger), eventID(b.Trigger)))
	})
	l.Unexplained = slices.Clone(l.Unexplained)
	for i, u := range l.Unexplained {
		l.Unexplained[i].At, l.Unexplained[i].After, l.Unexplained[i].Notified = utc(u.At), utc(u.After), utc(u.Notified)
	}
	l.Unexplained = sorted(l.Unexplained, func(a, b Unexplained) int {
		return cmp.Or(cmp.Compare(a.Prefix, b.Prefix), a.After.Compare(b.After), a.At.Compare(b.At))
	})
	if l.Unaudited != nil {
		u := *l.Unaudited
		u.Since, u.NotifiedAt = utc(u.Since), utc(u.NotifiedAt)
		u.Subjects = slices.Compact(sorted(u.Subjects, cmp.Compare[string]))
		l.Unaudited = &u
	}
	l.Accepted, l.UnheardSince = l.Accepted.canonical(), utc(l.UnheardSince)
	if len(l.Audiences) > 0 {
		l.Audiences = sorted(l.Audiences, func(a, b Audience) int { return cmp.Compare(a.Topic, b.Topic) })
	}
	if l.Lease != nil {
		l.Lease = &Lease{Holder: l.Lease.Holder, Until: utc(l.Lease.Until)}
	}
	return l
}

// utc returns a copy with its time in UTC.
func (n *Notified) utc() *Notified {
	if n == nil {
		return nil
	}
	return &Notified{At: utc(n.At), Began: utc(n.Began), Severity: n.Severity, Facts: n.Facts}
}

// sorted returns a sorted copy of a list. It is never nil.
func sorted[T any](list []T, compare func(a, b T) int) []T {
	out := append(make([]T, 0, len(list)), list...)
	if !slices.IsSortedFunc(out, compare) {
		slices.SortStableFunc(out, compare)
	}
	return out
}

// utc returns t in UTC, or zero if JSON cannot represent it.
func utc(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
