package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"ptcaudit/internal/handler"
	"ptcaudit/internal/report"
)

// ptcaudit shows a command line and runs it.
func (d *demo) ptcaudit(ctx context.Context, args ...string) int {
	d.prompt(d.typed(args))
	return d.Command(ctx, d.auditor, d.env, d.Out, args...)
}

// handle runs an event command and returns its result, which the command also
// writes to a file.
func (d *demo) handle(ctx context.Context, event, file string, out io.Writer) (handler.Result, error) {
	args := []string{"event", d.path(event), "--output", "text", "--output", "json=" + d.path(file)}
	if code := d.Command(ctx, d.auditor, d.env, out, args...); code != 0 {
		return handler.Result{}, fmt.Errorf("the event was not handled, exit code %d", code)
	}
	data, err := os.ReadFile(d.path(file))
	if err != nil {
		return handler.Result{}, err
	}
	var result handler.Result
	return result, json.Unmarshal(data, &result)
}

// silent handles an event that must not be notified.
func (d *demo) silent(ctx context.Context, event string) error {
	d.prompt("ptcaudit event " + event)
	result, err := d.handle(ctx, event, "reply.json", d.Out)
	if err == nil && len(result.Notifications) > 0 {
		err = fmt.Errorf("no mail expected, got one of status %s", result.Notifications[0].Status)
	}
	return err
}

// mail handles the queue, which must cause exactly one mail.
func (d *demo) mail(ctx context.Context, status report.Status, prefixes ...string) (handler.Result, error) {
	d.prompt("ptcaudit event queue.json")
	result, err := d.handle(ctx, "queue.json", "reply.json", d.Out)
	if err != nil {
		return result, err
	}
	return result, expect(result, status, prefixes...)
}

// twice handles the queue twice at the same time, and returns the mails of both.
func (d *demo) twice(ctx context.Context) (handler.Result, error) {
	d.prompt("ptcaudit event queue.json & ptcaudit event queue.json")
	var (
		group   errgroup.Group
		outputs [2]bytes.Buffer
		results [2]handler.Result
		all     handler.Result
	)
	for i := range outputs {
		group.Go(func() error {
			var err error
			results[i], err = d.handle(ctx, "queue.json", fmt.Sprintf("reply-%d.json", i), &outputs[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return all, err
	}
	if len(results[0].Notifications) < len(results[1].Notifications) { // the mail first
		outputs[0], outputs[1] = outputs[1], outputs[0]
	}
	all.Notifications = slices.Concat(results[0].Notifications, results[1].Notifications)
	d.print("%s\n%s", outputs[0].String(), strings.TrimSuffix(outputs[1].String(), "\n"))
	return all, nil
}

// killed runs a command line as a process, and kills it in the middle.
func (d *demo) killed(ctx context.Context, args ...string) error {
	d.prompt(fmt.Sprintf("timeout --signal=KILL %.1f %s", killAfter.Seconds(), d.typed(args)))
	caller, err := d.auditor.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	process := d.Process(ctx, append([]string{
		"AWS_ENDPOINT_URL=" + aws.ToString(d.auditor.BaseEndpoint), "AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + caller.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + caller.SecretAccessKey,
	}, d.env...), args...)
	if err := process.Start(); err != nil {
		return err
	}
	timer := time.AfterFunc(killAfter, func() { _ = process.Process.Kill() })
	defer timer.Stop()
	if ended, ok := errors.AsType[*exec.ExitError](process.Wait()); !ok || ended.ExitCode() >= 0 {
		return errors.New("the auditor ended before it could be killed")
	}
	d.print("Killed")
	return nil
}

// aws shows command lines of the AWS CLI and makes their calls. Only an answer
// that is about a rule's validity is shown.
func (d *demo) aws(ctx context.Context, who aws.Config, commands ...string) error {
	for _, command := range commands {
		d.prompt(command)
		answer, err := call(ctx, who, command, d.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		var verdict struct {
			Prefix  string `json:"ecrRepositoryPrefix"`
			IsValid *bool  `json:"isValid"`
		}
		if err := json.Unmarshal(answer, &verdict); err != nil {
			return err
		}
		if verdict.IsValid != nil {
			var shown strings.Builder
			if err := json.NewEncoder(&shown).Encode(verdict); err != nil {
				return err
			}
			d.print("%s", strings.TrimSpace(shown.String()))
		}
	}
	return nil
}
