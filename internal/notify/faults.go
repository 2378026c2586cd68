package notify

import (
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
)

// Fault is what kept an audit from being complete: one line for all faults
// that are equal but for the rule.
type Fault struct {
	Operation string        `json:"operation"`
	Kind      ptc.FaultKind `json:"kind"`
	Code      string        `json:"code,omitempty"`
	// Message is what the first of them says.
	Message   string `json:"message"`
	RequestID string `json:"requestId,omitempty"`
	Retryable bool   `json:"retryable"`
	// Count is how many there were; Prefixes are the rules, as far as they
	// are named here. Without one the fault is the registry's.
	Count    int      `json:"count"`
	Prefixes []string `json:"prefixes,omitempty"`

	// alike says that all of them have the same message.
	alike bool
}

// step is one of the auditor's own, at a store.
type step struct{ cannot, means, action string }

// steps are those at the stores, in the order in which they matter.
var steps = []struct {
	operation string
	step
}{
	{ptc.OpPutEvidence, step{"Could not keep evidence", "The report of this audit could not be kept as evidence.", "s3:PutObject"}},
	{ptc.OpGetLedger, step{"Could not read the ledger", "What was said before could not be read, so all that fails is said.", "s3:GetObject"}},
	{ptc.OpPutLedger, step{"Could not write the ledger", "What is said here could not be recorded, so it may be said again.", "s3:PutObject"}},
}

// step is what a fault is about where that is a store.
func (f Fault) step() (step, bool) {
	for _, s := range steps {
		if s.operation == f.Operation {
			return s.step, true
		}
	}
	return step{}, false
}

// fold joins faults that are equal but for the rule and the words, those of
// the registry first, then the most frequent.
func fold(faults []ptc.Fault) []Fault {
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
	var out []Fault
	for _, g := range groups[:min(len(groups), maxFaults)] {
		g.Operation = id(g.first.Operation, maxID)
		g.Kind = ptc.FaultKind(id(string(g.first.Kind), maxID))
		g.Code = id(g.first.Code, maxID)
		g.RequestID = id(g.first.RequestID, maxID)
		g.Retryable = g.first.Retryable
		g.Message = clean(g.first.Message, maxText)
		if _, atStore := g.step(); atStore { // a place in a store is no address to open
			g.Message = strings.NewReplacer("s3: //", "s3://", "file: //", "file://").Replace(g.Message)
		}
		if g.broken() != "" {
			g.Message = block(g.first.Message, maxRemediation)
		}
		out = append(out, g.Fault)
	}
	return out
}
