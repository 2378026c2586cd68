package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// findings decides of each finding what there is to say of it.
func (c *comparison) findings() {
	c.touch()
	known := make(map[key]int, len(c.prev.Findings)) // where it stands
	for i, e := range c.prev.Findings {
		known[e.key()] = i
	}
	waived := waivedAt(c.report.Findings)
	// Most of what was known stays so. Lists that grow step by step would take
	// longer than all the rest.
	c.next.Findings = make([]Entry, 0, len(c.prev.Findings))
	c.notification.Notes = make(map[string]report.Note, len(c.prev.Findings))
	for i, f := range c.report.Findings {
		k := key{f.Prefix, f.Check}
		if i+1 < len(c.report.Findings) && k == (key{c.report.Findings[i+1].Prefix, c.report.Findings[i+1].Check}) {
			continue // of two with one name the last counts: what passes has no message, and is sorted first
		}
		at, isKnown := known[k]
		e := Entry{Check: f.Check, Prefix: f.Prefix, State: Closed}
		if isKnown {
			e = c.prev.Findings[at]
			delete(known, k)
		}
		switch {
		case f.Outcome == report.Error && isKnown:
			c.keep(e) // nobody knows
		case f.Outcome == report.Error, !isKnown && f.Outcome != report.Fail && f.Waiver == nil: // as most are
		default:
			c.keep(c.judge(e, f, c.weighs(f, waived)))
		}
	}
	for _, e := range c.prev.Findings {
		if _, absent := known[e.key()]; absent {
			c.keep(c.judgeAbsent(e))
		}
	}
}

// touch marks the known failures that a new change is about.
func (c *comparison) touch() {
	touched := map[string]bool{}
	for _, t := range c.fresh {
		for _, prefix := range c.next.prefixesOf(t) {
			touched[prefix] = true
		}
	}
	for i, e := range c.prev.Findings {
		if e.Notified != nil && touched[ptc.CleanPrefix(e.Prefix)] {
			c.prev.Findings[i].Touched = true
		}
	}
}

// weighs says that a failure is said. That a waiver ends weighs as much as what
// it covers: its own severity is the lowest there is.
func (c *comparison) weighs(f report.Finding, waived map[string]report.Severity) bool {
	return f.Severity.AtLeast(c.options.MinSeverity) ||
		f.Check == report.CheckWaiverEnding && waived[f.Prefix].AtLeast(c.options.MinSeverity)
}

// keep takes an entry into the next ledger, unless there is nothing in it to
// remember.
func (c *comparison) keep(e Entry) {
	if e.Waiver != nil && e.State != Waived && e.Waiver.over(c.options.Now) {
		e.Waiver = nil
	}
	if e.needed() {
		c.next.Findings = append(c.next.Findings, e)
	}
}

// judge decides what there is to say of a finding that was decided.
func (c *comparison) judge(e Entry, f report.Finding, weighs bool) Entry {
	covered := false
	if f.Waiver != nil {
		e.Waiver = e.bind(f)
		covered = e.Waiver.covers(f.Facts)
	}
	if f.Outcome != report.Fail {
		if f.Outcome == report.Pending {
			f.Waiver = nil // that is not why
			f.Message = "It still fails, but the check is not in force yet. " + f.Message
		}
		c.resolve(e, f)
		return e.close()
	}
	if e.State == Closed {
		e.Since = c.report.Audit.StartedAt
	}
	switch {
	case covered:
		c.resolve(e, f)
		e.State, e.Notified, e.Touched, e.Unsure = Waived, nil, false, nil
		return e
	case !weighs:
		f.Waiver = nil // it does not cover it
		f.Message = fmt.Sprintf("It still fails, but its severity is %s now, and what is said begins at %s.", f.Severity, c.options.MinSeverity)
		c.resolve(e, f)
		e.State, e.Notified, e.Touched, e.Unsure = Open, nil, false, nil
		return e
	default:
		return c.open(e, f)
	}
}

// open says, or leaves unsaid, that a finding fails.
func (c *comparison) open(e Entry, f report.Finding) Entry {
	var why []string
	slipped := f.Waiver != nil
	if slipped {
		why = append(why, fmt.Sprintf("The waiver of %s (%s) covers it as it was; its upstream, credential or role has changed since.", e.Waiver.Owner, e.Waiver.Reason))
		f.Waiver = nil // it does not cover it
	}
	s := &c.notification
	section := &s.Open
	if e.Notified == nil {
		section = &s.New
		switch {
		case slipped:
			section = &s.Altered
		case e.State == Waived:
			why = append(why, fmt.Sprintf("The waiver of %s (%s) does not cover it any more.", e.Waiver.Owner, e.Waiver.Reason))
		}
	} else {
		altered := alterations(e, f, slipped)
		switch {
		case len(altered) > 0 || f.Facts != e.Notified.Facts:
			section = &s.Altered
			why = append(why, altered...)
		case c.options.Now.Sub(e.Notified.At) >= c.options.RemindAfter:
			section = &s.Reminded
		}
	}
	e.State = Open
	if section != &s.Open {
		e.Notified = &Notified{At: c.options.Now, Severity: f.Severity, Facts: f.Facts}
		e.Touched, e.Unsure = false, nil
	}
	if section == &s.Open && s.Open == nil {
		s.Open = make([]report.Finding, 0, len(c.prev.Findings))
	}
	*section = append(*section, f)
	c.note(e, f, strings.Join(why, " "))
	return e
}

// alterations are the reasons to say a failure again that was said.
func alterations(e Entry, f report.Finding, slipped bool) []string {
	var why []string
	if f.Facts != e.Notified.Facts && !slipped {
		why = append(why, "Its upstream, credential or role is another one.")
	}
	if f.Severity.Rank() > e.Notified.Severity.Rank() {
		why = append(why, fmt.Sprintf("Severity raised from %s to %s.", e.Notified.Severity, f.Severity))
	}
	if e.Touched {
		why = append(why, "Somebody changed its rule or its secret, and it still fails.")
	}
	return why
}

// resolve says that a failure is over, if it was said, or may have been. It
// keeps the severity that was said, so that whoever was told learns of it.
func (c *comparison) resolve(e Entry, f report.Finding) {
	said := cmp.Or(e.Notified, e.Unsure)
	if said == nil {
		return
	}
	f.Severity = said.Severity
	c.notification.Resolved = append(c.notification.Resolved, f)
	c.note(e, f, "")
}

// judgeAbsent decides what there is to say of a known finding that is not in
// the report.
func (c *comparison) judgeAbsent(e Entry) Entry {
	if !c.read || !c.report.Complete && report.IsWaiverCheck(e.Check) {
		return e // it cannot be seen whether it is over
	}
	if e.Check == report.CheckWaiverEnding && c.fails(key{e.Prefix, report.CheckWaiverExpired}) {
		return e.close() // what is said of that says it
	}
	c.resolve(e, report.Finding{
		Check: e.Check, Prefix: e.Prefix, Outcome: report.Skip, Message: c.absence(e),
		Fingerprint: report.Fingerprint(c.report.Registry, e.Check, e.Prefix),
	})
	return e.close()
}

// absence says why a known finding is not in the report.
func (c *comparison) absence(e Entry) string {
	ruleGone := e.Prefix != "" && !slices.ContainsFunc(c.report.Rules, func(r report.Rule) bool {
		return ptc.CleanPrefix(r.Prefix) == ptc.CleanPrefix(e.Prefix)
	})
	switch {
	case e.Check == report.CheckRequiredRule:
		return "The policy does not require it any more."
	case e.Check == report.CheckWaiverUnused:
		return "The waiver covers something now, or is no longer in the policy."
	case ruleGone:
		return "The rule was deleted."
	case report.IsWaiverCheck(e.Check) && c.noneFails(e.Prefix):
		return "What it waived does not fail any more."
	case report.IsWaiverCheck(e.Check):
		return "What it waived was mended, or the waiver was agreed anew or removed."
	default:
		return "The policy does not have this check any more."
	}
}

// fails says that a finding is a failure of the report.
func (c *comparison) fails(k key) bool {
	return slices.ContainsFunc(c.report.Findings, func(f report.Finding) bool {
		return f.Outcome == report.Fail && f.Prefix == k.prefix && f.Check == k.check
	})
}

// noneFails says that nothing of a prefix fails.
func (c *comparison) noneFails(prefix string) bool {
	return !slices.ContainsFunc(c.report.Findings, func(f report.Finding) bool {
		return f.Outcome == report.Fail && f.Prefix == prefix
	})
}

func (c *comparison) note(e Entry, f report.Finding, why string) {
	c.notification.Notes[f.Fingerprint] = report.Note{Why: why, Since: e.Since}
}
