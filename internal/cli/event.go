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
	"ptcaudit/internal/render/text"
	"ptcaudit/internal/report"
	"ptcaudit/internal/trigger"
)

type eventCommand struct {
	File    string  `arg:"" help:"An EventBridge event, an audit request, or a batch of SQS messages, as JSON. - is standard input."`
	DryRun  bool    `help:"Print the notifications; publish and store nothing."`
	Profile string  `placeholder:"NAME" help:"The AWS CLI profile with the credentials (default: $$AWS_PROFILE)."`
	Policy  string  `short:"p" placeholder:"POLICY" help:"The policy: default, strict, or a file (default: $$PTCAUDIT_POLICY, else default)."`
	Output  outputs `short:"o" sep:"none" placeholder:"FORMAT[=FILE]" help:"text or json; on standard output, or in FILE. Repeat it for both (default: text)."`
}

// Help is shown below the summary.
func (*eventCommand) Help() string {
	return `Handles an event as the Lambda function does: audits the registry that the event names, and notifies what is new.

PTCAUDIT_TOPIC_ARN is the SNS topic of the notification; without it, the notification is printed, which counts as delivered. PTCAUDIT_STATE stores which failures were already notified; without it, every audit notifies all failures. PTCAUDIT_EVIDENCE stores every report. Both are s3://BUCKET/PREFIX or file:///FOLDER.

    ptcaudit event functions/audit/events/create.json
    PTCAUDIT_STATE=file:///tmp/state ptcaudit event event.json
    ptcaudit event event.json --dry-run --output json | jq '.notifications[].subject'

Exit codes: 0 the event was handled, with or without failures, 2 the file is not a valid event, 3 something could not be audited or published.`
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
		cfg.Region = region // the STS client needs one
	}
	h := app.New(settings, cfg, rules, c.options(settings)).Handler
	h.Policy = rules.Ref()
	if e.DryRun && h.Delivery.State != nil {
		h.Delivery.State = readOnly{h.Delivery.State}
	}
	result, handleErr := h.Handle(ctx, payload)
	err = c.writeResult(e.Output, result, settings, handleErr != nil || len(result.Failed) > 0)
	// The ledger records the notifications once every output has taken them. If
	// one has not, or there is none, the next run notifies them again.
	taken := err == nil && (len(e.Output) > 0 || !c.quiet)
	unrecorded := result.Settle(ctx, taken)
	switch {
	case err != nil:
		return err
	case unrecorded != nil:
		return incomplete(fmt.Errorf("%w: the next run notifies this again", unrecorded))
	}
	return unhandled(result, handleErr)
}

// readOnly is a store that drops what is written.
type readOnly struct{ blob.Store }

// Put reports success without writing.
func (readOnly) Put(context.Context, string, []byte, string) (string, error) {
	return "unwritten", nil
}

// regionOf is the first Region that a payload names; empty if it names none. It
// is an error if a single message is invalid; an invalid message of a batch is
// the handler's to report.
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

// unhandled is an error if something was not audited or not published.
func unhandled(result handler.Result, err error) error {
	if err != nil {
		return incomplete(err)
	}
	if len(result.Failed) > 0 {
		return incomplete(fmt.Errorf("not handled, the queue would deliver again: %s", strings.Join(result.Failed, ", ")))
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
		"text": func(w io.Writer, t terminal) error { return writeOutcome(w, t, result, settings, failed) },
	})
}

// mailWidth is the width of a printed mail at most, in columns.
const mailWidth = 78

// writeOutcome prints the notifications of an event, or why there are none. If
// something failed, that error explains a missing notification instead.
func writeOutcome(w io.Writer, t terminal, result handler.Result, settings config.Config, failed bool) error {
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
			fmt.Fprintf(&out, "Subject: %s\n\n%s\n", m.Subject, strings.TrimRight(text.WrapMail(m.Text, columns), "\n"))
		}
	}
	for _, audit := range result.Audits {
		if why := whySilent(audit, result.Notifications, settings.MinSeverity); why != "" && !failed {
			out.WriteString(why + "\n")
		}
	}
	for _, why := range result.Ignored {
		fmt.Fprintf(&out, "No audit needed: %s.\n", ignored[why])
	}
	if !failed && len(result.Notifications)+len(result.Audits)+len(result.Ignored) == 0 {
		out.WriteString("No audit needed: the last audit began after these changes.\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// whySilent explains why an audit has no notification; empty if it has one.
func whySilent(audit handler.Audit, notifications []notify.Message, threshold report.Severity) string {
	if slices.ContainsFunc(notifications, func(m notify.Message) bool { return m.Account == audit.Account && m.Region == audit.Region }) {
		return ""
	}
	known := 0
	for severity, n := range audit.Summary.Failed {
		if severity.AtLeast(threshold) {
			known += n
		}
	}
	registry := audit.Account + " " + audit.Region
	switch {
	case audit.Superseded:
		return "No notification for " + registry + ": a later audit has already notified."
	case !audit.Complete:
		return "No new findings for " + registry + ": what could not be checked was already notified."
	case len(audit.Faults) > 0: // of a complete audit: the Region does not have the API
		return fmt.Sprintf("Registry %s: %s", registry, audit.Faults[0].Message)
	case known == 1:
		return "No new findings for " + registry + ": its failure was already notified."
	case known > 1:
		return fmt.Sprintf("No new findings for %s: its %d failures were already notified.", registry, known)
	case audit.Summary.Waived > 0: // only the ledger knows what each waiver was given for
		return "No new findings for " + registry + ": all failures are waived or were already notified."
	}
	return fmt.Sprintf("No findings for %s at severity %s or higher.", registry, threshold)
}

// ignored explains why a message needs no audit.
var ignored = map[trigger.Ignored]string{
	trigger.Unrelated:      "the event is unrelated to pull through cache rules",
	trigger.ChangedNothing: "the API call in the event failed and changed nothing",
	trigger.OutOfScope:     "the registry belongs to another account than the credentials",
}
