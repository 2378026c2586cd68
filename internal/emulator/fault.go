package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault makes calls go wrong. Every fault that fits a call and has turns left
// takes part in it, in the order of the list: their delays add up, and the
// first that answers (Code, Status, Body, Empty, Drop without Truncate) does so
// instead of the API and ends the list. Then nothing happens to the registry.
type Fault struct {
	// Operation is the one concerned, for example
	// "DescribePullThroughCacheRules"; empty for all.
	Operation string `json:"operation"`
	// Account and Region restrict the fault to some registries; empty for all.
	Account string `json:"account"`
	Region  string `json:"region"`
	// Prefix restricts it to calls that name this rule; empty for all.
	Prefix string `json:"prefix"`
	// Times is how many calls it strikes; 0 is all.
	Times int `json:"times"`
	// Delay is the time before the answer.
	Delay Duration `json:"delay"`

	// Code is the error to answer with, for example "ThrottlingException".
	Code string `json:"code"`
	// Message is its text; empty for a likely one.
	Message string `json:"message"`
	// Status is the HTTP status; 0 for that of the code, or 200.
	Status int `json:"status"`
	// Body is what to answer with, as it stands: a proxy's page, for example.
	Body string `json:"body"`
	// Empty answers with {}.
	Empty bool `json:"empty"`
	// Drop cuts the connection before the head of the answer.
	Drop bool `json:"drop"`
	// Truncate cuts it in the middle of the answer's body instead, with Drop
	// or without. The call itself is carried out.
	Truncate bool `json:"truncate"`
	// Omit names members to leave out of the answer, and Set gives members
	// another value (null, too). In DescribePullThroughCacheRules members of
	// a rule are meant, unless it is pullThroughCacheRules or nextToken.
	Omit []string       `json:"omit"`
	Set  map[string]any `json:"set"`
}

// Duration is a time.Duration, written as "100ms" in JSON.
type Duration time.Duration

// UnmarshalText reads "100ms".
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil || parsed < 0 {
		return fmt.Errorf("invalid duration %q: use 100ms, 2s, …", text)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalText writes "100ms".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// armedFault is a fault and how often it struck.
type armedFault struct {
	Fault
	struck int
}

// effect is what the faults do to one call.
type effect struct {
	delay   time.Duration
	instead *Fault // answers instead of the API; nil for none
	alters  []Fault
	cut     cut
}

// take lets the faults strike a call.
func take(faults []*armedFault, c *call) effect {
	var e effect
	for _, f := range faults {
		if !f.fits(c) || f.Times > 0 && f.struck >= f.Times {
			continue
		}
		f.struck++
		e.delay += time.Duration(f.Delay)
		e.alters = append(e.alters, f.Fault)
		if f.Truncate {
			e.cut = cutMidBody
		}
		if f.answers() {
			e.instead = &f.Fault
			break
		}
	}
	return e
}

func (f Fault) fits(c *call) bool {
	return (f.Operation == "" || f.Operation == c.operation.name) &&
		(f.Account == "" || f.Account == c.account) &&
		(f.Region == "" || f.Region == c.region) &&
		(f.Prefix == "" || slices.Contains(c.prefixes(), cleanPrefix(f.Prefix)))
}

// prefixes are those of the rules that a call names.
func (c *call) prefixes() []string {
	named := []string{cleanPrefix(c.text("ecrRepositoryPrefix"))}
	list, _ := c.input["ecrRepositoryPrefixes"].([]string)
	for _, prefix := range list {
		named = append(named, cleanPrefix(prefix))
	}
	return named
}

// answers reports whether a fault answers instead of the API.
func (f Fault) answers() bool {
	return f.Code != "" || f.Status != 0 || f.Body != "" || f.Empty || f.Drop && !f.Truncate
}

// cut is the place at which the fault's answer is cut.
func (f Fault) cut() cut {
	switch {
	case f.Truncate:
		return cutMidBody
	case f.Drop:
		return cutBeforeHead
	}
	return cutNever
}

// error is the error that a fault with a code answers with.
func (f Fault) error(c *call) *apiError {
	err := &apiError{name: f.Code, text: f.Message, status: f.Status}
	if err.text != "" {
		return err
	}
	switch f.Code {
	case "AccessDeniedException":
		err.text = fmt.Sprintf("User: %s is not authorized to perform: %s because no identity-based policy allows the %s action", c.arn(), c.action(), c.action())
	case "ThrottlingException", "TooManyRequestsException":
		err.text = "Rate exceeded"
	case "ExpiredTokenException":
		err.text = "The security token included in the request is expired"
	case "UnrecognizedClientException":
		err.text = "The security token included in the request is invalid."
	}
	return err
}

// reply is the answer of a fault without a code.
func (f Fault) reply() reply {
	a := reply{status: f.Status, contentType: jsonType11, body: []byte(f.Body)}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if f.Empty {
		a.body = []byte("{}")
	}
	if strings.HasPrefix(f.Body, "<") {
		a.contentType = "text/html"
	}
	return a
}

// alter changes an answer as the faults want it.
func (e effect) alter(out object) object {
	for _, f := range e.alters {
		out = f.alter(out)
	}
	return out
}

func (f Fault) alter(out object) object {
	if len(f.Omit) == 0 && len(f.Set) == 0 {
		return out
	}
	out = maps.Clone(out)
	rules, isList := out["pullThroughCacheRules"].([]object)
	if !isList {
		f.alterMembers(out, func(string) bool { return true })
		return out
	}
	altered := make([]object, len(rules))
	for i, r := range rules {
		altered[i] = maps.Clone(r)
		f.alterMembers(altered[i], func(name string) bool { return !ofAnswer(name) })
	}
	out["pullThroughCacheRules"] = altered
	f.alterMembers(out, ofAnswer)
	return out
}

// ofAnswer reports whether a member belongs to Describe's answer, not to a rule.
func ofAnswer(name string) bool { return name == "pullThroughCacheRules" || name == "nextToken" }

func (f Fault) alterMembers(o object, which func(name string) bool) {
	for name, v := range f.Set {
		if which(name) {
			o[name] = v
		}
	}
	for _, name := range f.Omit {
		if which(name) {
			delete(o, name)
		}
	}
}
