// Package demo shows what ptcaudit does on one machine, without AWS: a registry
// without failures, changes that break it, the mails about them, and the fix
// from a mail. It runs the commands that a user would type, and checks each
// result. All output of a command, such as the mails, comes from the command.
//
// It is part of the command: nothing else may import it.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ptcaudit/internal/handler"
	"ptcaudit/internal/report"
)

//go:embed registry.yaml
var registryYAML []byte

//go:embed acme.yaml
var policyYAML []byte

// The registry of the demo.
const (
	account = "111122223333"
	region  = "eu-west-1"
)

// Options say where the demo runs.
type Options struct {
	Out io.Writer
	// Width of the terminal in columns, and whether it has colours.
	Width int
	Color bool
	// Command runs a command line of ptcaudit, and returns its exit code. It
	// takes credentials, Region and endpoint from cfg, and its settings from
	// env. It may run several at once.
	Command func(ctx context.Context, cfg aws.Config, env []string, out io.Writer, args ...string) int
	// Process is a command line of ptcaudit as a separate process, which can be
	// killed. It takes everything from env.
	Process func(ctx context.Context, env []string, args ...string) *exec.Cmd
}

// Run runs the demo. It is an error if a step does not have the result that the
// demo describes.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := os.MkdirTemp("", "ptcaudit-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder of temporary files
	d := &demo{Options: o, dir: dir}
	began := time.Now()
	if err := d.run(ctx); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	d.print("")
	d.print("Done in %.1f seconds, without AWS. To audit your own registry:", time.Since(began).Seconds())
	d.print("")
	d.print("  ptcaudit audit --region eu-west-1")
	return nil
}

func (d *demo) run(ctx context.Context) error {
	d.print("Two people change the rules of a registry, and mails report what goes wrong.")
	d.print("Step 1 starts an emulator of AWS. The demo makes the calls of the aws commands")
	d.print("itself, so the AWS CLI is not needed.")

	d.step("Start a registry with a policy")
	stop, err := d.emulate(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for _, act := range []func(context.Context) error{
		d.noFailures, d.twoMistakes, d.oneMail, d.fixed, d.deleted, d.swapped, d.history,
	} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// noFailures audits a registry in which nothing fails.
func (d *demo) noFailures(ctx context.Context) error {
	d.step("The first audit finds no failures")
	if code := d.ptcaudit(ctx, "audit"); code != 0 {
		return fmt.Errorf("the first audit ended with exit code %d", code)
	}
	return d.silent(ctx, "schedule.json")
}

func (d *demo) twoMistakes(ctx context.Context) error {
	d.step("Jane misspells a field of a secret, and adds an upstream that is not allowed")
	err := d.aws(ctx, d.jane,
		`aws secretsmanager put-secret-value --secret-id ecr-pullthroughcache/docker-hub --secret-string '{"username":"acme","token":"dckr_pat_demo"}' --region eu-west-1`,
		`aws ecr create-pull-through-cache-rule --ecr-repository-prefix quay --upstream-registry-url quay.io --region eu-west-1`,
	)
	d.print("")
	d.print("AWS accepts both. ECR keeps serving cached images, so no one notices.")
	return err
}

// oneMail shows that a killed auditor loses nothing, and that a failure is
// notified once.
func (d *demo) oneMail(ctx context.Context) error {
	d.step("CloudTrail reports both calls; the auditor is killed during its audit")
	if err := d.queue(); err != nil {
		return err
	}
	d.print("")
	d.print("queue.json has both events, as SQS delivers them to the Lambda function.")
	if err := d.killed(ctx, "event", d.path("queue.json")); err != nil {
		return err
	}
	d.print("")
	d.print("The events were not acknowledged, so the queue delivers them again:")
	reply, err := d.mail(ctx, report.Failed, "quay", "docker-hub")
	if err != nil {
		return err
	}
	d.broken = reply
	d.print("")
	d.print("The next audit finds the same failures, and sends no second mail:")
	return d.silent(ctx, "schedule.json")
}

func (d *demo) fixed(ctx context.Context) error {
	d.step("Jane runs the fix from the mail")
	if err := d.fix(ctx); err != nil {
		return err
	}
	if err := d.queue(); err != nil {
		return err
	}
	_, err := d.mail(ctx, report.Resolved, "quay", "docker-hub")
	return err
}

// deleted has two auditors handle one change at the same time.
func (d *demo) deleted(ctx context.Context) error {
	d.step("Bob deletes a required rule; two functions handle the event at the same time")
	if err := d.aws(ctx, d.bob, `aws ecr delete-pull-through-cache-rule --ecr-repository-prefix docker-hub --region eu-west-1`); err != nil {
		return err
	}
	if err := d.queue(); err != nil {
		return err
	}
	reply, err := d.twice(ctx)
	if err != nil {
		return err
	}
	return expect(reply, report.Failed, "docker-hub")
}

func (d *demo) swapped(ctx context.Context) error {
	d.step("Bob changes the upstream of a rule whose waiver was for registry.k8s.io")
	if err := d.aws(ctx, d.bob, `aws ecr delete-pull-through-cache-rule --ecr-repository-prefix kubernetes --region eu-west-1`); err != nil {
		return err
	}
	// CloudTrail's times are whole seconds: wait, so that the order of the calls shows.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	if err := d.aws(ctx, d.bob,
		`aws ecr create-pull-through-cache-rule --ecr-repository-prefix kubernetes --upstream-registry-url quay.io --region eu-west-1`,
	); err != nil {
		return err
	}
	if err := d.queue(); err != nil {
		return err
	}
	_, err := d.mail(ctx, report.Changed, "kubernetes")
	return err
}

func (d *demo) history(ctx context.Context) error {
	d.step("Every audit is stored as evidence")
	if code := d.ptcaudit(ctx, "history"); code != 0 {
		return fmt.Errorf("the history ended with exit code %d", code)
	}
	return nil
}

// expect is an error unless there is exactly one mail, of a status and about some
// prefixes.
func expect(reply handler.Result, status report.Status, prefixes ...string) error {
	if len(reply.Notifications) != 1 || reply.Notifications[0].Status != status {
		return fmt.Errorf("expected one mail of status %s, got %d mails", status, len(reply.Notifications))
	}
	found := map[string]bool{}
	for _, f := range reply.Notifications[0].Findings {
		found[f.Prefix] = true
	}
	for _, prefix := range prefixes {
		if !found[prefix] {
			return fmt.Errorf("the mail does not mention %s", prefix)
		}
	}
	return nil
}

// fix writes the file that the mail asks for, and runs the commands of the mail.
func (d *demo) fix(ctx context.Context) error {
	const credential = `{"username":"acme","accessToken":"dckr_pat_demo"}` //nolint:gosec // opens nothing
	d.prompt("echo '" + credential + "' > credential.json")
	if err := os.WriteFile(d.path("credential.json"), []byte(credential), 0o600); err != nil {
		return err
	}
	commands := 0
	for _, f := range d.broken.Notifications[0].Findings {
		for line := range strings.Lines(f.Remediation) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "aws ") {
				if err := d.aws(ctx, d.jane, line); err != nil {
					return err
				}
				commands++
			}
		}
	}
	if commands == 0 {
		return errors.New("the mail has no command")
	}
	return nil
}
