package policy

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Single gives the policy as one file that extends nothing: what travels in a
// function's package. Loading it gives the same policy, with the same digest.
// It is JSON, which is YAML too, so that every text comes through as it is.
func (p *Policy) Single() ([]byte, error) {
	// The embedded form comes without MarshalJSON, and without what is
	// disabled. A disabled check stands in the file all the same: waivers and
	// overrides may name it, and params may be there for it alone.
	file := struct {
		APIVersion string `json:"apiVersion"`
		resolved
		Disable []string `json:"disable"`
	}{APIVersion: apiVersion, resolved: p.resolved, Disable: []string{}}
	file.Params = exactParams(p.Params)
	file.Checks = []Check{}
	for _, c := range p.Checks {
		file.Checks = append(file.Checks, written(c))
	}
	for _, c := range p.disabled {
		file.Checks = append(file.Checks, written(c))
		file.Disable = append(file.Disable, c.ID)
	}
	file.Overrides = []override{}
	for _, o := range p.Overrides {
		o.Params = exactParams(o.Params)
		file.Overrides = append(file.Overrides, o)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(file)
	return b.Bytes(), err
}

// written is a check as a file may say it: of one that is built in, only what
// may be set.
func written(c Check) Check {
	for _, b := range builtIn {
		if b.ID == c.ID {
			return Check{ID: c.ID, Title: c.Title, Why: c.Why, Severity: c.Severity, References: c.References, Locked: c.Locked}
		}
	}
	return c
}

func exactParams(params map[string]any) map[string]any {
	out := make(map[string]any, len(params))
	for name, v := range params {
		out[name] = exact(v)
	}
	return out
}

// exact is a value that keeps its type through JSON, which would write the
// number 1.0 as 1.
func exact(v any) any {
	switch v := v.(type) {
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return json.RawMessage(s)
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = exact(element)
		}
		return out
	default:
		return v
	}
}
