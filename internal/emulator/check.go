package emulator

import (
	"errors"
	"fmt"
	"slices"
)

// complaints gathers what is wrong with a fixture, each with where it stands.
type complaints []error

func (c *complaints) add(at, format string, args ...any) {
	*c = append(*c, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...)))
}

// check says everything that is wrong with a fixture.
func (f *Fixture) check() error {
	var c complaints
	seen := map[registryKey]bool{}
	for i, r := range f.Registries {
		at := fmt.Sprintf("registries[%d]", i)
		r.check(&c, at)
		key := registryKey{r.Account, r.Region}
		if seen[key] {
			c.add(at, "registry %s %s stands there twice", r.Account, r.Region)
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
		c.add(at+".account", "%q is no account id: twelve digits, in quotes", r.Account)
	}
	if !regionPattern.MatchString(r.Region) {
		c.add(at+".region", "%q is no Region", r.Region)
	}
	if r.PageSize < 0 {
		c.add(at+".pageSize", "%d is negative", r.PageSize)
	}
	if s := r.UnlistedSecrets; s != "" && s != SecretOK && s != SecretMissing {
		c.add(at+".unlistedSecrets", "%q is neither ok nor missing", s)
	}
	for _, ch := range r.Behaviour.choices() {
		if v := *ch.value; v != "" && v != ch.of[0] && v != ch.of[1] {
			c.add(at+".behaviour."+ch.name, "%q is neither %s nor %s", v, ch.of[0], ch.of[1])
		}
	}
	prefixes := map[string]bool{}
	for i, ru := range r.Rules {
		at := fmt.Sprintf("%s.rules[%d].ecrRepositoryPrefix", at, i)
		prefix := cleanPrefix(ru.EcrRepositoryPrefix)
		if prefix == "" {
			c.add(at, "missing")
		} else if prefixes[prefix] {
			c.add(at, "%q stands there twice", prefix)
		}
		prefixes[prefix] = true
	}
	arns := map[string]bool{}
	for i, s := range r.Secrets {
		at := fmt.Sprintf("%s.secrets[%d]", at, i)
		if s.ARN == "" {
			c.add(at+".arn", "missing")
		} else if arns[s.ARN] {
			c.add(at+".arn", "%q stands there twice", s.ARN)
		}
		arns[s.ARN] = true
		if !slices.Contains(secretStates, s.State) {
			c.add(at+".state", "%q is none of %v", s.State, secretStates)
		}
	}
}

func (f Fault) check(c *complaints, at string) {
	known := f.Operation == ""
	for _, s := range services {
		known = known || slices.ContainsFunc(s.operations, func(o *operation) bool { return o.name == f.Operation })
	}
	if !known {
		c.add(at+".operation", "there is no %q", f.Operation)
	}
	if f.Account != "" && !accountPattern.MatchString(f.Account) {
		c.add(at+".account", "%q is no account id: twelve digits, in quotes", f.Account)
	}
	if f.Times < 0 {
		c.add(at+".times", "%d is negative", f.Times)
	}
	if f.Delay < 0 {
		c.add(at+".delay", "it is negative")
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		c.add(at+".status", "%d is no status of an answer", f.Status)
	}
	answers := 0
	for _, is := range []bool{f.Code != "", f.Body != "", f.Empty, f.Drop && !f.Truncate} {
		if is {
			answers++
		}
	}
	if answers > 1 {
		c.add(at, "only one of code, body, empty and drop can be the answer")
	}
	if f.Message != "" && f.Code == "" {
		c.add(at+".message", "it needs a code")
	}
	if f.Drop && f.Status != 0 && !f.Truncate {
		c.add(at+".status", "a connection that is cut before the head has none")
	}
}
