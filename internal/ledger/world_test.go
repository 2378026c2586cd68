package ledger_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// world is a registry that people work on, its policy, and a trail that
// delivers events late, twice, or never.
type world struct {
	t   *rapid.T
	now time.Time

	rules  map[string]ptc.Rule
	broken map[string]bool

	renamed    bool // upstream-allowed has another name
	unrequired bool
	severities map[string]report.Severity
	waivers    map[subject]report.Waiver

	serial    int
	waiting   []report.Trigger // not delivered yet
	delivered []ledger.Change  // may come again
}

type subject struct{ check, prefix string }

// trail is how events are delivered.
type trail int

const (
	whimsical trail = iota
	punctual        // each with the next audit
	dead            // none, ever
)

// moment is one audit of a history, and what came of it.
type moment struct {
	now           time.Time
	report        report.Report
	options       ledger.Options
	before, after ledger.Ledger
	notification  report.Notification
	// recorded are the changes that an older audit covered: see Record.
	recorded []report.Trigger
}

// histories has something checked at each moment of many histories. It is
// created again for each of them.
func histories(t *testing.T, events trail, begin func() func(t *rapid.T, m moment)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			t: t, now: start, rules: map[string]ptc.Rule{}, broken: map[string]bool{},
			severities: map[string]report.Severity{}, waivers: map[subject]report.Waiver{},
		}
		check := begin()
		minSeverity := rapid.SampledFrom([]report.Severity{report.Low, report.High}).Draw(t, "threshold")
		var l ledger.Ledger
		for range rapid.IntRange(1, 25).Draw(t, "audits") {
			w.pass()
			for range rapid.IntRange(0, 3).Draw(t, "works") {
				w.work()
			}
			batch := w.deliver(events)
			m := moment{now: w.now, options: ledger.Options{Now: w.now, Received: w.now, MinSeverity: minSeverity, RemindAfter: week}}
			if events == whimsical && rapid.IntRange(0, 5).Draw(t, "covered") == 0 {
				m.recorded, batch = batch, nil
				l = l.Record(m.recorded, w.now)
				l.Registry = registry
			}
			m.options.Hold = rapid.Bool().Draw(t, "hold")
			m.report, m.before = w.audit(batch), l
			m.notification, m.after = ledger.Compare(l, m.report, m.options)
			check(t, m)
			l = m.after
		}
	})
}

// pass lets time pass: minutes, hours, sometimes weeks.
func (w *world) pass() {
	unit := rapid.SampledFrom([]time.Duration{minute, minute, hour, hour, day}).Draw(w.t, "unit")
	w.now = w.now.Add(unit * time.Duration(rapid.IntRange(1, 40).Draw(w.t, "passes")))
}

var (
	somePrefixes = []string{"hub", "quay", "team/ghcr"}
	someURLs     = []string{"a", "b", "c"}
	someChecks   = []string{validation, allowed, "style", "soon", "required-rule"}
)

// work is one thing that somebody does.
func (w *world) work() {
	prefix := rapid.SampledFrom(somePrefixes).Draw(w.t, "prefix")
	check := rapid.SampledFrom(someChecks).Draw(w.t, "check")
	rule, exists := w.rules[prefix]
	switch rapid.SampledFrom([]string{"point", "point", "point", "delete", "break", "break", "write", "waive", "waive", "unwaive", "severity", "rename", "require"}).Draw(w.t, "work") {
	case "point":
		call := "UpdatePullThroughCacheRule"
		if !exists {
			call = "CreatePullThroughCacheRule"
			rule = ptc.Rule{Prefix: prefix, CreatedAt: w.now, CredentialARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/one-AbCdEf"}
		}
		rule.Upstream.URL = rapid.SampledFrom(someURLs).Draw(w.t, "url")
		rule.UpdatedAt = w.now
		w.rules[prefix] = rule
		w.emit(report.Trigger{Kind: report.ChangeTrigger, Call: call, Prefix: prefix})
	case "delete":
		if exists {
			delete(w.rules, prefix)
			w.emit(report.Trigger{Kind: report.ChangeTrigger, Call: "DeletePullThroughCacheRule", Prefix: prefix})
		}
	case "break":
		w.broken[prefix] = !w.broken[prefix]
	case "write":
		w.emit(report.Trigger{Kind: report.SecretTrigger, Call: "PutSecretValue", Secret: "ecr-pullthroughcache/one"})
	case "waive":
		w.waivers[subject{check, prefix}] = report.Waiver{
			Owner: rapid.SampledFrom([]string{"jo", "al"}).Draw(w.t, "owner"), Reason: "migration",
			Expires:     w.now.AddDate(0, 0, rapid.SampledFrom([]int{1, 7, 100, 100}).Draw(w.t, "days")).Format(time.DateOnly),
			AnyUpstream: rapid.IntRange(0, 3).Draw(w.t, "any upstream") == 0,
		}
	case "unwaive":
		delete(w.waivers, subject{check, prefix})
	case "severity":
		w.severities[check] = rapid.SampledFrom(report.Severities()).Draw(w.t, "severity")
	case "rename":
		w.renamed = !w.renamed
	case "require":
		w.unrequired = !w.unrequired
	}
}

func (w *world) emit(t report.Trigger) {
	w.serial++
	t.EventID, t.Time = fmt.Sprint("event-", w.serial), w.now
	if rapid.IntRange(0, 9).Draw(w.t, "nameless") > 0 {
		t.Actor = &report.Actor{Name: "jane"}
	}
	w.waiting = append(w.waiting, t)
}

// deliver is the next batch.
func (w *world) deliver(events trail) []report.Trigger {
	batch := []report.Trigger{{Kind: report.ScheduleTrigger, Time: w.now}}
	switch events {
	case dead:
		w.waiting = nil
	case punctual:
		batch, w.waiting = append(batch, w.waiting...), nil
	case whimsical:
		var late []report.Trigger
		for _, t := range w.waiting {
			switch rapid.SampledFrom([]string{"now", "now", "now", "late", "late", "never"}).Draw(w.t, "delivery") {
			case "now":
				batch = append(batch, t)
				w.delivered = append(w.delivered, ledger.Change{Trigger: t, Seen: w.now})
			case "late":
				late = append(late, t)
			}
		}
		w.waiting = late
		// CloudTrail's doubles are not days apart.
		w.delivered = slices.DeleteFunc(w.delivered, func(c ledger.Change) bool { return w.now.Sub(c.Seen) >= day })
		if len(w.delivered) > 0 && rapid.Bool().Draw(w.t, "double") {
			batch = append(batch, rapid.SampledFrom(w.delivered).Draw(w.t, "which").Trigger)
		}
	}
	return batch
}

// audit is what an audit reports, or as much of it as it can establish.
func (w *world) audit(batch []report.Trigger) report.Report {
	r := report.Report{
		Audit:    report.Audit{ID: "audit", StartedAt: w.now},
		Registry: registry,
		Triggers: batch,
	}
	noVerdictOn, erring := "", ""
	switch rapid.SampledFrom([]string{"complete", "complete", "complete", "complete", "no list", "no verdict", "erring"}).Draw(w.t, "audit") {
	case "no list":
		r.Faults = slices.Clone(noList)
		r.Finish()
		return r
	case "no verdict":
		noVerdictOn = rapid.SampledFrom(somePrefixes).Draw(w.t, "of")
		r.Faults = faults(noVerdictOn)
	case "erring":
		erring = rapid.SampledFrom(someChecks).Draw(w.t, "which")
	}
	for _, prefix := range slices.Sorted(maps.Keys(w.rules)) {
		rule := w.rules[prefix]
		r.Rules = append(r.Rules, report.NewRule(rule, ptc.Validation{}))
		facts, url := report.FactsOf(rule), rule.Upstream.URL
		add := func(check string, s report.Severity, fails bool) {
			f := finding(check, prefix, report.Pass, facts)
			f.Severity = s
			if changed, ok := w.severities[check]; ok {
				f.Severity = changed
			}
			switch {
			case check == erring, check == validation && prefix == noVerdictOn:
				f.Outcome = report.Error
			case fails && check == "soon" && w.now.Before(start.Add(30*day)):
				f.Outcome = report.Pending
			case fails:
				f.Outcome = report.Fail
			}
			if check == allowed && w.renamed {
				f.Check = "upstream-approved"
				f.Fingerprint = report.Fingerprint(registry, f.Check, prefix)
			}
			r.Findings = append(r.Findings, f)
		}
		add(validation, report.Critical, w.broken[prefix])
		add(allowed, report.High, url != "a")
		add("style", report.Informational, url == "c")
		add("soon", report.Medium, w.broken[prefix])
	}
	if !w.unrequired {
		f := pass("required-rule", "hub")
		if rule, ok := w.rules["hub"]; !ok {
			f = fail("required-rule", "hub", "")
		} else if f.Facts = report.FactsOf(rule); rule.Upstream.URL == "b" {
			f.Outcome = report.Fail
		}
		r.Findings = append(r.Findings, f)
	}
	quota := finding("rule-quota", "", report.Pass, "")
	if quota.Severity = report.Low; len(w.rules) == len(somePrefixes) {
		quota.Outcome = report.Fail
	}
	r.Findings = append(r.Findings, quota)
	w.waive(&r)
	r.Finish()
	return r
}

// waive does what the policy engine does with waivers.
func (w *world) waive(r *report.Report) {
	type about struct {
		severity report.Severity
		facts    string
	}
	ends, ended := map[string]about{}, map[string]about{}
	for i, f := range r.Findings {
		waiver, exists := w.waivers[subject{f.Check, f.Prefix}]
		if !exists || f.Outcome != report.Fail && f.Outcome != report.Pending {
			continue
		}
		last, _ := time.Parse(time.DateOnly, waiver.Expires)
		end := last.AddDate(0, 0, 1)
		switch {
		case w.now.Before(end):
			r.Findings[i].Waiver = &waiver
			if !w.now.Before(end.AddDate(0, 0, -14)) {
				ends[f.Prefix] = about{report.Informational, f.Facts}
			}
		case f.Outcome == report.Fail:
			ended[f.Prefix] = about{report.Highest(ended[f.Prefix].severity, f.Severity), f.Facts}
		}
	}
	for check, list := range map[string]map[string]about{ending: ends, expired: ended} {
		for prefix, a := range list {
			f := fail(check, prefix, a.facts)
			f.Severity = a.severity
			r.Findings = append(r.Findings, f)
		}
	}
}
