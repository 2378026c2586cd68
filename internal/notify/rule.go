package notify

import (
	"slices"
	"strings"

	"ptcaudit/internal/report"
)

// Titles of the sections about rules.
const (
	titleUntold = "CHANGED WITHOUT AN EVENT"
	titleRules  = "RULES SINCE THE LAST AUDIT"
)

// became says what became of the rules since the audit before.
func (d *draft) became(w *writer, m Message) {
	if len(d.statement.Rules) == 0 {
		return
	}
	w.title(titleRules)
	written := m.Rules[:min(len(m.Rules), maxWritten)]
	for _, c := range written {
		ruleChange(w, c)
	}
	if left := len(d.statement.Rules) - len(written); left > 0 {
		w.say("  ", count(left, "1 more rule has", "%d more rules have")+" changed.")
	}
}

// untold lists changes that no change event told of, and asks why.
func (d *draft) untold(w *writer, m Message) {
	if len(d.statement.Unexplained) == 0 {
		return
	}
	w.title(titleUntold)
	written := m.Unexplained[:min(len(m.Unexplained), maxWritten)]
	for _, c := range written {
		ruleChange(w, c)
	}
	if left := len(d.statement.Unexplained) - len(written); left > 0 {
		w.say("  ", count(left, "1 more rule has", "%d more rules have")+" changed without an event.")
	}
	for _, step := range d.untoldSteps() {
		for line := range strings.Lines(step) {
			if line = strings.TrimSuffix(line, "\n"); isCommand(line) {
				w.line("      " + line)
			} else {
				w.say("    ", line)
			}
		}
	}
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
	who := []string{"Who it was stands in CloudTrail's event history, for 90 days:"}
	for _, call := range calls(d.unexplained) {
		who = append(who, "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue="+call+in)
	}
	return []string{
		strings.Join([]string{
			"Change events do not arrive: is a trail logging? Only a trail that logs write management events makes them. Look at IsLogging of each:",
			"aws cloudtrail describe-trails" + in,
			"aws cloudtrail get-trail-status --name TRAIL_ARN" + in,
		}, "\n"),
		strings.Join(who, "\n"),
	}
}

// calls are the API's operations that can have made changes. Update reaches
// the credential and the role only; for anything else a rule is deleted and
// created again.
func calls(changes []report.RuleChange) []string {
	made := map[string]bool{}
	for _, c := range changes {
		switch c.Kind {
		case report.Added:
			made["CreatePullThroughCacheRule"] = true
		case report.Removed:
			made["DeletePullThroughCacheRule"] = true
		case report.Altered:
			again := slices.ContainsFunc(c.Fields, func(f report.FieldChange) bool { return f.Field != "credential.arn" && f.Field != "role.arn" })
			if again {
				made["CreatePullThroughCacheRule"] = true
			} else {
				made["UpdatePullThroughCacheRule"] = true
			}
		}
	}
	var out []string
	for _, call := range []string{"CreatePullThroughCacheRule", "UpdatePullThroughCacheRule", "DeletePullThroughCacheRule"} {
		if made[call] {
			out = append(out, call)
		}
	}
	return out
}

// ruleChange says what became of one rule, field by field.
func ruleChange(w *writer, c report.RuleChange) {
	w.line("  " + ruleHead(c))
	for _, f := range c.Fields {
		w.say("    ", fieldChange(f))
	}
	if again(c) {
		w.say("    ", "It was deleted and created again as it was.")
	}
}

// ruleHead names a rule and what became of it.
func ruleHead(c report.RuleChange) string {
	return pad(strings.ToUpper(string(c.Kind)), len(report.Altered)) + "  " + subject(c.Prefix)
}

// again says that a rule differs by nothing but its age.
func again(c report.RuleChange) bool {
	return c.Kind == report.Altered && len(c.Fields) == 1 && c.Fields[0].Field == "createdAt"
}

// fieldChange says what a field is, and what it was.
func fieldChange(f report.FieldChange) string {
	switch {
	case f.Before == "":
		return f.Field + " is " + f.After
	case f.After == "":
		return f.Field + " was " + f.Before
	default:
		return f.Field + " is " + f.After + ", was " + f.Before
	}
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-len(s)))
}
