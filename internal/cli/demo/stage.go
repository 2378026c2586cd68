package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"ptcaudit/internal/config"
	"ptcaudit/internal/handler"
	"ptcaudit/internal/render/text"
)

// demo is one run.
type demo struct {
	Options
	dir string
	// auditor, jane and bob are the callers of the API.
	auditor, jane, bob aws.Config
	// env are the settings of the auditor.
	env []string
	// taken is the size of the events that the queue has delivered, in bytes.
	taken int
	// broken is the mail whose fix Jane runs.
	broken handler.Result
	steps  int
}

// emulate starts the emulator, and makes the credentials of its callers.
func (d *demo) emulate(ctx context.Context) (stop func(), err error) {
	err = errors.Join(
		os.WriteFile(d.path("registry.yaml"), registryYAML, 0o600),
		os.WriteFile(d.path("acme.yaml"), policyYAML, 0o600),
		os.WriteFile(d.path("schedule.json"), []byte(`{"schema":"ptcaudit/request/v1","account":"`+account+`","region":"`+region+`","reason":"schedule"}`), 0o600),
	)
	if err != nil {
		return nil, err
	}
	d.prompt("cat acme.yaml")
	d.print("%s", strings.TrimRight(string(policyYAML), "\n"))

	args := []string{"emulate", "--listen", "127.0.0.1:0", "--fixture", d.path("registry.yaml"), "--events", d.path("events.jsonl")}
	d.prompt(d.typed(args) + " &")
	ctx, cancel := context.WithCancel(ctx)
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := d.Command(ctx, aws.Config{}, nil, write, args...)
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
	d.print("%s", strings.TrimSpace(line))
	_, endpoint, _ := strings.Cut(strings.TrimSpace(line), " on ")
	d.users(endpoint)
	return stop, nil
}

// users makes the settings and credentials of the auditor, Jane and Bob.
func (d *demo) users(endpoint string) {
	folder := func(name string) string { return (&url.URL{Scheme: "file", Path: d.path(name)}).String() }
	d.env = []string{
		config.KeyPolicy + "=" + d.path("acme.yaml"),
		config.KeyState + "=" + folder("state"),
		config.KeyEvidence + "=" + folder("evidence"),
		// There is no queue that could deliver a postponed event again.
		config.KeyMaxReceives + "=1",
	}
	d.prompt("export AWS_ENDPOINT_URL="+endpoint+" AWS_REGION="+region, "export AWS_ACCESS_KEY_ID="+account+" AWS_SECRET_ACCESS_KEY=any",
		"export PTCAUDIT_POLICY=acme.yaml PTCAUDIT_MAX_RECEIVES=1", "export PTCAUDIT_STATE=file://$PWD/state PTCAUDIT_EVIDENCE=file://$PWD/evidence")
	d.auditor = aws.Config{
		Region:       region,
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider(account, "any", ""),
	}
	as := func(name string) aws.Config {
		cfg := d.auditor.Copy()
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(
			sts.NewFromConfig(d.auditor), "arn:aws:iam::"+account+":role/developer",
			func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = name },
		))
		return cfg
	}
	d.jane, d.bob = as("jane"), as("bob")
}

// queue writes the events since the last call as a batch of SQS messages:
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
	for event := range bytes.Lines(events[d.taken:]) {
		records = append(records, record{
			MessageID:   fmt.Sprintf("demo-%d", len(records)+1),
			Body:        strings.TrimSpace(string(event)),
			EventSource: "aws:sqs",
			Attributes:  map[string]string{"ApproximateReceiveCount": "1"},
		})
	}
	d.taken = len(events)
	batch, err := json.MarshalIndent(map[string]any{"Records": records}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(d.path("queue.json"), batch, 0o600)
}

// path is that of a file in the demo's folder.
func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// typed is a command line as it is typed within the demo's folder.
func (d *demo) typed(args []string) string {
	return strings.ReplaceAll("ptcaudit "+strings.Join(args, " "), d.dir+string(filepath.Separator), "")
}

func (d *demo) step(title string) {
	d.steps++
	d.print("\n%s", d.mark("1", fmt.Sprintf("%d. %s", d.steps, title)))
}

// prompt shows commands before they are run.
func (d *demo) prompt(commands ...string) {
	d.print("")
	for _, command := range commands {
		lead := "$ "
		for _, line := range text.WrapCommand(command, d.width()-len(lead)) {
			d.print("%s", d.mark("36", lead+line))
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

func (d *demo) print(format string, args ...any) { _, _ = fmt.Fprintf(d.Out, format+"\n", args...) }

// mark marks s with an ANSI attribute.
func (d *demo) mark(code, s string) string {
	if !d.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// killAfter is when a process is killed: before the registry answers it.
const killAfter = 500 * time.Millisecond
