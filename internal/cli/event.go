package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"ptcaudit/internal/app"
	"ptcaudit/internal/blob"
	"ptcaudit/internal/config"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/notify"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

type eventCommand struct {
	File    string  `arg:"" help:"An EventBridge event, an audit request, or a batch of queue messages, as JSON; - is standard input."`
	DryRun  bool    `help:"Print what would be said, and leave topic, ledger and evidence as they are."`
	Profile string  `placeholder:"NAME" help:"The profile of the AWS CLI's files that has the credentials (default $$AWS_PROFILE)."`
	Policy  string  `short:"p" placeholder:"POLICY" help:"default, strict, or a file (default $$PTCAUDIT_POLICY, else default)."`
	Output  outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json, to standard output or to a file; may be repeated (default text)."`
}

// Help is shown below the summary.
func (*eventCommand) Help() string {
	return `Does with an event what the Lambda function does: audits the registry that it names, and says what there is to say. The message goes to the SNS topic of $PTCAUDIT_TOPIC_ARN; where there is none it is printed, and that counts as said. With a ledger at $PTCAUDIT_STATE only what is new is said, and while another audit of the registry speaks, this one waits. At $PTCAUDIT_EVIDENCE every report is kept. Both are s3://BUCKET/PREFIX or file:///FOLDER.

    ptcaudit event functions/audit/events/create.json
    PTCAUDIT_STATE=file:///tmp/state ptcaudit event event.json
    ptcaudit event event.json --dry-run --output json | jq '.notifications[].subject'

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
		settings.TopicARN, settings.Evidence = "", ""
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
	if e.DryRun && h.Delivery.State != nil {
		h.Delivery.State = untouched{h.Delivery.State}
	}
	result, handleErr := h.Handle(ctx, payload)
	if err := c.writeResult(e.Output, result, settings, handleErr != nil || len(result.Failed) > 0); err != nil {
		return err
	}
	return unhandled(result, handleErr)
}

// untouched is a store in which nothing changes.
type untouched struct{ blob.Store }

// Put does as if it wrote.
func (untouched) Put(context.Context, string, []byte, string) (string, error) {
	return "unwritten", nil
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

func (c *command) writeResult(to outputs, result handler.Result, settings config.Config, failed bool) error {
	return c.write(to, renderers{
		"json": func(w io.Writer, _ terminal) error { return writeJSON(w, result) },
		"text": func(w io.Writer, t terminal) error { return writeSaid(w, t, result, settings, failed) },
	})
}

// mailWidth is how wide a mail is printed, in columns, where the terminal is not
// narrower.
const mailWidth = 78

// writeSaid tells a person what came of an event. Where something failed, that
// may be why something is not said.
func writeSaid(w io.Writer, t terminal, result handler.Result, settings config.Config, failed bool) error {
	var out strings.Builder
	columns := min(cmp.Or(t.width, mailWidth), mailWidth)
	for i, m := range result.Notifications {
		switch {
		case settings.TopicARN != "":
			fmt.Fprintf(&out, "Published to %s: %s\n", settings.TopicARN, m.Subject)
		case i > 0:
			out.WriteByte('\n')
			fallthrough
		default:
			fmt.Fprintf(&out, "Subject: %s\n\n%s\n", m.Subject, strings.TrimRight(notify.Wrap(m.Text, columns), "\n"))
		}
	}
	for _, audit := range result.Audits {
		if why := silence(audit, result.Notifications, settings.MinSeverity); why != "" && !failed {
			out.WriteString(why + "\n")
		}
	}
	for _, why := range result.Ignored {
		fmt.Fprintf(&out, "Nothing to audit: %s.\n", ignored[why])
	}
	if !failed && len(result.Notifications)+len(result.Audits)+len(result.Ignored) == 0 {
		out.WriteString("Nothing to audit: the last audit began after these changes, and has seen what they did.\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// silence says why there is no message of an audit; empty where there is one.
func silence(audit handler.Audit, said []notify.Message, threshold report.Severity) string {
	if slices.ContainsFunc(said, func(m notify.Message) bool { return m.Account == audit.Account && m.Region == audit.Region }) {
		return ""
	}
	known := 0
	for severity, n := range audit.Summary.Failed {
		if severity.AtLeast(threshold) {
			known += n
		}
	}
	of := "of " + audit.Account + " " + audit.Region
	switch {
	case audit.Superseded:
		return "Nothing to say " + of + ": an audit that began later has spoken."
	case !audit.Complete:
		return "Nothing new to say " + of + ": what could not be audited is known."
	case len(audit.Faults) > 0: // of a complete audit: the Region does not have the API
		return fmt.Sprintf("Registry %s %s: %s", audit.Account, audit.Region, audit.Faults[0].Message)
	case known == 1:
		return "Nothing new to say " + of + ": its failure is known."
	case known > 1:
		return fmt.Sprintf("Nothing new to say %s: its %d failures are known.", of, known)
	case audit.Summary.Waived > 0: // only the ledger knows what each waiver was given for
		return "Nothing to say " + of + ": what fails is waived, or known."
	}
	return fmt.Sprintf("Nothing to say %s: no failure is %s or worse.", of, threshold)
}

// ignored says in words why a message asks for no audit.
var ignored = map[trigger.Ignored]string{
	trigger.Unrelated:      "the event does not concern a rule",
	trigger.ChangedNothing: "the call that the event tells of failed, and changed nothing",
}
