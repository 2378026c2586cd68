package emulator

import (
	"errors"
	"fmt"
	"slices"
)

// complaints collects the errors of a fixture, each with its path.
type complaints []error

func (c *complaints) add(at, format string, args ...any) {
	*c = append(*c, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...)))
}

// check lists every error of a fixture.
func (f *Fixture) check() error {
	var c complaints
	seen := map[registryKey]bool{}
	for i, r := range f.Registries {
		at := fmt.Sprintf("registries[%d]", i)
		r.check(&c, at)
		key := registryKey{r.Account, r.Region}
		if seen[key] {
			c.add(at, "duplicate registry %s %s: list it once", r.Account, r.Region)
		}
		seen[key] = true
	}
	for i, fault := range f.Faults {
		fault.check(&c, fmt.Sprintf("faults[%d]", i))
	}
	return errors.Join(c...)
}

func (r Registry) check(c *complaints, at string) {
	if !accountPattern.MatchString(r.Account) {
		c.add(at+".account", "invalid account ID %q: use twelve digits, in quotes", r.Account)
	}
	if !regionPattern.MatchString(r.Region) {
		c.add(at+".region", "invalid Region %q: use a name such as eu-west-1", r.Region)
	}
	if r.PageSize < 0 {
		c.add(at+".pageSize", "invalid number %d: use zero or more", r.PageSize)
	}
	if s := r.UnlistedSecrets; s != "" && s != SecretOK && s != SecretMissing {
		c.add(at+".unlistedSecrets", "unknown value %q: use ok or missing", s)
	}
	for _, ch := range r.Behaviour.choices() {
		if v := *ch.value; v != "" && v != ch.of[0] && v != ch.of[1] {
			c.add(at+".behaviour."+ch.name, "unknown value %q: use %s or %s", v, ch.of[0], ch.of[1])
		}
	}
	prefixes := map[string]bool{}
	for i, ru := range r.Rules {
		at := fmt.Sprintf("%s.rules[%d].ecrRepositoryPrefix", at, i)
		prefix := cleanPrefix(ru.EcrRepositoryPrefix)
		if prefix == "" {
			c.add(at, "missing")
		} else if prefixes[prefix] {
			c.add(at, "duplicate %q: list it once", prefix)
		}
		prefixes[prefix] = true
	}
	arns := map[string]bool{}
	for i, s := range r.Secrets {
		at := fmt.Sprintf("%s.secrets[%d]", at, i)
		if s.ARN == "" {
			c.add(at+".arn", "missing")
		} else if arns[s.ARN] {
			c.add(at+".arn", "duplicate %q: list it once", s.ARN)
		}
		arns[s.ARN] = true
		if !slices.Contains(secretStates, s.State) {
			c.add(at+".state", "unknown state %q: use one of %v", s.State, secretStates)
		}
	}
}

func (f Fault) check(c *complaints, at string) {
	known := f.Operation == ""
	for _, s := range services {
		known = known || slices.ContainsFunc(s.operations, func(o *operation) bool { return o.name == f.Operation })
	}
	if !known {
		c.add(at+".operation", "unknown operation %q", f.Operation)
	}
	if f.Account != "" && !accountPattern.MatchString(f.Account) {
		c.add(at+".account", "invalid account ID %q: use twelve digits, in quotes", f.Account)
	}
	if f.Times < 0 {
		c.add(at+".times", "invalid number %d: use zero or more", f.Times)
	}
	if f.Delay < 0 {
		c.add(at+".delay", "negative delay: use a duration such as 2s")
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		c.add(at+".status", "invalid HTTP status %d: use 200 to 599", f.Status)
	}
	answers := 0
	for _, is := range []bool{f.Code != "", f.Body != "", f.Empty, f.Drop && !f.Truncate} {
		if is {
			answers++
		}
	}
	if answers > 1 {
		c.add(at, "more than one answer: use only one of code, body, empty and drop")
	}
	if f.Message != "" && f.Code == "" {
		c.add(at+".message", "message without code: add a code")
	}
	if f.Drop && f.Status != 0 && !f.Truncate {
		c.add(at+".status", "a connection that is dropped has no status: remove one of them")
	}
}
