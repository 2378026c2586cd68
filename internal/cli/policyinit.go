package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ptcaudit/internal/app"
	"ptcaudit/internal/config"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/starter"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

type initCommand struct {
	File    string `arg:"" optional:"" help:"Where to write the policy; - is standard output (default -). A file that is there is left alone."`
	From    string `placeholder:"FILE" help:"Take the rules from a saved report, the output of aws ecr describe-pull-through-cache-rules, or a fixture of emulate (default: ask AWS)."`
	Region  string `placeholder:"REGION" help:"The registry's Region (default: as the AWS CLI finds it, or as the file says)."`
	Account string `placeholder:"ID" help:"The registry's account, where a file does not say it."`
	Profile string `placeholder:"NAME" help:"The profile of the AWS CLI's files that has the credentials (default $$AWS_PROFILE)."`
	Extends string `default:"default" enum:"default,strict" placeholder:"POLICY" help:"The shipped policy to begin with: default or strict (default default)."`
	Name    string `placeholder:"NAME" help:"The policy's name (default: the file's)."`
}

// Help is shown below the summary.
func (*initCommand) Help() string {
	return `Writes the first policy of a registry: it allows the upstreams and requires the rules that are there now. Whatever fails all the same is listed in comments at its end, with a waiver to fill in.

    ptcaudit policy init acme.yaml --region eu-west-1
    aws ecr describe-pull-through-cache-rules | ptcaudit policy init acme.yaml --from - --region eu-west-1
    ptcaudit policy init --from report.json --extends strict

The exit code is 0 where the policy was written, 2 where that cannot be, and 3 where the rules could not be listed.`
}

// Run writes the policy.
func (i *initCommand) Run(ctx context.Context, c *command) error {
	if err := errors.Join(checkAccount(i.Account), checkRegion(i.Region)); err != nil {
		return usage(err)
	}
	toFile := i.File != "" && i.File != "-"
	if toFile {
		if _, err := os.Lstat(i.File); err == nil {
			return usage(fmt.Errorf("%s is there already: name another file, or remove it first", i.File))
		}
	}
	found, err := i.find(ctx, c)
	if err != nil {
		return err
	}
	for _, f := range found.Faults {
		if f.Prefix == "" {
			return incomplete(fmt.Errorf("the rules of %s could not be listed: %s: %s", found.Registry, f.Operation, f.Message))
		}
	}
	text, err := i.policy(ctx, c, found)
	if err != nil {
		return err
	}
	if !toFile {
		_, err := io.WriteString(c.out, text)
		return err
	}
	if err := writeNewFile(i.File, text); err != nil {
		return usage(err)
	}
	_, err = fmt.Fprintf(c.out, "Wrote %s: %d rules of %s %s. Read it, then:\n  ptcaudit policy lint %s\n  ptcaudit audit --policy %s --region %s\n",
		i.File, len(found.Rules), found.Registry.Account, found.Registry.Region, i.File, i.File, found.Registry.Region)
	return err
}

// writeNewFile writes a file that is not there yet.
func writeNewFile(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // the user names it; the umask decides who may read it
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// find audits the registry, on AWS or in a file, under the shipped policy.
func (i *initCommand) find(ctx context.Context, c *command) (report.Report, error) {
	settings, err := config.Load(c.env)
	if err != nil {
		return report.Report{}, usage(err)
	}
	shipped, err := policy.Load(i.Extends)
	if err != nil {
		return report.Report{}, err
	}
	if i.From == "" {
		cfg, err := c.connect(ctx, i.Profile, i.Region)
		if err != nil {
			return report.Report{}, err
		}
		if cfg.Region == "" {
			return report.Report{}, usage(errors.New("which Region? say --region, or set AWS_REGION"))
		}
		registry, err := identify(ctx, cfg)
		if err != nil {
			return report.Report{}, err
		}
		return app.New(settings, cfg, shipped, c.options(settings)).Engine.Audit(ctx, registry, nil), nil
	}
	data, err := c.readFile(i.From)
	if err != nil {
		return report.Report{}, usage(err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err == nil && (keys["schemaVersion"] != nil || keys["pullThroughCacheRules"] != nil) {
		known, err := parseFacts(data, ptc.Registry{Account: i.Account, Region: i.Region})
		if err != nil {
			return report.Report{}, usage(fmt.Errorf("%s: %w", sourceOf(i.From), err))
		}
		return evaluate(ctx, known, asOf{Policy: shipped}, c.now), nil
	}
	fixture, err := parseFixture(sourceOf(i.From), data, i.Region)
	if err != nil {
		return report.Report{}, usage(err)
	}
	registry, err := i.choose(fixture)
	if err != nil {
		return report.Report{}, usage(err)
	}
	cfg, stop, err := serve(ctx, fixture, registry)
	if err != nil {
		return report.Report{}, err
	}
	defer stop()
	return app.New(settings, cfg, shipped, c.options(settings)).Engine.Audit(ctx, registry, nil), nil
}

// choose is the registry of a fixture that is meant.
func (i *initCommand) choose(f emulator.Fixture) (ptc.Registry, error) {
	var meant []ptc.Registry
	var all []string
	for _, r := range f.Registries {
		all = append(all, r.Account+" "+r.Region)
		if (i.Account == "" || i.Account == r.Account) && (i.Region == "" || i.Region == r.Region) {
			meant = append(meant, ptc.Registry{Account: r.Account, Region: r.Region})
		}
	}
	if len(meant) != 1 {
		return ptc.Registry{}, fmt.Errorf("%s: which registry? say --account and --region of one of: %s", sourceOf(i.From), strings.Join(all, ", "))
	}
	return meant[0], nil
}

// serve has the emulator answer for a registry of a fixture.
func serve(ctx context.Context, f emulator.Fixture, reg ptc.Registry) (aws.Config, func(), error) {
	api, err := emulator.New(f)
	if err != nil {
		return aws.Config{}, nil, usage(err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return aws.Config{}, nil, err
	}
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return aws.Config{
		Region:       reg.Region,
		BaseEndpoint: aws.String("http://" + listener.Addr().String()),
		Credentials:  credentials.NewStaticCredentialsProvider(reg.Account, "any", ""),
	}, func() { _ = server.Close() }, nil
}

var policyName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// policy is the text of the policy, with remarks on what it finds itself.
func (i *initCommand) policy(ctx context.Context, c *command, found report.Report) (string, error) {
	name := i.Name
	if name == "" {
		base := filepath.Base(i.File)
		name = strings.Trim(policyName.ReplaceAllString(strings.TrimSuffix(base, filepath.Ext(base)), "-"), "-")
	}
	if name == "" {
		name = "my-policy"
	}
	in := policy.Input{Registry: found.Registry, Validations: map[string]ptc.Validation{}, Now: c.now().UTC()}
	for _, r := range found.Rules {
		rule, verdict := r.Facts()
		in.Rules = append(in.Rules, rule)
		in.Validations[rule.Prefix] = verdict
	}
	text := starter.Policy(in.Registry, in.Rules, starter.Options{Name: name, Extends: i.Extends})

	dir, err := os.MkdirTemp("", "ptcaudit-init-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder of temporary files
	file := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", err
	}
	written, err := policy.Load(file)
	if err != nil {
		return "", usage(fmt.Errorf("no policy can be made of these rules: %w", err))
	}
	return text + starter.Remarks(written.Evaluate(ctx, in), in.Now), nil
}
