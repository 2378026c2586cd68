package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// memory is what a reader of all notifications and reports knows. The ledger is
// checked against it.
type memory struct {
	// notified is the last notification of a failure, by fingerprint; a resolved one
	// is not in it.
	notified map[string]ledger.Notified
	// bound are the facts that a waiver first covered.
	bound map[string]ledger.Binding
	// failing are the facts of a finding when it was last decided, if it failed.
	failing map[string]string
	// events that are known, and findings that one touched since they were notified.
	events  map[string]bool
	touched map[string]bool
	// subjects that were notified as not checked, and when.
	subjects map[string]bool
	unsure   time.Time
}

func newMemory() *memory {
	return &memory{
		notified: map[string]ledger.Notified{}, bound: map[string]ledger.Binding{}, failing: map[string]string{},
		events: map[string]bool{}, touched: map[string]bool{}, subjects: map[string]bool{},
	}
}

// sections returns the findings of a notification by section, without Open.
func sections(s report.Notification) map[string][]report.Finding {
	return map[string][]report.Finding{"new": s.New, "altered": s.Altered, "reminded": s.Reminded, "resolved": passed(s)}
}

// section returns the section of a finding in a notification; empty if it has none.
func section(s report.Notification, f report.Finding) string {
	for name, list := range sections(s) {
		if slices.ContainsFunc(list, func(g report.Finding) bool { return g.Fingerprint == f.Fingerprint }) {
			return name
		}
	}
	return ""
}

// read takes in a report, before its notification is checked.
func (m *memory) read(at moment) {
	for _, t := range at.recorded {
		m.events[t.EventID] = true
	}
	for _, t := range at.report.Triggers {
		if t.EventID == "" || m.events[t.EventID] {
			continue
		}
		m.events[t.EventID] = true
		rules := at.report.Rules
		if slices.ContainsFunc(at.report.Faults, isNoList) {
			rules = at.before.Rules
		}
		for _, prefix := range somePrefixes {
			uses := slices.ContainsFunc(rules, func(r report.Rule) bool { return r.Prefix == prefix })
			if t.Prefix == prefix || t.Secret != "" && uses { // there is one secret for all
				for _, check := range append([]string{"upstream-approved", ending, expired}, someChecks...) {
					fp := report.Fingerprint(registry, check, prefix)
					// A change from before the audit that was notified only comes late.
					if t.Time.Add(time.Second).After(m.notified[fp].Began) {
						m.touched[fp] = true
					}
				}
			}
		}
	}
	for _, f := range at.report.Findings {
		if f.Waiver != nil && f.Outcome != report.Error && m.bound[f.Fingerprint].Waiver != *f.Waiver {
			m.bound[f.Fingerprint] = ledger.Binding{Waiver: *f.Waiver, Facts: f.Facts}
		}
	}
}

// covered reports whether a waiver covers a failure with its current facts.
func (m *memory) covered(f report.Finding) bool {
	return f.Waiver != nil && (f.Waiver.AnyUpstream || m.bound[f.Fingerprint].Facts == f.Facts)
}

// matters reports whether a finding must be notified.
func (m *memory) matters(at moment, f report.Finding) bool {
	weighs := f.Severity.AtLeast(at.options.MinSeverity)
	if f.Check == ending {
		for _, g := range at.report.Findings {
			weighs = weighs || g.Waiver != nil && g.Prefix == f.Prefix && g.Severity.AtLeast(at.options.MinSeverity)
		}
	}
	return f.Outcome == report.Fail && weighs && !m.covered(f)
}

// hear takes in a notification.
func (m *memory) hear(at moment) {
	for name, list := range sections(at.notification) {
		for _, f := range list {
			delete(m.touched, f.Fingerprint)
			if delete(m.notified, f.Fingerprint); name != "resolved" {
				m.notified[f.Fingerprint] = ledger.Notified{At: at.now, Began: at.now, Severity: f.Severity, Facts: f.Facts}
			}
		}
	}
	// The notification that a waiver has ended replaces the one that it will end.
	for _, f := range at.report.Findings {
		if f.Check == expired && at.report.Complete && !slices.ContainsFunc(at.report.Findings, func(g report.Finding) bool {
			return g.Check == ending && g.Prefix == f.Prefix
		}) {
			delete(m.notified, report.Fingerprint(registry, ending, f.Prefix))
		}
	}
	for _, f := range at.report.Findings {
		switch f.Outcome {
		case report.Error:
		case report.Fail:
			m.failing[f.Fingerprint] = f.Facts
		default:
			delete(m.failing, f.Fingerprint)
		}
		if _, open := m.notified[f.Fingerprint]; !open {
			delete(m.touched, f.Fingerprint)
		}
	}
	for fp := range m.touched {
		if _, open := m.notified[fp]; !open {
			delete(m.touched, fp)
		}
	}
	if !at.notification.Recovered.IsZero() {
		m.subjects, m.unsure = map[string]bool{}, time.Time{}
	}
	if now := subjects(at.notification); len(now) > 0 {
		if at.now.Sub(m.unsure) >= at.options.RemindAfter { // a reminder tells of what is left
			m.subjects = map[string]bool{}
		}
		m.unsure = at.now
		for _, s := range now {
			m.subjects[s] = true
		}
	}
}

func subjects(s report.Notification) []string {
	var out []string
	for _, f := range s.Faults {
		out = append(out, f.Operation+" "+f.Prefix)
	}
	for _, f := range s.Undecided {
		out = append(out, f.Check+" "+f.Prefix)
	}
	return out
}

// remembering has each moment judged by what was known before it.
func remembering(t *testing.T, check func(t *rapid.T, m *memory, at moment)) {
	t.Helper()
	histories(t, whimsical, func() func(t *rapid.T, at moment) {
		m := newMemory()
		return func(t *rapid.T, at moment) {
			m.read(at)
			check(t, m, at)
			m.hear(at)
		}
	})
}

func TestNothingOpenStaysUnsaidPastRemindAfter(t *testing.T) {
	remembering(t, func(t *rapid.T, m *memory, at moment) {
		for _, f := range at.report.Findings {
			if !m.matters(at, f) || slices.Contains([]string{"new", "altered", "reminded"}, section(at.notification, f)) {
				continue
			}
			if notified, ever := m.notified[f.Fingerprint]; !ever || at.now.Sub(notified.At) >= at.options.RemindAfter {
				t.Fatalf("%s of %q is open, and was notified at %v", f.Check, f.Prefix, notified.At)
			}
		}
	})
}

func TestNothingIsSaidTwiceWithoutCause(t *testing.T) {
	remembering(t, func(t *rapid.T, m *memory, at moment) {
		found := map[string]report.Finding{}
		for _, f := range at.report.Findings {
			found[f.Fingerprint] = f
		}
		stands := map[string]bool{}
		for name, list := range sections(at.notification) {
			for _, f := range list {
				if stands[f.Fingerprint] {
					t.Fatalf("%s of %q is in two sections", f.Check, f.Prefix)
				}
				stands[f.Fingerprint] = true
				notified, before := m.notified[f.Fingerprint]
				other := before && (notified.Facts != f.Facts || f.Severity.Rank() > notified.Severity.Rank() || m.touched[f.Fingerprint])
				slipped := !before && found[f.Fingerprint].Waiver != nil
				why := false
				switch name {
				case "new":
					why = !before && m.matters(at, found[f.Fingerprint])
				case "altered":
					why = (other || slipped) && m.matters(at, found[f.Fingerprint])
				case "reminded":
					why = before && !other && at.now.Sub(notified.At) >= at.options.RemindAfter
				case "resolved":
					why = before && !m.matters(at, found[f.Fingerprint])
				}
				if !why {
					t.Fatalf("%s of %q is in section %s without cause: %+v, before %+v", f.Check, f.Prefix, name, f, notified)
				}
			}
		}
		for _, f := range at.notification.Open {
			if _, before := m.notified[f.Fingerprint]; !before || stands[f.Fingerprint] {
				t.Fatalf("%s of %q is listed as open", f.Check, f.Prefix)
			}
		}
		if s := subjects(at.notification); len(s) > 0 {
			known := !slices.ContainsFunc(s, func(s string) bool { return !m.subjects[s] })
			if at.options.Hold || known && at.now.Sub(m.unsure) < at.options.RemindAfter {
				t.Fatalf("%q is notified again", s)
			}
		}
	})
}

func TestResolvingAndReopeningAlternate(t *testing.T) {
	remembering(t, func(t *rapid.T, m *memory, at moment) {
		for _, f := range at.notification.New {
			if _, open := m.notified[f.Fingerprint]; open {
				t.Fatalf("%s of %q is new, and was not resolved", f.Check, f.Prefix)
			}
		}
		for _, f := range passed(at.notification) {
			if _, open := m.notified[f.Fingerprint]; !open {
				t.Fatalf("%s of %q is resolved, and was not open", f.Check, f.Prefix)
			}
		}
		if !at.notification.Recovered.IsZero() && len(m.subjects) == 0 {
			t.Fatal("recovered, but nothing was notified")
		}
	})
}

// TestResolvedIsNotified if it can be checked.
func TestResolvedIsNotified(t *testing.T) {
	remembering(t, func(t *rapid.T, m *memory, at moment) {
		found := map[string]report.Finding{}
		for _, f := range at.report.Findings {
			found[f.Fingerprint] = f
		}
		resolved := map[string]bool{}
		for _, f := range passed(at.notification) {
			resolved[f.Fingerprint] = true
		}
		for fp := range m.notified {
			f, there := found[fp]
			over := there && f.Outcome != report.Error && !m.matters(at, f)
			// If a waiver has ended, the finding that it will end is not resolved.
			gone := !there && at.report.Complete && !slices.ContainsFunc(at.report.Findings, func(g report.Finding) bool {
				return g.Check == expired && fp == report.Fingerprint(registry, ending, g.Prefix)
			})
			if (over || gone) && !resolved[fp] {
				t.Fatalf("%s of %q is resolved, but not notified", f.Check, f.Prefix)
			}
		}
		if at.report.Complete && len(m.subjects) > 0 && at.notification.Recovered.IsZero() {
			t.Fatal("the audit is complete again, but that is not notified")
		}
	})
}

func isNoList(f fault) bool { return f.Prefix == "" }

func TestAnIncompleteReportChangesNothingThatItCouldNotSee(t *testing.T) {
	remembering(t, func(t *rapid.T, _ *memory, at moment) {
		if at.report.Complete {
			return
		}
		listed := !slices.ContainsFunc(at.report.Faults, isNoList)
		outcomes := map[string]report.Outcome{}
		for _, f := range at.report.Findings {
			outcomes[f.Check+" "+f.Prefix] = f.Outcome
		}
		// seen are the entries that it could see, and what is always known: that
		// somebody touched one, and that a waiver's time is over.
		unseen := func(l ledger.Ledger) []ledger.Entry {
			var out []ledger.Entry
			for _, e := range l.Findings {
				outcome, there := outcomes[e.Check+" "+e.Prefix]
				absent := !there && (!listed || report.IsWaiverCheck(e.Check))
				if e.State != ledger.Closed && (absent || outcome == report.Error) {
					e.Touched, e.Waiver = false, nil
					out = append(out, e)
				}
			}
			return out
		}
		if diff := cmp.Diff(unseen(at.before), unseen(at.after)); diff != "" {
			t.Fatalf("(-before +after):\n%s", diff)
		}
		for _, f := range passed(at.notification) {
			if outcome, there := outcomes[f.Check+" "+f.Prefix]; outcome == report.Error || !there && !listed {
				t.Fatalf("%s of %q is resolved", f.Check, f.Prefix)
			}
		}
		if !at.after.SeenUntil.Equal(at.before.SeenUntil) {
			t.Fatalf("complete at %v", at.after.SeenUntil)
		}
		if !listed && (cmp.Diff(at.before.Rules, at.after.Rules, equateEmpty) != "" || !at.after.RulesAt.Equal(at.before.RulesAt)) {
			t.Fatal("the rules changed")
		}
	})
}

func TestEqualReportsSayNothing(t *testing.T) {
	remembering(t, func(t *rapid.T, _ *memory, at moment) {
		notified, after := ledger.Compare(at.after, at.report, at.options)
		if len(notified.Statuses()) > 0 {
			t.Fatalf("notified again: %q", lines(notified))
		}
		after.Changes = at.after.Changes // some may be forgotten by now
		if diff := cmp.Diff(string(at.after.Encode()), string(after.Encode())); diff != "" {
			t.Fatalf("(-ledger +after the same again):\n%s", diff)
		}
	})
}

func TestASwappedUpstreamUnderAFailureIsAlwaysSaid(t *testing.T) {
	remembering(t, func(t *rapid.T, m *memory, at moment) {
		for _, f := range at.report.Findings {
			facts, failed := m.failing[f.Fingerprint]
			if !failed || f.Outcome != report.Fail || f.Facts == facts || !m.matters(at, f) {
				continue
			}
			if where := section(at.notification, f); where != "altered" && where != "new" {
				t.Fatalf("%s of %q fails on other facts, in section %q", f.Check, f.Prefix, where)
			}
		}
	})
}

func TestATouchIsSaidOnce(t *testing.T) {
	remembering(t, func(t *rapid.T, m *memory, at moment) {
		for _, f := range at.report.Findings {
			if _, known := m.notified[f.Fingerprint]; known && m.touched[f.Fingerprint] && m.matters(at, f) && section(at.notification, f) != "altered" {
				t.Fatalf("%s of %q was touched, in section %q", f.Check, f.Prefix, section(at.notification, f))
			}
		}
	})
}

func TestEachChangeIsSaidOnce(t *testing.T) {
	histories(t, punctual, func() func(t *rapid.T, at moment) {
		notified := map[string]bool{}
		return func(t *rapid.T, at moment) {
			for _, c := range at.notification.Changes {
				if notified[c.EventID] || c.Actor == nil {
					t.Fatalf("change %s is listed twice, or has no actor", c.EventID)
				}
				notified[c.EventID] = true
			}
			for _, c := range at.report.Triggers {
				if c.Actor != nil && len(at.notification.Statuses()) > 0 && !notified[c.EventID] {
					t.Fatalf("change %s is not listed", c.EventID)
				}
			}
		}
	})
}

func TestWhatAnEventToldOfIsNeverUnexplained(t *testing.T) {
	histories(t, punctual, func() func(t *rapid.T, at moment) {
		return func(t *rapid.T, at moment) {
			if len(at.notification.Unexplained) > 0 || len(at.after.Unexplained) > 0 {
				t.Fatalf("unexplained: %+v, pending: %+v", at.notification.Unexplained, at.after.Unexplained)
			}
		}
	})
}

func TestWhatNoEventToldOfIsSaidOnceWithinHalfAnHour(t *testing.T) {
	histories(t, dead, func() func(t *rapid.T, at moment) {
		seen, notified := 0, 0
		return func(t *rapid.T, at moment) {
			if listed := !slices.ContainsFunc(at.report.Faults, isNoList); listed && !at.before.RulesAt.IsZero() {
				seen += len(report.DiffRules(at.before.Rules, at.report.Rules))
			}
			notified += len(at.notification.Unexplained)
			pending := slices.DeleteFunc(slices.Clone(at.after.Unexplained), func(u ledger.Unexplained) bool { return !u.Notified.IsZero() })
			if notified+len(pending) != seen {
				t.Fatalf("%d changes, %d notified, %d pending", seen, notified, len(pending))
			}
			for _, u := range pending {
				if at.now.Sub(u.At) >= 30*minute {
					t.Fatalf("%+v is not notified", u)
				}
			}
		}
	})
}

// TestLedgerRoundTrip: a ledger is decoded as it was, and its size is limited.
func TestLedgerRoundTrip(t *testing.T) {
	remembering(t, func(t *rapid.T, _ *memory, at moment) {
		again, err := ledger.Decode(at.after.Encode())
		if err != nil {
			t.Fatalf("%v: %s", err, at.after.Encode())
		}
		if diff := cmp.Diff(at.after, again); diff != "" {
			t.Fatalf("(-compared +decoded):\n%s", diff)
		}
		if want := at.before.Seq + int64(min(1, len(at.notification.Statuses()))); at.after.Seq != want || at.notification.Seq != at.before.Seq {
			t.Fatalf("seq %d, want %d", at.after.Seq, want)
		}
		if len(at.after.Changes) > 256 || len(at.after.Findings) > 50 {
			t.Fatalf("%d changes, %d findings", len(at.after.Changes), len(at.after.Findings))
		}
	})
}

// TestRecordChangesNoFinding. A change with an event is explained, and no other.
func TestRecordChangesNoFinding(t *testing.T) {
	remembering(t, func(t *rapid.T, _ *memory, at moment) {
		recorded := at.before.Record(at.report.Triggers, at.now)
		for _, u := range at.before.Unexplained {
			told := slices.ContainsFunc(recorded.Changes, func(c ledger.Change) bool {
				return c.Kind == report.ChangeTrigger && ptc.CleanPrefix(c.Prefix) == ptc.CleanPrefix(u.Prefix)
			})
			kept := slices.ContainsFunc(recorded.Unexplained, func(r ledger.Unexplained) bool { return cmp.Equal(r, u) })
			if !told && !kept {
				t.Fatalf("%v has no event, but is forgotten", u)
			}
		}
		recorded.Changes, recorded.Unexplained = at.before.Changes, at.before.Unexplained
		if diff := cmp.Diff(string(at.before.Encode()), string(recorded.Encode())); diff != "" && at.before.SchemaVersion != "" {
			t.Fatalf("(-before +recorded):\n%s", diff)
		}
		merged := at.after.MergeChanges(at.before.Record(at.report.Triggers, at.now))
		if diff := cmp.Diff(string(at.after.Encode()), string(merged.Encode())); diff != "" && len(at.before.Changes) == 0 {
			t.Fatalf("(-after +merged with what it knows):\n%s", diff)
		}
	})
}

// passed are the findings of checks that a notification resolves. Those that
// take back a change without an event are apart: they follow from events.
func passed(n report.Notification) []report.Finding {
	return slices.DeleteFunc(slices.Clone(n.Resolved), func(f report.Finding) bool { return f.Check == ledger.CheckExplained })
}

// TestOnlyWhatWasNotifiedIsTakenBack, and at most once for each notification.
func TestOnlyWhatWasNotifiedIsTakenBack(t *testing.T) {
	histories(t, whimsical, func() func(t *rapid.T, at moment) {
		notified := map[string]int{}
		return func(t *rapid.T, at moment) {
			for _, f := range at.notification.Resolved {
				if f.Check != ledger.CheckExplained {
					continue
				}
				if notified[f.Prefix]--; notified[f.Prefix] < 0 {
					t.Fatalf("the change of %s was not notified, or is taken back again", f.Prefix)
				}
			}
			for _, u := range at.notification.Unexplained {
				notified[u.Prefix]++
			}
		}
	})
}
