package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// findings decides for each finding whether it is notified, and as what.
func (c *comparison) findings() {
	c.touch()
	known := make(map[key]int, len(c.prev.Findings)) // index in prev.Findings
	for i, e := range c.prev.Findings {
		known[e.key()] = i
	}
	weighs := c.report.Weighs(c.options.MinSeverity)
	// Most findings stay known. Growing these lists step by step would take most
	// of Compare's time.
	c.next.Findings = make([]Entry, 0, len(c.prev.Findings))
	c.notification.Notes = make(map[string]report.Note, len(c.prev.Findings))
	for i, f := range c.report.Findings {
		k := key{f.Prefix, f.Check}
		if i+1 < len(c.report.Findings) && k == (key{c.report.Findings[i+1].Prefix, c.report.Findings[i+1].Check}) {
			continue // of two findings with one key the last counts: a pass has no message and is sorted first
		}
		at, isKnown := known[k]
		e := Entry{Check: f.Check, Prefix: f.Prefix, State: Closed}
		if isKnown {
			e = c.prev.Findings[at]
			delete(known, k)
		}
		switch {
		case isKnown && (f.Outcome == report.Error || !c.read && f.Outcome != report.Fail):
			c.keep(e) // it is unknown whether it still fails
		case f.Outcome == report.Error, !isKnown && f.Outcome != report.Fail && f.Waiver == nil: // most findings
		default:
			c.keep(c.judge(e, f, weighs(f)))
		}
	}
	for _, e := range c.prev.Findings {
		if _, absent := known[e.key()]; absent {
			c.keep(c.judgeAbsent(e))
		}
	}
}

// touch marks the notified failures that a new change concerns. A failure that
// was notified by an audit that began after the change is not touched by it: the
// event only comes late. Its actor is listed with the next notification.
func (c *comparison) touch() {
	touched := map[string]time.Time{} // when the last change was made, by prefix
	for _, t := range c.fresh {
		for _, prefix := range c.next.prefixesOf(t) {
			if last, known := touched[prefix]; !known || t.Time.After(last) {
				touched[prefix] = t.Time
			}
		}
	}
	for i, e := range c.prev.Findings {
		if e.Notified == nil {
			continue
		}
		// The time of an event is a whole second: the change was made within it.
		if at, ok := touched[ptc.CleanPrefix(e.Prefix)]; ok && (at.IsZero() || at.Add(time.Second).After(e.Notified.Began)) {
			c.prev.Findings[i].Touched = true
		}
	}
}

// began is when the audit began: the earlier of what its own clock says and
// what AWS's clocks say, if these are known.
func (c *comparison) began() time.Time {
	if received := c.options.Received; !received.IsZero() {
		return earlier(c.report.Audit.StartedAt, received)
	}
	return c.report.Audit.StartedAt
}

// keep adds an entry to the next ledger if it holds anything to remember.
func (c *comparison) keep(e Entry) {
	if e.Waiver != nil && e.State != Waived && e.Waiver.over(c.options.Now) {
		e.Waiver = nil
	}
	if e.needed() {
		c.next.Findings = append(c.next.Findings, e)
	}
}

// judge handles a finding whose outcome is not error.
func (c *comparison) judge(e Entry, f report.Finding, weighs bool) Entry {
	covered := false
	if f.Waiver != nil {
		e.Waiver = e.bind(f)
		covered = e.Waiver.covers(f.Facts)
	}
	if f.Outcome != report.Fail {
		if f.Outcome == report.Pending {
			f.Waiver = nil // the waiver is not the reason
			f.Message = "It still fails, but the check is not in force yet. " + f.Message
		}
		c.resolve(e, f)
		return e.closed()
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
		f.Waiver = nil // it does not cover the finding
		f.Message = fmt.Sprintf("It still fails, but its severity is now %s, below the threshold %s.", f.Severity, c.options.MinSeverity)
		c.resolve(e, f)
		e.State, e.Notified, e.Touched, e.Unsure = Open, nil, false, nil
		return e
	default:
		return c.open(e, f)
	}
}

// open handles a failure that no waiver covers and that reaches the threshold.
func (c *comparison) open(e Entry, f report.Finding) Entry {
	var why []string
	slipped := f.Waiver != nil
	if slipped {
		why = append(why, fmt.Sprintf("The waiver of %s (%s) no longer covers it: what the check looks at has changed.", e.Waiver.Owner, e.Waiver.Reason))
		f.Waiver = nil // it does not cover the finding
	}
	s := &c.notification
	section := &s.Open
	if e.Notified == nil {
		section = &s.New
		switch {
		case slipped:
			section = &s.Altered
		case e.State == Waived:
			why = append(why, fmt.Sprintf("The waiver of %s (%s) no longer covers it.", e.Waiver.Owner, e.Waiver.Reason))
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
		e.Notified = &Notified{At: c.options.Now, Began: c.began(), Severity: f.Severity, Facts: f.Facts}
		e.Touched, e.Unsure = false, nil
	}
	if section == &s.Open && s.Open == nil {
		s.Open = make([]report.Finding, 0, len(c.prev.Findings))
	}
	*section = append(*section, f)
	c.note(e, f, strings.Join(why, " "))
	return e
}

// alterations returns the reasons to notify a notified failure again.
func alterations(e Entry, f report.Finding, slipped bool) []string {
	var why []string
	if f.Facts != e.Notified.Facts && !slipped {
		why = append(why, "What the check looks at has changed.")
	}
	if f.Severity.Rank() > e.Notified.Severity.Rank() {
		why = append(why, fmt.Sprintf("Severity raised from %s to %s.", e.Notified.Severity, f.Severity))
	}
	if e.Touched {
		why = append(why, "Its rule or its secret was changed, and it still fails.")
	}
	return why
}

// resolve notifies that a failure is resolved, if the failure was notified or may
// have been. It has the severity of that notification, so that the same
// subscribers get it.
func (c *comparison) resolve(e Entry, f report.Finding) {
	notified := cmp.Or(e.Notified, e.Unsure)
	if notified == nil {
		return
	}
	f.Severity = notified.Severity
	c.notification.Resolved = append(c.notification.Resolved, f)
	c.note(e, f, "")
}

// judgeAbsent handles a known finding that is not in the report.
func (c *comparison) judgeAbsent(e Entry) Entry {
	if !c.evaluated() || !c.report.Complete && report.IsWaiverCheck(e.Check) {
		return e // it is unknown whether it still fails
	}
	if e.Check == report.CheckWaiverEnding && c.fails(key{e.Prefix, report.CheckWaiverExpired}) {
		return e.closed() // its notification includes this
	}
	c.resolve(e, report.Finding{
		Check: e.Check, Prefix: e.Prefix, Outcome: report.Skip, Message: c.absence(e),
		Fingerprint: report.Fingerprint(c.report.Registry, e.Check, e.Prefix),
	})
	return e.closed()
}

// evaluated reports whether the audit has listed the rules and applied the
// whole policy to them. Faults of stores say nothing about that.
func (c *comparison) evaluated() bool {
	return c.read && !slices.ContainsFunc(c.report.Faults, func(f ptc.Fault) bool {
		return f.Prefix == "" && !slices.Contains([]string{ptc.OpPutEvidence, ptc.OpGetLedger, ptc.OpPutLedger}, f.Operation)
	})
}

// absence explains why a known finding is not in the report.
func (c *comparison) absence(e Entry) string {
	ruleGone := e.Prefix != "" && !slices.ContainsFunc(c.report.Rules, func(r report.Rule) bool {
		return ptc.CleanPrefix(r.Prefix) == ptc.CleanPrefix(e.Prefix)
	})
	switch {
	case e.Check == report.CheckRequiredRule:
		return "The policy no longer requires it."
	case e.Check == report.CheckWaiverUnused:
		return "The waiver now covers a failure, or was removed from the policy."
	case ruleGone:
		return "The rule was deleted."
	case report.IsWaiverCheck(e.Check) && c.noneFails(e.Prefix):
		return "The waived failure is resolved."
	case report.IsWaiverCheck(e.Check):
		return "The waived failure is resolved, or the waiver was renewed or removed."
	default:
		return "The policy no longer has this check."
	}
}

// fails reports whether the report has a failure with this key.
func (c *comparison) fails(k key) bool {
	return slices.ContainsFunc(c.report.Findings, func(f report.Finding) bool {
		return f.Outcome == report.Fail && f.Prefix == k.prefix && f.Check == k.check
	})
}

// noneFails reports whether the report has no failure of a prefix.
func (c *comparison) noneFails(prefix string) bool {
	return !slices.ContainsFunc(c.report.Findings, func(f report.Finding) bool {
		return f.Outcome == report.Fail && f.Prefix == prefix
	})
}

func (c *comparison) note(e Entry, f report.Finding, why string) {
	c.notification.Notes[f.Fingerprint] = report.Note{Why: why, Since: e.Since}
}
