package history

import (
	"cmp"
	"math"
	"slices"
	"time"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Version is in every history. It changes if a reader of the old form could
// misread the new one.
const Version = "ptcaudit/history/v1"

// History is what the evidence shows of a period. Add the records of each registry
// in the order of time, then call Finish. Times are UTC, and lists are never
// null.
type History struct {
	SchemaVersion string    `json:"schemaVersion"`
	From          time.Time `json:"from"`
	// To is the end of the period, exclusive.
	To         time.Time   `json:"to"`
	Registries []*Registry `json:"registries"`
	// Unreadable are the keys of evidence that could not be read. If there are
	// any, the history may be incomplete.
	Unreadable []string `json:"unreadable"`
	// UnreadableBefore are the keys of such evidence from the days before the
	// period. The history of the period is complete without it, but a failure
	// that existed at its beginning may have been notified earlier.
	UnreadableBefore []string `json:"unreadableBefore,omitempty"`
}

// Registry is the history of one registry.
type Registry struct {
	ptc.Registry
	// Audits are in the order in which they began.
	Audits []Audit `json:"audits"`
	// Failures are the failures that no waiver covered, in the order in which they
	// were first seen. A failure that came back is a new one.
	Failures []Failure `json:"failures"`
	// Changes are the change events, each once, in the order in which they became
	// known.
	Changes []report.Trigger `json:"changes"`
	// Gaps are the periods of more than 24 hours without a complete audit.
	Gaps []Gap `json:"gaps"`
	// Policies and Versions of ptcaudit that were used, in order of first use.
	Policies []PolicyUse  `json:"policies"`
	Versions []VersionUse `json:"versions"`
	// Waivers covered failures, sorted by prefix and check.
	Waivers []WaiverUse `json:"waivers"`

	ledger ledger.Ledger
	events map[string]bool // ids of known events
	rules  []report.Rule   // as last listed
	read   bool            // whether they were ever listed
}

// Audit is one audit, and what has changed since the audits before it.
type Audit struct {
	report.Audit
	Triggers []report.TriggerKind `json:"triggers"`
	Complete bool                 `json:"complete"`
	Policy   report.Policy        `json:"policy"`
	Summary  report.Summary       `json:"summary"`
	// Failing counts the known failures after the audit, by severity. It can be
	// more than the report has: it includes failures that the audit could not
	// check, and failures whose waiver was bound to other facts.
	Failing map[report.Severity]int `json:"failing"`
	// New, Changed and Resolved are what package ledger finds, given the audits
	// before.
	New      []Subject `json:"new"`
	Changed  []Subject `json:"changed"`
	Resolved []Subject `json:"resolved"`
	// Rules are the changes of rules since they were last listed.
	Rules []report.RuleChange `json:"rules"`
	// Unexplained are changes of rules for which no change event arrived in time.
	Unexplained []report.RuleChange `json:"unexplained"`
	// Key is the key of the report in the evidence.
	Key string `json:"key"`
}

// Subject identifies a finding within a registry.
type Subject struct {
	Check    string          `json:"check"`
	Prefix   string          `json:"prefix"`
	Severity report.Severity `json:"severity"`
}

// Begin returns an empty history of a period.
func Begin(from, to time.Time) *History {
	return &History{
		SchemaVersion: Version, From: from.UTC(), To: to.UTC(),
		Registries: []*Registry{}, Unreadable: []string{},
	}
}

// of returns the history of a registry, and adds it if it is missing.
func (h *History) of(reg ptc.Registry) *Registry {
	for _, r := range h.Registries {
		if r.Registry == reg {
			return r
		}
	}
	r := &Registry{
		Registry: reg,
		Audits:   []Audit{}, Failures: []Failure{}, Changes: []report.Trigger{}, Gaps: []Gap{},
		Policies: []PolicyUse{}, Versions: []VersionUse{}, Waivers: []WaiverUse{},
		events: map[string]bool{},
	}
	h.Registries = append(h.Registries, r)
	return r
}

// AddReport adds a report; key is its key in the evidence.
func (h *History) AddReport(key string, r report.Report) {
	reg := h.of(r.Registry)
	notification, next := ledger.Compare(reg.ledger, r, ledger.Options{
		Now:         cmp.Or(r.Audit.FinishedAt, r.Audit.StartedAt),
		MinSeverity: report.Informational,
		RemindAfter: math.MaxInt64, // no reminders
	})
	reg.ledger = next
	audit := Audit{
		Audit: r.Audit, Complete: r.Complete, Policy: r.Policy, Summary: r.Summary, Key: key,
		Triggers: kindsOf(r.Triggers),
		New:      subjects(notification.New), Changed: subjects(notification.Altered), Resolved: subjects(notification.Resolved),
		Rules: reg.diffRules(r), Unexplained: slices.Concat([]report.RuleChange{}, notification.Unexplained),
	}
	reg.open(r.Audit.StartedAt, slices.Concat(notification.New, notification.Altered))
	reg.resolve(r.Audit.StartedAt, notification.Resolved)
	audit.Failing = reg.counts()
	reg.Audits = append(reg.Audits, audit)
	reg.addChanges(r.Triggers)
	reg.used(r)
}

// AddChanges adds changes that needed no audit.
func (h *History) AddChanges(reg ptc.Registry, triggers []report.Trigger) {
	r := h.of(reg)
	if len(triggers) > 0 {
		r.ledger = r.ledger.Record(triggers, triggers[len(triggers)-1].Time)
		r.ledger.Registry = reg
	}
	r.addChanges(triggers)
}

// RecallReport adds a report from before the period. It is not shown, but its
// open failures and its waivers are known when the period begins.
func (h *History) RecallReport(r report.Report) {
	h.AddReport("", r)
	reg := h.of(r.Registry)
	reg.Audits, reg.Changes, reg.Policies, reg.Versions, reg.Waivers = []Audit{}, []report.Trigger{}, []PolicyUse{}, []VersionUse{}, []WaiverUse{}
	reg.Failures = slices.DeleteFunc(reg.Failures, func(f Failure) bool { return !f.Resolved.IsZero() })
}

// RecallChanges adds changes from before the period. They are not shown.
func (h *History) RecallChanges(reg ptc.Registry, triggers []report.Trigger) {
	h.AddChanges(reg, triggers)
	h.of(reg).Changes = []report.Trigger{}
}

// Last returns when the last audit began; zero if there was none.
func (h *History) Last() time.Time {
	var last time.Time
	for _, r := range h.Registries {
		for _, a := range r.Audits {
			if a.StartedAt.After(last) {
				last = a.StartedAt
			}
		}
	}
	return last
}

// AddUnreadable adds the key of evidence that could not be read.
func (h *History) AddUnreadable(key string) { h.Unreadable = append(h.Unreadable, key) }

// RecallUnreadable adds the key of evidence from before the period that could
// not be read.
func (h *History) RecallUnreadable(key string) {
	h.UnreadableBefore = append(h.UnreadableBefore, key)
}

// Finish completes a history. If the period ends after now, the time after now
// is not a gap.
func (h *History) Finish(now time.Time) {
	end := h.To
	if now.Before(end) {
		end = now.UTC()
	}
	h.Registries = slices.DeleteFunc(h.Registries, func(r *Registry) bool { return len(r.Audits)+len(r.Changes) == 0 }) // nothing within the period
	for _, r := range h.Registries {
		r.Gaps = r.gaps(h.From, end)
		slices.SortStableFunc(r.Waivers, func(a, b WaiverUse) int {
			return cmp.Or(cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.Check, b.Check), a.First.Compare(b.First))
		})
	}
}

// diffRules returns the changes of rules since they were last listed.
func (r *Registry) diffRules(now report.Report) []report.RuleChange {
	out := []report.RuleChange{}
	if !now.ListRead() {
		return out
	}
	if r.read {
		out = append(out, report.DiffRules(r.rules, now.Rules)...)
	}
	r.rules, r.read = now.Rules, true
	return out
}

// addChanges adds the triggers that are changes by a known actor, each once.
func (r *Registry) addChanges(triggers []report.Trigger) {
	for _, t := range triggers {
		if t.Actor == nil || t.EventID != "" && r.events[t.EventID] {
			continue
		}
		r.events[t.EventID] = true
		r.Changes = append(r.Changes, t)
	}
}

func kindsOf(triggers []report.Trigger) []report.TriggerKind {
	out := []report.TriggerKind{}
	for _, t := range triggers {
		if !slices.Contains(out, t.Kind) {
			out = append(out, t.Kind)
		}
	}
	return out
}

func subjectOf(f report.Finding) Subject { return Subject{f.Check, f.Prefix, f.Severity} }

func subjects(findings []report.Finding) []Subject {
	out := make([]Subject, 0, len(findings))
	for _, f := range findings {
		out = append(out, subjectOf(f))
	}
	return out
}
