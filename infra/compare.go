package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/report"
)

// facts are in the template's metadata, so that the next deployment can be compared
// with this one. They cannot be read from the resources.
type facts struct {
	// Checks has the severity of each enabled check of the policy.
	Checks map[string]report.Severity `json:"checks"`
	// ScheduleGapMinutes is the longest time between two audits.
	ScheduleGapMinutes int `json:"scheduleGapMinutes"`
}

// factsKey is the key of the facts in the metadata.
const factsKey = "ptcaudit"

// newFacts adds the facts to the template.
func newFacts(stack awscdk.Stack, s settings, p *policy.Policy) {
	checks := map[string]any{}
	for _, c := range p.Checks {
		checks[c.ID] = string(c.Severity)
	}
	stack.AddMetadata(jsii.String(factsKey), map[string]any{
		"checks": checks, "scheduleGapMinutes": int(s.schedule.gap / time.Minute),
	})
}

// The kinds of changes that take protection away. FORCE allows each by its name.
const (
	forceSubscribers = "subscribers"
	forcePolicy      = "policy"
	forceLock        = "lock"
	forceSchedule    = "schedule"
)

var forces = []string{forceSubscribers, forcePolicy, forceLock, forceSchedule}

// loss is one change that takes protection away.
type loss struct {
	force string
	what  string
}

// compare compares a cloud assembly with what is deployed. It returns an error that
// lists every change that takes protection away, unless it is forced.
func compare(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	cli := flags.String("aws", "aws", "the AWS CLI")
	forced := flags.String("force", "", "changes to allow: "+strings.Join(forces, ","))
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("compare needs one argument: the folder of the cloud assembly")
	}
	allowed := strings.FieldsFunc(*forced, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range allowed {
		if !slices.Contains(forces, name) {
			return fmt.Errorf("unknown FORCE %q: use one or more of %s", name, strings.Join(forces, ","))
		}
	}
	stack, planned, err := readAssembly(flags.Arg(0))
	if err != nil {
		return err
	}
	text, err := deployedTemplate(*cli, stack)
	if err != nil || text == nil {
		return err
	}
	deployed, err := parseTemplate(text)
	if err != nil {
		return fmt.Errorf("the template of the deployed stack %s is unreadable: %w", stack, err)
	}
	var refused []string
	need := map[string]bool{}
	for _, l := range losses(deployed, planned) {
		if slices.Contains(allowed, l.force) {
			if _, err := fmt.Fprintf(out, "Forced: %s\n", l.what); err != nil {
				return err
			}
			continue
		}
		refused = append(refused, "  "+l.what)
		need[l.force] = true
	}
	if len(refused) == 0 {
		return nil
	}
	return fmt.Errorf("not deployed, because stack %s would lose protection:\n%s\nCorrect the settings, or allow these changes with FORCE=%s",
		stack, strings.Join(refused, "\n"), strings.Join(slices.Sorted(maps.Keys(need)), ","))
}

// plan has what compare needs of a template.
type plan struct {
	Metadata  map[string]json.RawMessage
	Resources map[string]struct {
		Type       string
		Properties json.RawMessage
	}
	facts *facts // nil if the template has none
}

func parseTemplate(data []byte) (plan, error) {
	var p plan
	if err := json.Unmarshal(data, &p); err != nil {
		return plan{}, err
	}
	if raw, ok := p.Metadata[factsKey]; ok {
		if err := json.Unmarshal(raw, &p.facts); err != nil {
			return plan{}, fmt.Errorf("metadata %s: %w", factsKey, err)
		}
	}
	return p, nil
}

// losses lists what deployed has and planned lacks.
func losses(deployed, planned plan) []loss {
	var out []loss
	kept := planned.subscribers()
	for _, subscriber := range deployed.subscribers() {
		if !slices.Contains(kept, subscriber) {
			out = append(out, loss{forceSubscribers, subscriber + " is unsubscribed"})
		}
	}
	if had, has := deployed.lock(), planned.lock(); has.weakerThan(had) {
		out = append(out, loss{forceLock, fmt.Sprintf("evidenceLock changes from %s to %s", had, has)})
	}
	if deployed.facts == nil {
		return append(out,
			loss{forcePolicy, "the deployed version does not record its checks, so the policies cannot be compared"},
			loss{forceSchedule, "the deployed version does not record its schedule, so the schedules cannot be compared"})
	}
	had, has := deployed.facts, planned.facts
	for _, id := range slices.Sorted(maps.Keys(had.Checks)) {
		switch severity, ok := has.Checks[id]; {
		case !ok:
			out = append(out, loss{forcePolicy, "check " + id + " is removed or disabled"})
		case severity != had.Checks[id] && !severity.AtLeast(had.Checks[id]):
			out = append(out, loss{forcePolicy, fmt.Sprintf("check %s has severity %s instead of %s", id, severity, had.Checks[id])})
		}
	}
	if has.ScheduleGapMinutes > had.ScheduleGapMinutes {
		minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
		out = append(out, loss{forceSchedule, fmt.Sprintf("up to %v instead of %v pass between two audits",
			minutes(has.ScheduleGapMinutes), minutes(had.ScheduleGapMinutes))})
	}
	return out
}

// subscribers lists who is notified of findings and of alarms, sorted.
func (p plan) subscribers() []string {
	var out []string
	for _, r := range p.Resources {
		var s struct {
			Protocol, Endpoint string
			TopicArn           struct{ Ref string }
		}
		if r.Type != "AWS::SNS::Subscription" || json.Unmarshal(r.Properties, &s) != nil {
			continue
		}
		of := "findings"
		if strings.HasPrefix(s.TopicArn.Ref, "Alarms") {
			of = "alarms"
		}
		out = append(out, fmt.Sprintf("%s (%s, %s)", s.Endpoint, s.Protocol, of))
	}
	slices.Sort(out)
	return out
}

// lock returns the lock of the evidence.
func (p plan) lock() lock {
	for id, r := range p.Resources {
		var b struct {
			ObjectLockConfiguration struct {
				Rule struct {
					DefaultRetention struct {
						Mode string
						Days int
					}
				}
			}
		}
		if r.Type == "AWS::S3::Bucket" && strings.HasPrefix(id, "Evidence") && json.Unmarshal(r.Properties, &b) == nil {
			retention := b.ObjectLockConfiguration.Rule.DefaultRetention
			return lock{strings.ToLower(retention.Mode), retention.Days}
		}
	}
	return lock{}
}

// readAssembly returns the name of the stack in a cloud assembly, and its template.
func readAssembly(folder string) (stack string, p plan, err error) {
	var manifest struct {
		Artifacts map[string]struct {
			Type       string
			Properties struct{ TemplateFile, StackName string }
		}
	}
	data, err := os.ReadFile(filepath.Join(folder, "manifest.json")) //nolint:gosec // the argument
	if err == nil {
		err = json.Unmarshal(data, &manifest)
	}
	if err != nil {
		return "", plan{}, fmt.Errorf("read the cloud assembly: %w: run make synth", err)
	}
	for id, a := range manifest.Artifacts {
		if a.Type != "aws:cloudformation:stack" {
			continue
		}
		if stack = a.Properties.StackName; stack == "" {
			stack = id
		}
		data, err := os.ReadFile(filepath.Join(folder, a.Properties.TemplateFile)) //nolint:gosec // of the assembly
		if err != nil {
			return "", plan{}, err
		}
		p, err = parseTemplate(data)
		if err == nil && p.facts == nil {
			err = errors.New("it has no facts to compare: report this as a bug")
		}
		return stack, p, err
	}
	return "", plan{}, fmt.Errorf("%s has no stack: run make synth", folder)
}

// deployedTemplate asks CloudFormation, with the AWS CLI, for the template of a
// stack. It returns nil if the stack does not exist.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html
func deployedTemplate(cli, stack string) ([]byte, error) {
	cmd := exec.Command(cli, "cloudformation", "get-template", "--stack-name", stack, "--query", "TemplateBody", "--output", "json") //nolint:gosec,noctx // the pinned CLI, which has timeouts
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if region := os.Getenv("AWS_REGION"); region != "" {
		cmd.Env = append(os.Environ(), "AWS_DEFAULT_REGION="+region) // version 1 of the CLI reads only this
	}
	err := cmd.Run()
	message := strings.TrimSpace(problem.String())
	switch {
	case err == nil:
		return out.Bytes(), nil
	case strings.Contains(message, "(ValidationError)") && strings.Contains(message, "does not exist"):
		return nil, nil
	case message == "":
		message = err.Error()
	}
	return nil, fmt.Errorf("cannot compare with the deployed stack %s, so nothing is deployed: %s", stack, message)
}
