package notify

import (
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Fault is why an audit is incomplete: one for all faults that differ only by
// rule and message.
type Fault struct {
	Operation string        `json:"operation"`
	Kind      ptc.FaultKind `json:"kind"`
	Code      string        `json:"code,omitempty"`
	// Message is the message of the first fault.
	Message   string `json:"message"`
	RequestID string `json:"requestId,omitempty"`
	Retryable bool   `json:"retryable"`
	// Count is the number of faults. Prefixes are their rules, as many as fit;
	// empty if the fault concerns the whole registry.
	Count    int      `json:"count"`
	Prefixes []string `json:"prefixes,omitempty"`

	// alike is true if all of them have the same message.
	alike bool
}

// fold joins equal faults. Faults of the whole registry come first, then the most
// frequent ones.
func fold(faults []ptc.Fault) list[Fault] {
	type key struct {
		operation, code string
		kind            ptc.FaultKind
		registry        bool
	}
	type group struct {
		first ptc.Fault
		Fault
	}
	var groups []*group
	known := map[key]*group{}
	for _, f := range faults {
		k := key{f.Operation, f.Code, f.Kind, f.Prefix == ""}
		g := known[k]
		if g == nil {
			g = &group{first: f, Fault: Fault{alike: true}}
			known[k] = g
			groups = append(groups, g)
		}
		g.Count++
		g.Prefixes = addName(g.Prefixes, id(f.Prefix, maxPrefix))
		g.alike = g.alike && f.Message == g.first.Message
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		if ofRegistry := a.first.Prefix == ""; ofRegistry != (b.first.Prefix == "") {
			return map[bool]int{true: -1, false: 1}[ofRegistry]
		}
		return b.Count - a.Count
	})
	out := list[Fault]{all: len(groups)}
	for _, g := range groups[:min(len(groups), maxFaults)] {
		g.Operation = id(g.first.Operation, maxID)
		g.Kind = ptc.FaultKind(id(string(g.first.Kind), maxID))
		g.Code = id(g.first.Code, maxID)
		g.RequestID = id(g.first.RequestID, maxID)
		g.Retryable = g.first.Retryable
		g.Message = clean(g.first.Message, maxText)
		if _, ok := g.step(); ok { // the location of an object cannot be opened by a mail program
			g.Message = strings.NewReplacer("s3: //", "s3://", "file: //", "file://").Replace(g.Message)
		}
		if g.invalid() != "" {
			g.Message = block(g.first.Message, maxRemediation)
		}
		out.shown = append(out.shown, g.Fault)
	}
	return out
}

// step is a step of the audit that needs a store.
type step struct {
	// failed names the fault in a subject; effect is what it means for the
	// reader; action is the IAM action that the step needs in S3.
	failed, effect, action string
}

// steps are in the order of importance.
var steps = []struct {
	operation string
	step
}{
	{ptc.OpPutEvidence, step{"evidence not stored", "The report of this audit is not stored as evidence.", "s3:PutObject"}},
	{ptc.OpGetLedger, step{"state not read", "The auditor cannot read which failures it has reported before, so it reports every failure again.", "s3:GetObject"}},
	{ptc.OpPutLedger, step{"state not written", "The auditor cannot record that it has sent this message, so it may send it again.", "s3:PutObject"}},
}

// step is the step that failed, if it needs a store.
func (f Fault) step() (step, bool) {
	for _, s := range steps {
		if s.operation == f.Operation {
			return s.step, true
		}
	}
	return step{}, false
}

// invalid names the part of the auditor's own configuration that is invalid;
// empty for any other fault. The message then has a line for each error.
func (f Fault) invalid() string {
	return map[string]string{ptc.OpLoadPolicy: "policy", ptc.OpLoadConfig: "configuration"}[f.Operation]
}

// label is shown in the place of a finding's severity.
func (f Fault) label() string {
	if f.invalid() != "" {
		return "INVALID"
	}
	return strings.ToUpper(string(f.Kind))
}

// code is shown in the place of a finding's check: the missing IAM action, or the
// operation that failed.
func (f Fault) code() string {
	if f.Kind == ptc.FaultDenied && f.missing() != credentials {
		return f.action()
	}
	return f.Operation
}

// sentence is what a fault means for the reader.
func (f Fault) sentence() string {
	if s, ok := f.step(); ok {
		return s.effect
	}
	switch f.Operation {
	case ptc.OpLoadPolicy, ptc.OpLoadConfig:
		return "The " + f.invalid() + " is invalid, so nothing was checked."
	case ptc.OpDescribeRules:
		return "The rules could not be listed, so nothing was checked."
	case ptc.OpValidateRule:
		if f.Count == 1 {
			return "ECR gave no validation result for this rule."
		}
		return "ECR gave no validation result for these rules."
	case ptc.OpChooseCredentials:
		return "The auditor has no credentials for this account, so nothing was checked."
	case ptc.OpGetCallerIdentity:
		return "The auditor could not find out which account it runs in, so nothing was checked."
	default:
		return "This call failed, so the audit is incomplete."
	}
}

// source introduces the message of a fault.
func (f Fault) source() string {
	who := "Reason"
	if report.IsRuleCall(f.Operation) && f.Code != "" {
		who = "ECR says"
	}
	if !f.alike {
		who += " about the first"
	}
	return who + ":"
}

// quote is the message of a fault, with its code and request id.
func (f Fault) quote() string {
	var facts []string
	if f.Code != "" {
		facts = append(facts, f.Code)
	}
	if f.RequestID != "" {
		facts = append(facts, "request "+f.RequestID)
	}
	reference := ""
	if len(facts) > 0 {
		reference = " (" + strings.Join(facts, ", ") + ")"
	}
	if f.Message == "" {
		return strings.TrimSpace(reference)
	}
	return f.source() + " " + quoted(f.Message) + reference
}

// quoted puts a text in quotes. Quotes inside the text become apostrophes.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, "'") + `"` }
