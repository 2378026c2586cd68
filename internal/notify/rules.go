package notify

import (
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// recreated is true if a rule differs only in its age.
func recreated(c report.RuleChange) bool {
	return c.Kind == report.Altered && len(c.Fields) == 1 && c.Fields[0].Field == "createdAt"
}

// fieldChange is the new and the old value of a field, in words.
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

// unexplainedSteps are how to find out why no event arrived for a change, and
// who made it. CloudTrail's event history needs no trail:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
// EventBridge receives these events only if a trail logs them:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
func (c content) unexplainedSteps() []string {
	in := ""
	if c.region != "" {
		in = " --region " + c.region
	}
	steps := []string{strings.Join([]string{
		"No change event arrived within 30 minutes. Check that a CloudTrail trail records management events (write), and that its IsLogging is true:",
		"aws cloudtrail describe-trails" + in,
		"aws cloudtrail get-trail-status --name TRAIL_ARN" + in,
	}, "\n")}
	if made := calls(c.unexplained.shown); len(made) > 0 {
		who := []string{"Find who made the change in CloudTrail's event history, which goes back 90 days:"}
		for _, call := range made {
			who = append(who, "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue="+call+in)
		}
		steps = append(steps, strings.Join(who, "\n"))
	}
	return steps
}

// calls are the operations that can have made changes. Update changes the
// credential and the role only; to change anything else, someone has to delete
// the rule and create it again.
func calls(changes []report.RuleChange) []string {
	made := map[string]bool{}
	for _, c := range changes {
		switch c.Kind {
		case report.Added:
			made[ptc.OpCreateRule] = true
		case report.Removed:
			made[ptc.OpDeleteRule] = true
		case report.Altered:
			if slices.ContainsFunc(c.Fields, func(f report.FieldChange) bool { return f.Field != "credential.arn" && f.Field != "role.arn" }) {
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
