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
	"ptcaudit/internal/fixture"
	"ptcaudit/internal/offline"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/starter"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

type initCommand struct {
	File    string `arg:"" optional:"" help:"The policy file to write; an existing file is never overwritten. - is standard output (default: -)."`
	From    string `placeholder:"FILE" help:"Read the rules from a saved report, the output of aws ecr describe-pull-through-cache-rules, or a fixture of emulate (default: from AWS)."`
	Region  string `placeholder:"REGION" help:"The Region of the registry (default: that of the file, or of the AWS CLI)."`
	Account string `placeholder:"ID" help:"The account of the registry, if the file does not name it."`
	Profile string `placeholder:"NAME" help:"The AWS CLI profile with the credentials (default: $$AWS_PROFILE)."`
	Extends string `default:"default" enum:"default,strict" placeholder:"POLICY" help:"The shipped policy to extend: default or strict (default: default)."`
	Name    string `placeholder:"NAME" help:"The name of the policy (default: that of the file)."`
}

// Help is shown below the summary.
func (*initCommand) Help() string {
	return `Writes a first policy for a registry. It allows the current upstreams and requires the current rules. Comments at its end list what still fails, each with a waiver to fill in.

    ptcaudit policy init acme.yaml --region eu-west-1
    aws ecr describe-pull-through-cache-rules | ptcaudit policy init acme.yaml --from - --region eu-west-1
    ptcaudit policy init --from report.json --extends strict

Exit codes: 0 the policy was written, 2 invalid command line or file, or the policy file exists, 3 the rules could not be listed.`
}

// Run writes the policy.
func (i *initCommand) Run(ctx context.Context, c *command) error {
	if err := errors.Join(checkAccount(i.Account), checkRegion(i.Region)); err != nil {
		return usage(err)
	}
	toFile := i.File != "" && i.File != "-"
	if toFile {
		if _, err := os.Lstat(i.File); err == nil {
			return usage(fmt.Errorf("%s already exists: use another name, or delete it first", i.File))
		}
		if err := checkTarget(i.File); err != nil {
			return usage(err)
		}
	}
	found, err := i.find(ctx, c)
	if err != nil {
		return err
	}
	for _, f := range found.Faults {
		if f.Prefix == "" {
			return incomplete(fmt.Errorf("cannot list the rules of %s: %s: %s", found.Registry, f.Operation, f.Message))
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

// writeNewFile writes a file that must not exist.
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
			return report.Report{}, usage(errNoRegion)
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
		registry, err := offline.Parse(data, ptc.Registry{Account: i.Account, Region: i.Region})
		if err != nil {
			return report.Report{}, usage(fmt.Errorf("%s: %w", sourceOf(i.From), err))
		}
		return registry.Evaluate(ctx, offline.AsOf{Policy: shipped}, c.now, app.Version), nil
	}
	start, err := fixture.Parse(sourceOf(i.From), data, i.Region)
	if err != nil {
		return report.Report{}, usage(err)
	}
	registry, err := i.choose(start)
	if err != nil {
		return report.Report{}, usage(err)
	}
	cfg, stop, err := serve(ctx, start, registry)
	if err != nil {
		return report.Report{}, err
	}
	defer stop()
	return app.New(settings, cfg, shipped, c.options(settings)).Engine.Audit(ctx, registry, nil), nil
}

// choose is the registry of a fixture that the flags select.
func (i *initCommand) choose(f emulator.Fixture) (ptc.Registry, error) {
	var chosen []ptc.Registry
	var all []string
	for _, r := range f.Registries {
		all = append(all, r.Account+" "+r.Region)
		if (i.Account == "" || i.Account == r.Account) && (i.Region == "" || i.Region == r.Region) {
			chosen = append(chosen, ptc.Registry{Account: r.Account, Region: r.Region})
		}
	}
	if len(chosen) != 1 {
		return ptc.Registry{}, fmt.Errorf("%s has several registries: use --account and --region to select one of %s", sourceOf(i.From), strings.Join(all, ", "))
	}
	return chosen[0], nil
}

// serve starts the emulator with a fixture, and returns the configuration to call it.
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

// policy is the text of the policy, with comments on what it still finds.
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
		rule, validation := r.Facts()
		in.Rules = append(in.Rules, rule)
		in.Validations[rule.Prefix] = validation
	}
	text := starter.Policy(in.Registry, in.Rules, starter.Options{Name: name, Extends: i.Extends})

	written, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		return "", usage(fmt.Errorf("cannot write a policy for these rules: %w", err))
	}
	return text + starter.Remarks(written.Evaluate(ctx, in), in.Now), nil
}
