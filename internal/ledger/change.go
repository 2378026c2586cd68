package ledger

import (
	"cmp"
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Limits of the remembered changes. CloudTrail delivers some events twice, and
// some late, mostly within minutes:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
const (
	maxChanges   = 256
	maxChangeAge = 24 * time.Hour
)

// Change is a known change event.
type Change struct {
	report.Trigger
	// Seen is when the ledger learned of it, UTC. The event is remembered from
	// then on, because it may arrive days late.
	Seen time.Time `json:"seen"`
	// Notified is true if a notification listed it.
	Notified bool `json:"notified,omitempty"`
}

// isChange reports whether a trigger is a change of a rule or a secret.
func isChange(t report.Trigger) bool {
	return t.Kind == report.ChangeTrigger || t.Kind == report.SecretTrigger
}

// eventID identifies an event. An event that is delivered twice has one id.
func eventID(t report.Trigger) string {
	if t.EventID != "" {
		return t.EventID
	}
	return t.Time.UTC().Format(time.RFC3339Nano) + "\x00" + t.Call + "\x00" + ptc.CleanPrefix(t.Prefix) + "\x00" + t.Secret
}

// Record returns the ledger with the changes among triggers added, and nothing
// else changed. It is equal to l if all of them are known.
func (l Ledger) Record(triggers []report.Trigger, now time.Time) Ledger {
	l.learn(triggers, now)
	return l.bounded()
}

// MergeChanges returns l with the changes of other added. A change is notified if
// it is in either.
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

// learn adds the changes that l does not know, and returns them.
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

// past reports whether a change can be forgotten. A change made after the rules
// were last listed is kept longer: it may explain a change of a rule.
func (l Ledger) past(c Change, now time.Time) bool {
	mayExplain := !l.RulesAt.IsZero() && !c.Time.Before(l.RulesAt.Add(-eventSkew))
	return now.Sub(c.Seen) >= maxChangeAge && !mayExplain
}

// bounded returns l in canonical form with at most maxChanges changes. Changes
// of rules that are explained by one of them are removed before that, except if
// a notification must take them back.
func (l Ledger) bounded() Ledger {
	l = l.canonical()
	l.Unexplained = slices.DeleteFunc(l.Unexplained, func(u Unexplained) bool { return u.Notified.IsZero() && l.explains(u) })
	for i := 0; len(l.Unexplained) > maxTakeBacks && i < len(l.Unexplained); {
		if l.Unexplained[i].Notified.IsZero() {
			i++
		} else {
			l.Unexplained = slices.Delete(l.Unexplained, i, i+1)
		}
	}
	l.Changes = l.Changes[max(0, len(l.Changes)-maxChanges):]
	return l
}

// notifyChanges returns the changes that a notification lists, oldest first, and
// marks them as notified. These are the changes among triggers and the known
// changes of the concerned prefixes, if their actor is known and they were not
// notified before.
func (l *Ledger) notifyChanges(triggers []report.Trigger, concerned map[string]bool) []report.Trigger {
	now := make(map[string]bool, len(triggers))
	for _, t := range triggers {
		now[eventID(t)] = true
	}
	var listed []report.Trigger
	for i, c := range l.Changes {
		if c.Notified || c.Actor == nil {
			continue
		}
		about := func(prefix string) bool { return concerned[prefix] }
		if now[eventID(c.Trigger)] || slices.ContainsFunc(l.prefixesOf(c.Trigger), about) {
			l.Changes[i].Notified = true
			listed = append(listed, c.Trigger)
		}
	}
	slices.SortStableFunc(listed, func(a, b report.Trigger) int {
		// As in Report.Finish: within a second a secret comes before its rule.
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(b.Kind, a.Kind))
	})
	return listed
}

// prefixesOf returns the prefixes of the rules that a change concerns: the rule
// that it names, or the rules that use the secret that it names.
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
	case report.ScheduleTrigger, report.DeploymentTrigger, report.ManualTrigger, report.AnnounceTrigger:
	}
	return out
}

// isSecret reports whether id names the secret with that ARN. Secrets Manager
// accepts a name in the caller's own account and Region, an ARN, and an ARN
// without its random suffix:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
func isSecret(reg ptc.Registry, id, arn string) bool {
	if ptc.SecretName(arn) == "" || id == "" {
		return false
	}
	if _, ok := ptc.ParseARN(id); ok {
		return ptc.SameSecret(id, arn)
	}
	name := ptc.ARN{Partition: reg.Partition(), Service: "secretsmanager", Region: reg.Region, Account: reg.Account, Resource: "secret:" + id}
	// A name can end like a random suffix, and is then whole as it is.
	return name.String() == arn || name.String() == ptc.CleanSecretARN(arn)
}
