package notify

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// changeLine says who made a change, how, when and from where:
//
//	Changed by: jane (arn:…), UpdatePullThroughCacheRule of quay at 22:49:31 UTC from 203.0.113.12
//
// Beneath a finding it does not name the rule again.
func changeLine(t report.Trigger, audited time.Time, beneath bool) string {
	words := []string{}
	add := func(lead, s string) {
		if s != "" {
			words = append(words, strings.TrimSpace(lead+" "+s))
		}
	}
	add("", t.Call)
	if object := objectOf(t); !beneath && object != "" {
		add("of", object)
	}
	add("at", clock(t.Time, audited))
	if t.Actor != nil {
		add("from", t.Actor.Address)
	}
	return lead(t) + actor(t) + comma(t.Call) + strings.Join(words, " ")
}

// comma separates an actor from a call, or from a time if there is no call.
func comma(call string) string {
	if call == "" {
		return " "
	}
	return ", "
}

// lead introduces the actor of a change.
func lead(t report.Trigger) string {
	switch {
	case t.Call == "" && t.Kind == report.DeploymentTrigger:
		return "Deployed by: "
	case t.Call == "" && (t.Kind == report.ManualTrigger || t.Kind == report.AnnounceTrigger):
		return "Requested by: "
	default:
		return "Changed by: "
	}
}

// actor is who made a change.
func actor(t report.Trigger) string {
	if t.Actor == nil {
		return "unknown"
	}
	name, arn := t.Actor.Name, t.Actor.ARN
	if name != "" && arn != "" && arn != name {
		return name + " (" + arn + ")"
	}
	return cmp.Or(name, arn, "unknown")
}

// objectOf is what a call changed; empty if it names nothing.
func objectOf(t report.Trigger) string {
	if t.Secret != "" {
		return "secret " + cmp.Or(ptc.SecretName(t.Secret), t.Secret)
	}
	return t.Prefix
}

// clock is a time of the audit's day, or date and time of another day; empty
// if it is unknown.
func clock(t, audited time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Format(time.DateOnly) == audited.Format(time.DateOnly):
		return t.Format("15:04:05 UTC")
	default:
		return t.Format("2006-01-02 15:04:05 UTC")
	}
}

// changesOf assigns changes to the findings that the text shows in full, by
// prefix: the latest maxChangedBy of each. others are listed above the sections.
func (c content) changesOf() (of map[string][]report.Trigger, others []report.Trigger) {
	of = map[string][]report.Trigger{}
	inFull := map[string]bool{}
	for _, f := range c.findings.shown {
		switch f.Status {
		case report.Failed, report.Changed, report.Resolved:
			inFull[f.Prefix] = f.Prefix != ""
		default:
		}
	}
	room := map[string]int{} // changes of a prefix that are not assigned yet
	for _, t := range c.changes.shown {
		room[ptc.CleanPrefix(t.Prefix)]++
	}
	for _, t := range c.changes.shown {
		prefix := ptc.CleanPrefix(t.Prefix)
		earlier := room[prefix] > maxChangedBy
		room[prefix]--
		if inFull[prefix] && t.Secret == "" && !earlier {
			of[prefix] = append(of[prefix], t)
		} else {
			others = append(others, t)
		}
	}
	return of, others
}

// otherChanges are the lines of changes that are not listed with a finding: the
// latest ones singly, then earlier ones by author.
func (c content) otherChanges() []string {
	of, others := c.changesOf()
	listed := 0
	for _, changes := range of {
		listed += len(changes)
	}
	first := max(0, len(others)-maxListed)
	var lines []string
	for _, t := range others[first:] {
		lines = append(lines, changeLine(t, c.at, false))
	}
	listed += len(others) - first
	for _, group := range groups(others[:first]) {
		lines = append(lines, groupLine(group, c.at))
		listed += len(group)
	}
	if left := c.changes.all - listed; left > 0 {
		lines = append(lines, count(left, "1 earlier change is", "%d earlier changes are")+" not listed here.")
	}
	return lines
}

// groups are changes by who made them and by which call, maxActors groups.
func groups(changes []report.Trigger) [][]report.Trigger {
	type key struct {
		who    report.Actor
		kind   report.TriggerKind
		call   string
		secret bool
		known  bool
	}
	var out [][]report.Trigger
	index := map[key]int{}
	for _, t := range changes {
		k := key{kind: t.Kind, call: t.Call, secret: t.Secret != "", known: t.Actor != nil}
		if t.Actor != nil {
			k.who = report.Actor{Name: t.Actor.Name, ARN: t.Actor.ARN}
		}
		i, found := index[k]
		if !found {
			if len(out) == maxActors {
				continue
			}
			i, index[k] = len(out), len(out)
			out = append(out, nil)
		}
		out[i] = append(out[i], t)
	}
	return out
}

// groupLine says who made several changes with the same call.
func groupLine(changes []report.Trigger, audited time.Time) string {
	first, last := changes[0], changes[len(changes)-1]
	if len(changes) == 1 {
		return changeLine(first, audited, false)
	}
	s := lead(first) + actor(first) + comma(first.Call)
	if first.Call != "" {
		s += first.Call + " "
	}
	s += fmt.Sprintf("%d times", len(changes))
	if from, to := clock(first.Time, audited), clock(last.Time, audited); from != "" && to != "" {
		s += " from " + from + " to " + to
	}
	var names []string
	for _, t := range changes {
		names = addName(names, objectOf(t))
	}
	if len(names) > 0 {
		s += ": " + strings.Join(names, ", ")
	}
	return s
}
