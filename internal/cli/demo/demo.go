// Package demo shows the main job on one machine, without AWS: a registry in
// order, changes that break it, the mails that tell of them, and the mend that
// a mail asks for. It runs the commands that a user would type, and checks
// that each did what the demo says it does. What a command prints, the mails
// above all, comes from the command; none of it stands here.
//
// It is part of the command, and must not be imported by anything else.
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

// Where the demo takes place.
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
	// Command runs a command line of ptcaudit, and gives its exit code. It
	// takes credentials, Region and endpoint from cfg, and its settings from
	// env. It may run several at once.
	Command func(ctx context.Context, cfg aws.Config, env []string, out io.Writer, args ...string) int
	// Process is a command line of ptcaudit as a process of its own, which
	// can be killed; it takes everything from env.
	Process func(ctx context.Context, env []string, args ...string) *exec.Cmd
}

// Run runs the demo. Its error means that the demo did not show what it
// claims.
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
		return fmt.Errorf("the demo went wrong: %w", err)
	}
	d.say("")
	d.say("%.1f seconds, without AWS. On a registry of your own:", time.Since(began).Seconds())
	d.say("")
	d.say("  ptcaudit audit --region eu-west-1")
	return nil
}

func (d *demo) run(ctx context.Context) error {
	d.say("Two people change a registry, and mails tell of what went wrong. AWS is the")
	d.say("emulator that step 1 starts; the demo makes the calls of the aws commands")
	d.say("itself, so that it needs nothing that is not here.")

	d.step("A registry, a policy for it, and folders for what is known and proven")
	stop, err := d.emulate(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for _, tell := range []func(context.Context) error{
		d.allIsWell, d.twoMistakes, d.oneMail, d.mended, d.deleted, d.swapped, d.history,
	} {
		if err := tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

// allIsWell audits a registry in which nothing fails.
func (d *demo) allIsWell(ctx context.Context) error {
	d.step("All is well")
	if code := d.ptcaudit(ctx, "audit"); code != 0 {
		return fmt.Errorf("the first audit ended with exit code %d", code)
	}
	return d.silent(ctx, "schedule.json")
}

func (d *demo) twoMistakes(ctx context.Context) error {
	d.step("Jane rotates a token and misnames a field; then she adds an upstream")
	err := d.aws(ctx, d.jane,
		`aws secretsmanager put-secret-value --secret-id ecr-pullthroughcache/docker-hub --secret-string '{"username":"acme","token":"dckr_pat_demo"}' --region eu-west-1`,
		`aws ecr create-pull-through-cache-rule --ecr-repository-prefix quay --upstream-registry-url quay.io --region eu-west-1`,
	)
	d.say("")
	d.say("AWS takes both. ECR goes on serving what it has cached, and says nothing.")
	return err
}

// oneMail loses nothing where the auditor is killed, and says nothing twice.
func (d *demo) oneMail(ctx context.Context) error {
	d.step("CloudTrail tells of both calls; the auditor is killed while it audits")
	if err := d.queue(); err != nil {
		return err
	}
	d.say("")
	d.say("queue.json holds the events of both, as the queue hands them to the function.")
	if err := d.killed(ctx, "event", d.path("queue.json")); err != nil {
		return err
	}
	d.say("")
	d.say("Nobody acknowledged the events, so the queue hands them out again:")
	said, err := d.mail(ctx, report.Failed, "quay", "docker-hub")
	if err != nil {
		return err
	}
	d.said = said
	d.say("")
	d.say("The next audit finds the same, and there is nothing new to say:")
	return d.silent(ctx, "schedule.json")
}

func (d *demo) mended(ctx context.Context) error {
	d.step("Jane does what the mail says")
	if err := d.mend(ctx); err != nil {
		return err
	}
	if err := d.queue(); err != nil {
		return err
	}
	_, err := d.mail(ctx, report.Resolved, "quay", "docker-hub")
	return err
}

// deleted has two auditors learn of one change at once.
func (d *demo) deleted(ctx context.Context) error {
	d.step("Bob deletes a required rule; two functions learn of it at once")
	if err := d.aws(ctx, d.bob, `aws ecr delete-pull-through-cache-rule --ecr-repository-prefix docker-hub --region eu-west-1`); err != nil {
		return err
	}
	if err := d.queue(); err != nil {
		return err
	}
	said, err := d.twice(ctx)
	if err != nil {
		return err
	}
	return expect(said, report.Failed, "docker-hub")
}

func (d *demo) swapped(ctx context.Context) error {
	d.step("Bob points a rule elsewhere, under a waiver given for registry.k8s.io")
	if err := d.aws(ctx, d.bob, `aws ecr delete-pull-through-cache-rule --ecr-repository-prefix kubernetes --region eu-west-1`); err != nil {
		return err
	}
	// CloudTrail's times are whole seconds: so it shows which call was first.
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
	d.step("What was audited is kept, and can be proven")
	if code := d.ptcaudit(ctx, "history"); code != 0 {
		return fmt.Errorf("the history ended with exit code %d", code)
	}
	return nil
}

// expect says whether exactly one mail of a status was said, of some prefixes.
func expect(said handler.Result, status report.Status, prefixes ...string) error {
	if len(said.Notifications) != 1 || said.Notifications[0].Status != status {
		return fmt.Errorf("one mail of status %s was to be said, and %d were", status, len(said.Notifications))
	}
	told := map[string]bool{}
	for _, f := range said.Notifications[0].Findings {
		told[f.Prefix] = true
	}
	for _, prefix := range prefixes {
		if !told[prefix] {
			return fmt.Errorf("the mail does not tell of %s", prefix)
		}
	}
	return nil
}

// mend runs the commands of the mail, which read a file that somebody who
// knows a token has to write.
func (d *demo) mend(ctx context.Context) error {
	const credential = `{"username":"acme","accessToken":"dckr_pat_demo"}` //nolint:gosec // opens nothing
	d.prompt("echo '" + credential + "' > credential.json")
	if err := os.WriteFile(d.path("credential.json"), []byte(credential), 0o600); err != nil {
		return err
	}
	commands := 0
	for _, f := range d.said.Notifications[0].Findings {
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
		return errors.New("the mail names no command")
	}
	return nil
}
