package notify

import (
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// maxField is how long a field and what it was may be to stand in one line.
const maxField = 70

// Titles of the sections about rules.
const (
	titleUntold = "CHANGED WITHOUT AN EVENT"
	titleRules  = "RULES SINCE THE LAST AUDIT"
)

// became says what became of the rules since the audit before.
func (d *draft) became(w *writer, m Message) {
	if d.allRules == 0 {
		return
	}
	w.title(titleRules)
	ruleChanges(w, m.Rules, d.allRules-len(m.Rules), "changed")
}

// untold lists changes that no change event told of, and asks why.
func (d *draft) untold(w *writer, m Message) {
	if len(d.notification.Unexplained) == 0 {
		return
	}
	w.title(titleUntold)
	ruleChanges(w, m.Unexplained, len(d.notification.Unexplained)-len(m.Unexplained), "changed without an event")
	for _, step := range d.untoldSteps() {
		w.line("")
		for line := range strings.Lines(step) {
			if line = strings.TrimSuffix(line, "\n"); report.IsCommand(line) {
				w.line("    " + line)
			} else {
				w.say("  ", line)
			}
		}
	}
}

// apart are the changes of rules that events told of, or still may.
func apart(s report.Notification) []report.RuleChange {
	return slices.DeleteFunc(slices.Clone(s.Rules), func(c report.RuleChange) bool {
		return slices.ContainsFunc(s.Unexplained, func(u report.RuleChange) bool {
			return c.Prefix == u.Prefix && c.Kind == u.Kind && slices.Equal(c.Fields, u.Fields)
		})
	})
}

// untoldSteps say how to find out why no event told of a change, and who made
// it. The event history is there without a trail:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
// Events reach EventBridge only by a trail that logs:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
func (d *draft) untoldSteps() []string {
	in := ""
	if d.region != "" {
		in = " --region " + d.region
	}
	steps := []string{strings.Join([]string{
		"No event told of this within half an hour. Change events do not arrive: is a trail logging? IsLogging must be true of one that logs write management events:",
		"aws cloudtrail describe-trails" + in,
		"aws cloudtrail get-trail-status --name TRAIL_ARN" + in,
	}, "\n")}
	if made := calls(d.unexplained); len(made) > 0 {
		who := []string{"Who it was stands in CloudTrail's event history, for 90 days:"}
		for _, call := range made {
			who = append(who, "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue="+call+in)
		}
		steps = append(steps, strings.Join(who, "\n"))
	}
	return steps
}

// calls are the API's operations that can have made changes. Update reaches
// the credential and the role only; for anything else a rule is deleted and
// created again.
func calls(changes []report.RuleChange) []string {
	made := map[string]bool{}
	for _, c := range changes {
		switch c.Kind {
		case report.Added:
			made[ptc.OpCreateRule] = true
		case report.Removed:
			made[ptc.OpDeleteRule] = true
		case report.Altered:
			again := slices.ContainsFunc(c.Fields, func(f report.FieldChange) bool { return f.Field != "credential.arn" && f.Field != "role.arn" })
			if again {
				made[ptc.OpCreateRule] = true
			} else {
				made[ptc.OpUpdateRule] = true
			}
		}
	}
	var out []string
	for _, call := range []string{ptc.OpCreateRule, ptc.OpUpdateRule, ptc.OpDeleteRule} {
		if made[call] {
			out = append(out, call)
		}
	}
	return out
}

// ruleChanges says what became of rules, field by field, and how many there
// are beside.
func ruleChanges(w *writer, changes []report.RuleChange, left int, what string) {
	written := changes[:min(len(changes), maxWritten)]
	for _, c := range written {
		w.line("  " + pad(strings.ToUpper(string(c.Kind)), len(report.Altered)) + "  " + report.SubjectOf(c.Prefix))
		for _, f := range c.Fields {
			is, was := fieldChange(f)
			if s := is + ", " + was; is != "" && was != "" && len(s) <= maxField {
				w.say("    ", s)
			} else {
				w.say("    ", is)
				w.say("    ", was)
			}
		}
		if again(c) {
			w.say("    ", "It was deleted and created again as it was.")
		}
	}
	if left += len(changes) - len(written); left > 0 {
		w.say("  ", count(left, "1 more rule has ", "%d more rules have ")+what+".")
	}
}

// again says that a rule differs by nothing but its age.
func again(c report.RuleChange) bool {
	return c.Kind == report.Altered && len(c.Fields) == 1 && c.Fields[0].Field == "createdAt"
}

// fieldChange says what a field is, and what it was.
func fieldChange(f report.FieldChange) (is, was string) {
	if f.After != "" {
		is = f.Field + " is " + f.After
	}
	if f.Before != "" {
		was = "was " + f.Before
	}
	if is == "" {
		was = f.Field + " " + was
	}
	return is, was
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-len(s)))
}
