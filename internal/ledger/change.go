package ledger

import (
	"cmp"
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Bounds of the changes that are remembered. CloudTrail delivers some events
// twice, and some late, mostly within minutes:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
const (
	maxChanges   = 256
	maxChangeAge = 24 * time.Hour
)

// Change is a change event that is known of.
type Change struct {
	report.Trigger
	// Seen is when the ledger came to know of it. It counts for how long the
	// event is remembered: an event may be days late.
	Seen time.Time `json:"seen"`
	// Notified says that a notification had it.
	Notified bool `json:"notified,omitempty"`
}

// isChange says that somebody changed a rule or a secret.
func isChange(t report.Trigger) bool {
	return t.Kind == report.ChangeTrigger || t.Kind == report.SecretTrigger
}

// eventID tells events apart. A doubled delivery has the same.
func eventID(t report.Trigger) string {
	if t.EventID != "" {
		return t.EventID
	}
	return t.Time.UTC().Format(time.RFC3339Nano) + "\x00" + t.Call + "\x00" + ptc.CleanPrefix(t.Prefix) + "\x00" + t.Secret
}

// Record is the ledger that knows of the changes among triggers, too. It says
// nothing of findings: somebody else's audit has seen what the changes led to.
// Where all are known it is equal to l.
func (l Ledger) Record(triggers []report.Trigger, now time.Time) Ledger {
	l.learn(triggers, now)
	return l.bounded()
}

// MergeChanges is l with the changes that other knows of. What either has said
// is said.
func (l Ledger) MergeChanges(other Ledger) Ledger {
	at := make(map[string]int, len(l.Changes))
	l.Changes = slices.Clone(l.Changes)
	for i, c := range l.Changes {
		at[eventID(c.Trigger)] = i
	}
	for _, c := range other.Changes {
		if i, known := at[eventID(c.Trigger)]; known {
			l.Changes[i].Notified = l.Changes[i].Notified || c.Notified
		} else {
			l.Changes = append(l.Changes, c)
		}
	}
	return l.bounded()
}

// learn adds the changes that l does not know, and gives them.
func (l *Ledger) learn(triggers []report.Trigger, now time.Time) []report.Trigger {
	known := make(map[string]bool, len(l.Changes))
	for _, c := range l.Changes {
		known[eventID(c.Trigger)] = true
	}
	var fresh []report.Trigger
	for _, t := range triggers {
		if (isChange(t) || t.Actor != nil) && !known[eventID(t)] {
			known[eventID(t)] = true
			fresh = append(fresh, t)
		}
	}
	l.Changes = slices.Clone(l.Changes)
	for _, t := range fresh {
		l.Changes = append(l.Changes, Change{Trigger: t, Seen: now})
	}
	return fresh
}

// past says that a change need not be remembered any more. One that may still
// explain a rule which was not read since is, for longer.
func (l Ledger) past(c Change, now time.Time) bool {
	mayExplain := !l.RulesAt.IsZero() && !c.Time.Before(l.RulesAt.Add(-eventSkew))
	return now.Sub(c.Seen) >= maxChangeAge && !mayExplain
}

// bounded is l in canonical form, with as many changes as are remembered. What
// they explain is settled before any of them is forgotten.
func (l Ledger) bounded() Ledger {
	l = l.canonical()
	l.Unexplained = slices.DeleteFunc(l.Unexplained, l.explains)
	l.Changes = l.Changes[max(0, len(l.Changes)-maxChanges):]
	return l
}

// say gives the changes that a notification has, oldest first, and marks them as
// said: those among triggers, and those remembered that concern a prefix, as
// far as somebody is known to have made them and they were not said before.
func (l *Ledger) say(triggers []report.Trigger, concerned map[string]bool) []report.Trigger {
	now := make(map[string]bool, len(triggers))
	for _, t := range triggers {
		now[eventID(t)] = true
	}
	var said []report.Trigger
	for i, c := range l.Changes {
		if c.Notified || c.Actor == nil {
			continue
		}
		about := func(prefix string) bool { return concerned[prefix] }
		if now[eventID(c.Trigger)] || slices.ContainsFunc(l.prefixesOf(c.Trigger), about) {
			l.Changes[i].Notified = true
			said = append(said, c.Trigger)
		}
	}
	slices.SortStableFunc(said, func(a, b report.Trigger) int {
		// As in a report: within a second a secret comes before its rule.
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(b.Kind, a.Kind))
	})
	return said
}

// prefixesOf are the rules that a change is about: the one that it names, or
// those that use the secret that it names.
func (l Ledger) prefixesOf(t report.Trigger) []string {
	var out []string
	switch t.Kind {
	case report.ChangeTrigger:
		if t.Prefix != "" {
			out = append(out, ptc.CleanPrefix(t.Prefix))
		}
	case report.SecretTrigger:
		for _, rule := range l.Rules {
			if isSecret(l.Registry, t.Secret, rule.Credential.ARN) {
				out = append(out, ptc.CleanPrefix(rule.Prefix))
			}
		}
	case report.ScheduleTrigger, report.DeploymentTrigger, report.ManualTrigger:
	}
	return out
}

// isSecret says that id names the secret with that ARN. Secrets Manager takes a
// name, which is one in the caller's own account and Region, an ARN, and an ARN
// without its random suffix:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
func isSecret(reg ptc.Registry, id, arn string) bool {
	secret, ok := ptc.ParseARN(arn)
	if !ok || id == "" {
		return false
	}
	named, ok := ptc.ParseARN(id)
	if !ok {
		named = ptc.ARN{Partition: reg.Partition(), Service: secret.Service, Region: reg.Region, Account: reg.Account, Resource: "secret:" + id}
	}
	whole := secret.Resource
	secret.Resource = "secret:" + ptc.SecretName(arn)
	if named.Resource == whole {
		secret.Resource = whole
	}
	return named == secret
}
