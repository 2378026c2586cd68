package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/untrusted"
)

// Decode reads a report that Encode wrote. It derives Complete and Summary
// again. A report that contradicts itself is an error: someone has edited it,
// or it was made by something else, so nothing that it says can be relied on.
func Decode(data []byte) (Report, error) {
	r, err := decode(data)
	if err != nil {
		return Report{}, fmt.Errorf("read report: %w", err)
	}
	return r, nil
}

func decode(data []byte) (Report, error) {
	var head struct {
		SchemaVersion string `json:"schemaVersion"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Report{}, err
	}
	if head.SchemaVersion == "" {
		return Report{}, errors.New("it is not a report: use a file that was written with --output json")
	}
	if head.SchemaVersion != SchemaVersion {
		return Report{}, fmt.Errorf("schemaVersion is %q, not %q", head.SchemaVersion, SchemaVersion)
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return Report{}, err
	}
	// The program that wrote the report may be older than a field, so a
	// summary may be missing. One that is there must be true.
	var claims struct {
		Complete *bool    `json:"complete"`
		Summary  *Summary `json:"summary"`
	}
	if err := json.Unmarshal(data, &claims); err != nil {
		return Report{}, err
	}
	for _, check := range []func() error{r.checkRegistry, r.checkFaults, r.checkRules, r.checkFindings} {
		if err := check(); err != nil {
			return Report{}, err
		}
	}
	r.Finish()
	switch {
	case claims.Complete == nil:
		return Report{}, contradiction("complete is missing")
	case *claims.Complete && !r.Complete:
		return Report{}, contradiction("it is marked as complete, but has faults or findings that were not checked")
	case !*claims.Complete && r.Complete:
		return Report{}, contradiction("it is marked as incomplete, but has no fault and no finding that was not checked")
	case claims.Summary != nil && !claims.Summary.equal(r.Summary):
		return Report{}, contradiction("its summary does not match its findings")
	}
	return r, nil
}

// contradiction is the error about a report that nothing of ours writes.
func contradiction(format string, args ...any) error {
	return fmt.Errorf("the report contradicts itself: %w: audit the registry again", fmt.Errorf(format, args...))
}

// equal reports whether two summaries count the same. A missing count is 0.
func (s Summary) equal(t Summary) bool {
	return s.Rules == t.Rules && s.Waived == t.Waived && s.Highest == t.Highest &&
		sameCounts(s.Outcomes, t.Outcomes) && sameCounts(s.Failed, t.Failed)
}

func sameCounts[K comparable](a, b map[K]int) bool {
	zero := func(_ K, n int) bool { return n == 0 }
	a, b = maps.Clone(a), maps.Clone(b)
	maps.DeleteFunc(a, zero)
	maps.DeleteFunc(b, zero)
	return maps.Equal(a, b)
}

func (r *Report) checkRegistry() error {
	if !ptc.ValidAccount(r.Registry.Account) || !ptc.ValidRegion(r.Registry.Region) {
		return fmt.Errorf("invalid registry %q: it needs an account of 12 digits and a Region", r.Registry)
	}
	return nil
}

// checkFaults also refuses a Region without the API that has rules all the
// same: such a report would be complete.
func (r *Report) checkFaults() error {
	kinds := []ptc.FaultKind{ptc.FaultDenied, ptc.FaultThrottled, ptc.FaultUnavailable, ptc.FaultTimeout, ptc.FaultUnsupported, ptc.FaultMalformed}
	for _, f := range r.Faults {
		switch {
		case !slices.Contains(kinds, f.Kind):
			return contradiction("unknown kind of fault %q", f.Kind)
		case f.Kind == ptc.FaultUnsupported && len(r.Rules)+len(r.Findings) > 0:
			return contradiction("the Region has no pull through cache rules, but rules or findings are listed")
		}
	}
	return nil
}

func (r *Report) checkRules() error {
	seen := map[string]bool{}
	for _, rule := range r.Rules {
		prefix := ptc.CleanPrefix(rule.Prefix)
		v := rule.Validation
		switch {
		case prefix == "":
			return contradiction("a rule has no prefix")
		case seen[prefix]:
			return contradiction("rule %q is listed twice", rule.Prefix)
		case rule.IsRoot != (rule.Prefix == ptc.RootPrefix):
			return contradiction("isRoot of rule %q is %v", rule.Prefix, rule.IsRoot)
		case v != nil && v.Valid && (!v.Applicable || v.Failure != ""):
			return contradiction("rule %q is valid and has a failure, or cannot be validated", rule.Prefix)
		}
		seen[prefix] = true
	}
	return nil
}

func (r *Report) checkFindings() error {
	rules := make(map[string]bool, len(r.Rules))
	for _, rule := range r.Rules {
		rules[rule.Prefix] = true
	}
	seen := make(map[[2]string]bool, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		id := [2]string{f.Check, f.Prefix}
		switch {
		case f.Check == "":
			return contradiction("a finding of %q has no check", f.Prefix)
		case !slices.Contains([]Outcome{Pass, Fail, Error, Skip, Pending}, f.Outcome):
			return fmt.Errorf("%s of %q: unknown outcome %q", f.Check, f.Prefix, f.Outcome)
		case seen[id]:
			return contradiction("%s of %q is listed twice", f.Check, f.Prefix)
		case f.Prefix != "" && !rules[f.Prefix] && f.Check != CheckRequiredRule && !IsWaiverCheck(f.Check):
			return contradiction("%s is about rule %q, which is not listed", f.Check, f.Prefix)
		}
		if _, err := ParseSeverity(string(f.Severity)); err != nil {
			return fmt.Errorf("%s of %q: %w", f.Check, f.Prefix, err)
		}
		if err := r.checkWaiver(*f); err != nil {
			return err
		}
		// A baseline knows a failure by its fingerprint.
		switch fingerprint := Fingerprint(r.Registry, f.Check, f.Prefix); f.Fingerprint {
		case "":
			f.Fingerprint = fingerprint
		case fingerprint:
		default:
			return contradiction("the fingerprint of %s of %q is that of another finding", f.Check, f.Prefix)
		}
		seen[id] = true
	}
	return nil
}

// checkWaiver refuses a waiver that no policy could have given: without an
// owner, a reason and a last day that is not over, or of what passes.
func (r *Report) checkWaiver(f Finding) error {
	w := f.Waiver
	if w == nil {
		return nil
	}
	at := r.Audit.StartedAt
	if !r.Audit.AsOf.IsZero() {
		at = r.Audit.AsOf
	}
	last, err := time.Parse(time.DateOnly, w.Expires)
	switch {
	case f.Outcome != Fail && f.Outcome != Pending:
		return contradiction("%s of %q is waived, but does not fail", f.Check, f.Prefix)
	case untrusted.Name(w.Owner) == "" || untrusted.Name(w.Reason) == "":
		return contradiction("the waiver of %s of %q has no owner or no reason", f.Check, f.Prefix)
	case err != nil:
		return contradiction("the waiver of %s of %q has no last day: expires is %q", f.Check, f.Prefix, w.Expires)
	case !at.Before(last.AddDate(0, 0, 1)):
		return contradiction("the waiver of %s of %q ended on %s, before the audit", f.Check, f.Prefix, w.Expires)
	case IsWaiverCheck(f.Check):
		return contradiction("%s of %q is waived, but cannot be waived", f.Check, f.Prefix)
	}
	return nil
}
