package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"ptcaudit/internal/app"
	"ptcaudit/internal/config"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/trigger"
)

type eventCommand struct {
	File    string  `arg:"" help:"An EventBridge event, an audit request, or a batch of queue messages, as JSON; - is standard input."`
	DryRun  bool    `help:"Tell the topic nothing: print what it would be told."`
	Profile string  `placeholder:"NAME" help:"The profile of the AWS CLI's files that has the credentials (default $$AWS_PROFILE)."`
	Policy  string  `short:"p" placeholder:"POLICY" help:"default, strict, or a file (default $$PTCAUDIT_POLICY, else default)."`
	Output  outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json, to standard output or to a file; may be repeated (default text)."`
}

// Help is shown below the summary.
func (*eventCommand) Help() string {
	return `Does with an event what the Lambda function does: audits the registry that it names, and says what there is to say. The message goes to the SNS topic of $PTCAUDIT_TOPIC_ARN; where there is none it is printed, and that counts as said.

    ptcaudit event functions/audit/events/create.json
    ptcaudit event event.json --dry-run --output json | jq '.said[].subject'

The exit code is 0 where the event was handled, whatever was found; 2 where the file holds no event; 3 where something could not be audited or published.`
}

// Run handles the event.
func (e *eventCommand) Run(ctx context.Context, c *command) error {
	if err := e.Output.check("json", "text"); err != nil {
		return err
	}
	settings, err := config.Load(c.env)
	if err != nil {
		return usage(err)
	}
	if e.DryRun {
		settings.TopicARN = ""
	}
	rules, err := c.policy(e.Policy, settings)
	if err != nil {
		return err
	}
	payload, err := c.readFile(e.File)
	if err != nil {
		return usage(err)
	}
	region, err := regionOf(payload)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", sourceOf(e.File), err))
	}
	cfg, err := c.connect(ctx, e.Profile, "")
	if err != nil {
		return err
	}
	if cfg.Region == "" {
		cfg.Region = region // STS wants one
	}
	h := app.New(settings, cfg, rules, c.options(settings)).Handler
	h.Policy = rules.Ref()
	result, handleErr := h.Handle(ctx, payload)
	if err := c.writeResult(e.Output, result, settings); err != nil {
		return err
	}
	return unhandled(result, handleErr)
}

// regionOf is a Region that a payload names; empty where it names none. Its
// error is that of a bare message that cannot be read.
func regionOf(payload []byte) (string, error) {
	records, isBatch := trigger.Batch(payload)
	if !isBatch {
		message, err := trigger.Decode(payload)
		return message.Registry.Region, err
	}
	for _, record := range records {
		if message, err := trigger.Decode(record.Body); err == nil && message.Ignored == "" {
			return message.Registry.Region, nil
		}
	}
	return "", nil
}

// unhandled says what of an event was not audited, or not said.
func unhandled(result handler.Result, err error) error {
	if err != nil {
		return incomplete(err)
	}
	if len(result.Failed) > 0 {
		return incomplete(fmt.Errorf("the queue would hand out again: %s", strings.Join(result.Failed, ", ")))
	}
	for _, audit := range result.Audits {
		if !audit.Complete {
			return code(ExitIncomplete)
		}
	}
	return nil
}

func (c *command) writeResult(to outputs, result handler.Result, settings config.Config) error {
	return c.write(to, renderers{
		"json": func(w io.Writer, _ terminal) error { return writeJSON(w, result) },
		"text": func(w io.Writer, _ terminal) error { return writeSaid(w, result, settings) },
	})
}

// writeSaid tells a person what came of an event.
func writeSaid(w io.Writer, result handler.Result, settings config.Config) error {
	var out strings.Builder
	for i, m := range result.Said {
		switch {
		case settings.TopicARN != "":
			fmt.Fprintf(&out, "Published to %s: %s\n", settings.TopicARN, m.Subject)
		case i > 0:
			out.WriteByte('\n')
			fallthrough
		default:
			fmt.Fprintf(&out, "Subject: %s\n\n%s\n", m.Subject, strings.TrimRight(m.Text, "\n"))
		}
	}
	for _, audit := range result.Audits {
		if highest := audit.Summary.Highest; audit.Complete && !highest.AtLeast(settings.MinSeverity) {
			fmt.Fprintf(&out, "Nothing to say of %s %s: no failure is %s or worse.\n", audit.Account, audit.Region, settings.MinSeverity)
		}
	}
	for _, why := range result.Ignored {
		fmt.Fprintf(&out, "Nothing to audit: %s.\n", ignored[why])
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// ignored says in words why a message asks for no audit.
var ignored = map[trigger.Ignored]string{
	trigger.Stranger:       "the event is none that concerns a rule",
	trigger.ChangedNothing: "the call that the event tells of failed, and changed nothing",
}
