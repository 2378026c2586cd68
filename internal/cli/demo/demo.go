// Package demo shows the main job on one machine, without AWS: a registry in
// order, changes that break it, the mail that tells of them, and the mend that
// the mail asks for. It runs the commands that a user would type, and checks
// that each did what the demo says it does. What a command prints, the mail
// above all, comes from the command; none of it stands here.
//
// It is part of the command, and must not be imported by anything else.
package demo

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"ptcaudit/internal/handler"
	"ptcaudit/internal/render/text"
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
	// takes credentials, Region and endpoint from cfg.
	Command func(ctx context.Context, cfg aws.Config, out io.Writer, args ...string) int
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

// demo is one run.
type demo struct {
	Options
	dir string
	// auditor and developer are the credentials of the two who call the API.
	auditor, developer aws.Config
	steps              int
}

func (d *demo) run(ctx context.Context) error {
	d.say("A registry, two mistakes, a mail, and the mend. AWS is the emulator that step 1")
	d.say("starts; the demo makes the calls of the aws commands itself, so that it needs")
	d.say("nothing that is not here.")

	d.step("A registry, and a policy for it")
	stop, err := d.emulate(ctx)
	if err != nil {
		return err
	}
	defer stop()

	d.step("All is well")
	if code := d.ptcaudit(ctx, "audit", "--policy", d.path("acme.yaml")); code != 0 {
		return fmt.Errorf("the first audit ended with exit code %d", code)
	}

	d.step("Jane rotates a token and misnames a field; then she adds an upstream")
	for _, command := range []string{
		`aws secretsmanager put-secret-value --secret-id ecr-pullthroughcache/docker-hub --secret-string '{"username":"acme","token":"dckr_pat_demo"}' --region eu-west-1`,
		`aws ecr create-pull-through-cache-rule --ecr-repository-prefix quay --upstream-registry-url quay.io --region eu-west-1`,
	} {
		if err := d.aws(ctx, d.developer, command); err != nil {
			return err
		}
	}
	d.say("")
	d.say("AWS takes both. ECR goes on serving what it has cached, and says nothing.")

	d.step("CloudTrail tells of the two calls, and the auditor of what came of them")
	said, err := d.mail(ctx)
	if err != nil {
		return err
	}

	d.step("Jane does what the mail says")
	if err := d.mend(ctx, said); err != nil {
		return err
	}

	d.step("All is well again")
	if code := d.ptcaudit(ctx, "audit", "--policy", d.path("acme.yaml")); code != 0 {
		return fmt.Errorf("the last audit ended with exit code %d", code)
	}
	return nil
}

// emulate starts the emulator, and makes the credentials of those who call it.
func (d *demo) emulate(ctx context.Context) (stop func(), err error) {
	err = errors.Join(
		os.WriteFile(d.path("registry.yaml"), registryYAML, 0o600),
		os.WriteFile(d.path("acme.yaml"), policyYAML, 0o600),
	)
	if err != nil {
		return nil, err
	}
	d.prompt("cat acme.yaml")
	d.say("%s", strings.TrimRight(string(policyYAML), "\n"))

	args := []string{"emulate", "--listen", "127.0.0.1:0", "--fixture", d.path("registry.yaml"), "--events", d.path("events.jsonl")}
	d.prompt(d.typed(args) + " &")
	ctx, cancel := context.WithCancel(ctx)
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := d.Command(ctx, aws.Config{}, write, args...)
		_ = write.Close()
		ended <- code
	}()
	stop = func() {
		cancel()
		<-ended
	}
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the emulator did not start, exit code %d", <-ended)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	d.say("%s", strings.TrimSpace(line))
	_, url, _ := strings.Cut(strings.TrimSpace(line), " on ")
	d.prompt("export AWS_ENDPOINT_URL="+url+" AWS_REGION="+region, "export AWS_ACCESS_KEY_ID="+account+" AWS_SECRET_ACCESS_KEY=any")

	d.auditor = aws.Config{
		Region:       region,
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider(account, "any", ""),
	}
	d.developer = d.auditor.Copy()
	d.developer.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(
		sts.NewFromConfig(d.auditor), "arn:aws:iam::"+account+":role/developer",
		func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "jane" },
	))
	return stop, nil
}

// mail hands the events that the emulator wrote to the handler, in one batch
// as a queue does, and gives what it said.
func (d *demo) mail(ctx context.Context) (handler.Result, error) {
	if err := d.queue(); err != nil {
		return handler.Result{}, err
	}
	d.say("")
	d.say("queue.json holds the events of both, as the queue hands them to the function.")
	if code := d.ptcaudit(ctx, "event", d.path("queue.json"), "--policy", d.path("acme.yaml"), "--output", "text", "--output", "json="+d.path("said.json")); code != 0 {
		return handler.Result{}, fmt.Errorf("the event was not handled, exit code %d", code)
	}
	data, err := os.ReadFile(d.path("said.json"))
	if err != nil {
		return handler.Result{}, err
	}
	var result handler.Result
	if err := json.Unmarshal(data, &result); err != nil {
		return handler.Result{}, err
	}
	if len(result.Said) != 1 || result.Said[0].Status != report.Failed {
		return result, fmt.Errorf("one mail of status %s was to be said, and %d were", report.Failed, len(result.Said))
	}
	told := map[string]bool{}
	for _, f := range result.Said[0].Findings {
		told[f.Prefix] = true
	}
	if !told["docker-hub"] || !told["quay"] {
		return result, errors.New("the mail does not tell of both mistakes")
	}
	return result, nil
}

// queue makes a batch of queue messages of the emulator's events:
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func (d *demo) queue() error {
	events, err := os.ReadFile(d.path("events.jsonl"))
	if err != nil {
		return err
	}
	type record struct {
		MessageID   string            `json:"messageId"`
		Body        string            `json:"body"`
		EventSource string            `json:"eventSource"`
		Attributes  map[string]string `json:"attributes"`
	}
	var records []record
	for event := range bytes.Lines(events) {
		records = append(records, record{
			MessageID:   fmt.Sprintf("demo-%d", len(records)+1),
			Body:        strings.TrimSpace(string(event)),
			EventSource: "aws:sqs",
			Attributes:  map[string]string{"ApproximateReceiveCount": "1"},
		})
	}
	batch, err := json.MarshalIndent(map[string]any{"Records": records}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(d.path("queue.json"), batch, 0o600)
}

// mend runs the commands of the mail, which read a file that somebody who
// knows a token has to write.
func (d *demo) mend(ctx context.Context, said handler.Result) error {
	const credential = `{"username":"acme","accessToken":"dckr_pat_demo"}` //nolint:gosec // opens nothing
	d.prompt("echo '" + credential + "' > credential.json")
	if err := os.WriteFile(d.path("credential.json"), []byte(credential), 0o600); err != nil {
		return err
	}
	commands := 0
	for _, f := range said.Said[0].Findings {
		for line := range strings.Lines(f.Remediation) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "aws ") {
				if err := d.aws(ctx, d.developer, line); err != nil {
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

// ptcaudit shows a command line and runs it.
func (d *demo) ptcaudit(ctx context.Context, args ...string) int {
	d.prompt(d.typed(args))
	return d.Command(ctx, d.auditor, d.Out, args...)
}

// aws shows a command line of the AWS CLI and makes its call. Only an answer
// that is about a rule's validity is shown.
func (d *demo) aws(ctx context.Context, who aws.Config, command string) error {
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
		shown, err := json.Marshal(verdict)
		if err != nil {
			return err
		}
		d.say("%s", shown)
	}
	return nil
}

// path is that of a file in the demo's folder.
func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// typed is a command line as it is typed within the demo's folder.
func (d *demo) typed(args []string) string {
	return strings.ReplaceAll("ptcaudit "+strings.Join(args, " "), d.dir+string(filepath.Separator), "")
}

func (d *demo) step(title string) {
	d.steps++
	d.say("\n%s", d.mark("1", fmt.Sprintf("%d. %s", d.steps, title)))
}

// prompt shows commands before they are run.
func (d *demo) prompt(commands ...string) {
	d.say("")
	for _, command := range commands {
		lead := "$ "
		for _, line := range text.WrapCommand(command, d.width()-len(lead)) {
			d.say("%s", d.mark("36", lead+line))
			lead = "  "
		}
	}
}

func (d *demo) width() int {
	if d.Width == 0 {
		return text.DefaultWidth
	}
	return d.Width
}

func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.Out, format+"\n", args...) }

// mark marks s with an ANSI attribute.
func (d *demo) mark(code, s string) string {
	if !d.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
