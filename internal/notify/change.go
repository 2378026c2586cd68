package notify

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Bounds of what stands at once before a reader's eyes.
const (
	maxWritten = 10 // changes, each in a line of its own
	maxActors  = 5  // that earlier changes are gathered by
)

// changed says who changed what: the latest changes one by one, then earlier
// ones gathered by who made them.
func (d *draft) changed(w *writer, m Message) {
	first := max(0, len(m.Changes)-maxWritten)
	told := len(m.Changes) - first
	for _, t := range m.Changes[first:] {
		w.say("", d.actor(t)+".")
	}
	for _, g := range gather(m.Changes[:first]) {
		w.say("", d.many(g))
		told += len(g)
	}
	if left := len(d.notification.Changes) - told; left > 0 {
		w.say("", count(left, "1 earlier change is", "%d earlier changes are")+" not listed here.")
	}
}

// gather groups changes by who made them and by which call.
func gather(changes []report.Trigger) [][]report.Trigger {
	type key struct {
		who          report.Actor
		kind         report.TriggerKind
		call         string
		secret, none bool
	}
	var groups [][]report.Trigger
	index := map[key]int{}
	for _, t := range changes {
		k := key{kind: t.Kind, call: t.Call, secret: t.Secret != "", none: t.Actor == nil}
		if t.Actor != nil {
			k.who = report.Actor{Name: t.Actor.Name, ARN: t.Actor.ARN}
		}
		i, known := index[k]
		if !known {
			if len(groups) == maxActors {
				continue
			}
			i, index[k] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

// many says what somebody did several times.
func (d *draft) many(changes []report.Trigger) string {
	first, last := changes[0], changes[len(changes)-1]
	if len(changes) == 1 {
		return d.actor(first) + "."
	}
	var names []string
	for _, t := range changes {
		names = addName(names, object(t))
	}
	s := who(first) + " " + verb(first) + fmt.Sprintf(" %d more", len(changes))
	if from, to := d.clock(first.Time), d.clock(last.Time); from != "" && to != "" {
		s += " from " + from + " to " + to
	}
	if len(names) > 0 {
		s += ": " + strings.Join(names, ", ")
	}
	return s + "."
}

// plainName is a name that can begin a line: it cannot be taken for a title
// or a field of the mail. Any other stands in quotes.
var plainName = regexp.MustCompile(`^(arn:|[\w+=,.@/-]*[a-z])[\w+=,.@:/-]*$`)

// who made a change.
func who(t report.Trigger) string {
	a := t.Actor
	if a == nil || a.Name+a.ARN == "" {
		return "Somebody"
	}
	s := cmp.Or(a.Name, a.ARN)
	if !plainName.MatchString(s) {
		s = `"` + s + `"`
	}
	if a.Name != "" && a.ARN != "" && a.ARN != a.Name {
		s += " (" + a.ARN + ")"
	}
	return s
}

// actor says who did what and when, by which call and from where, without a
// full stop.
func (d *draft) actor(t report.Trigger) string {
	s := who(t) + " " + deed(t)
	if at := d.clock(t.Time); at != "" {
		s += " at " + at
	}
	var origin []string
	if t.Call != "" {
		origin = append(origin, t.Call)
	}
	if t.Actor != nil && t.Actor.Address != "" {
		origin = append(origin, "from "+t.Actor.Address)
	}
	if len(origin) > 0 {
		s += " (" + strings.Join(origin, " ") + ")"
	}
	return s
}

// clock is when something was, with the day where that is another than the
// audit's; empty where it is not known.
func (d *draft) clock(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Format(time.DateOnly) == d.notification.At.UTC().Format(time.DateOnly):
		return t.Format("15:04:05 UTC")
	default:
		return report.Second(t)
	}
}

// verbs are what the calls do that a rule works by.
var verbs = map[string]string{
	ptc.OpCreateRule:     "created",
	ptc.OpUpdateRule:     "updated",
	ptc.OpDeleteRule:     "deleted",
	ptc.OpPutSecretValue: "wrote",
	ptc.OpUpdateSecret:   "updated",
	ptc.OpDeleteSecret:   "deleted",
	ptc.OpRestoreSecret:  "restored",
}

// verb is what a call did, without what it did it to.
func verb(t report.Trigger) string {
	switch {
	case t.Call == "" && t.Kind == report.DeploymentTrigger:
		return "deployed"
	case t.Call == "":
		return "asked for this audit"
	default:
		return cmp.Or(verbs[t.Call], "called "+t.Call)
	}
}

// object is what a call was made on; empty where it names nothing.
func object(t report.Trigger) string {
	switch {
	case t.Secret != "":
		return "secret " + cmp.Or(ptc.SecretName(t.Secret), t.Secret)
	case t.Prefix == "" && t.Kind == report.ChangeTrigger:
		return "a rule"
	default:
		return t.Prefix
	}
}

// deed is what a call did.
func deed(t report.Trigger) string {
	on := object(t)
	switch {
	case t.Call == "" || on == "":
		return verb(t)
	case verbs[t.Call] == "":
		return verb(t) + " on " + on
	default:
		return verb(t) + " " + on
	}
}
