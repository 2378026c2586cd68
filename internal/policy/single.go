package policy

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Single returns the policy as one file that extends nothing, for the package of a
// Lambda function. Loading it gives the same policy with the same digest. It is
// JSON, which is also YAML, so that every text stays unchanged.
func (p *Policy) Single() ([]byte, error) {
	// The embedded struct has no MarshalJSON and no disabled checks. The file
	// needs them: waivers and overrides can name a disabled check, and it can be
	// the only one that reads a param.
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

// written returns a check as a file can contain it: for a built-in check, only
// the fields that a file can set.
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

// exact returns a value that keeps its type in JSON, which would write the number
// 1.0 as 1.
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
