package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"ptcaudit/internal/config"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/untrusted"
)

type showCommand struct {
	Policy string `arg:"" optional:"" help:"default, strict, or a file (default $$PTCAUDIT_POLICY, else default)."`
}

// Help is shown below the summary.
func (*showCommand) Help() string {
	return `Prints a policy as it applies, with all that it extends merged in. Behind each value stands where it was written: the file and line that had the last word. What has no place is built in.

    ptcaudit policy show acme.yaml

What it prints is a policy itself, with the same digest: it can be kept, and compared with another version's.

    ptcaudit policy show acme.yaml > now.yaml; diff then.yaml now.yaml

The exit code is 0, or 2 where the policy is broken.`
}

// Run prints the policy.
func (s *showCommand) Run(c *command) error {
	named, err := c.policyName(s.Policy)
	if err != nil {
		return err
	}
	p, places, err := policy.LoadPlaces(named)
	if err != nil {
		return usage(err)
	}
	text, err := annotated(p, places)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "# %s as it applies. Digest %s.\n%s", p.Name, p.Ref().Digest, text)
	return err
}

// policyName is the policy that was named on the command line, else that of
// the environment.
func (c *command) policyName(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	settings, err := config.Load(c.env)
	if err != nil {
		return "", usage(err)
	}
	return cmp.Or(settings.Policy, config.DefaultPolicy), nil
}

// annotated is a policy as one YAML file, with the places of its values.
func annotated(p *policy.Policy, places policy.Places) (string, error) {
	single, err := p.Single()
	if err != nil {
		return "", err
	}
	var whole yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(single, &whole, yaml.UseOrderedMap()); err != nil {
		return "", err
	}
	var doc struct {
		Params map[string]any
		Checks []map[string]any
		// Only what names an entry matters of the others.
		RequiredRules      []struct{ Prefix string }
		Overrides, Waivers []any
		Disable            []string
	}
	if err := json.Unmarshal(single, &doc); err != nil {
		return "", err
	}
	plain, err := yaml.MarshalWithOptions(whole, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return "", err
	}
	lines := strings.SplitAfter(string(plain), "\n")
	parsed, err := parser.ParseBytes(plain, 0)
	if err != nil {
		return "", err
	}
	// The library puts comments of its own where they break an empty list.
	say := func(path, key string) error {
		at, ok := places[key]
		if !ok {
			return nil
		}
		wanted, err := yaml.PathString(path)
		if err != nil {
			return err
		}
		node, err := wanted.FilterFile(parsed)
		if err != nil {
			return err
		}
		line := keyLine(node)
		lines[line-1] = strings.TrimSuffix(lines[line-1], "\n") + "  # " + untrusted.Verbatim(filepath.ToSlash(at.File)) + ":" + strconv.Itoa(at.Line) + "\n"
		return nil
	}
	var errs []error
	errs = append(errs, say("$.name", "name"))
	for name := range doc.Params {
		errs = append(errs, say("$.params."+name, "params."+name))
	}
	for i, check := range doc.Checks {
		for field := range check {
			errs = append(errs, say(fmt.Sprintf("$.checks[%d].%s", i, field), fmt.Sprintf("checks.%s.%s", check["id"], field)))
		}
	}
	for i, r := range doc.RequiredRules {
		errs = append(errs, say(fmt.Sprintf("$.requiredRules[%d].prefix", i), "requiredRules."+r.Prefix))
	}
	for i := range doc.Overrides {
		errs = append(errs, say(fmt.Sprintf("$.overrides[%d]", i), "overrides."+strconv.Itoa(i)))
	}
	for i := range doc.Waivers {
		errs = append(errs, say(fmt.Sprintf("$.waivers[%d].check", i), "waivers."+strconv.Itoa(i)))
	}
	for i, id := range doc.Disable {
		errs = append(errs, say(fmt.Sprintf("$.disable[%d]", i), "disable."+id))
	}
	return strings.Join(lines, ""), errors.Join(errs...)
}

// keyLine is the line in which a value is named: its own, or of a list or a
// text that begins below its key, that of the key.
func keyLine(n ast.Node) int {
	switch v := n.(type) {
	case *ast.SequenceNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return v.Start.Position.Line - 1
		}
	case *ast.LiteralNode:
		return v.Start.Position.Line
	case *ast.MappingNode:
		return v.Values[0].Key.GetToken().Position.Line
	}
	return n.GetToken().Position.Line
}
