// Package audit is the engine: it lists the rules of one registry, lets ECR
// validate each, evaluates the policy, and makes a report. It decides nothing
// about delivery, reads no event and prints nothing. It does not import the AWS
// SDK: the Engine's ECR is an interface.
package audit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// DefaultConcurrency is how many validations run at once if Engine.Concurrency is
// zero. AWS publishes no limit for the call:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
const DefaultConcurrency = 8

// grace is how long an evaluation may continue after the audit's deadline. A
// policy needs milliseconds. The caller must leave more than this between the
// deadline and the end of its own time.
const grace = time.Second

// ECR is what an audit needs from Amazon ECR. Package ecrapi implements it.
type ECR interface {
	// Rules lists all rules of a registry, or gives an error.
	Rules(ctx context.Context, reg ptc.Registry) ([]ptc.Rule, error)
	// Validate gives ECR's result for one of them. Its error is
	// ptc.ErrRuleNotFound if the rule was deleted.
	Validate(ctx context.Context, reg ptc.Registry, rule ptc.Rule) (ptc.Validation, error)
}

// Policy is what an audit needs of a *policy.Policy.
type Policy interface {
	Ref() report.Policy
	Evaluate(ctx context.Context, in policy.Input) []report.Finding
}

// Engine audits registries. It keeps nothing between audits. Safe for concurrent
// use.
type Engine struct {
	ECR    ECR
	Policy Policy
	// Concurrency limits the validations that one audit runs at once. Zero means
	// DefaultConcurrency.
	Concurrency int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// NewID names an audit; nil means a random name.
	NewID func() string
	// Version is the version of the tool.
	Version string
	// Progress receives how many of an audit's rules ECR has validated: first 0,
	// then each next number. It is never called concurrently, and may be nil.
	Progress func(done, all int)
	// Log may be nil. Of text from outside, only codes and request ids of faults
	// are logged.
	Log *slog.Logger
}

// Audit checks a registry and reports the result. It never fails: what it could
// not check is in the report, as faults and as findings with outcome error. If
// ctx ends, it reports what is known by then.
func (e *Engine) Audit(ctx context.Context, reg ptc.Registry, triggers []report.Trigger) report.Report {
	r := report.Report{
		Audit:    report.Audit{ID: e.newID(), StartedAt: e.now(), Version: e.Version},
		Registry: reg,
		Policy:   e.Policy.Ref(),
		Triggers: slices.Clone(triggers),
	}
	var rules []ptc.Rule
	err := e.safely(ctx, "list rules", "", func() (err error) {
		rules, err = e.ECR.Rules(ctx, reg)
		return err
	})
	if err != nil {
		r.Faults = []ptc.Fault{faultOf(err, "list rules", "")}
	} else {
		rules, results, faults := e.validate(ctx, reg, rules)
		r.Faults = faults
		for _, rule := range rules {
			r.Rules = append(r.Rules, report.NewRule(rule, results[rule.Prefix]))
		}
		err := e.safely(ctx, "evaluate policy", "", func() error {
			r.Findings = e.evaluate(ctx, policy.Input{
				Registry:    reg,
				Rules:       rules,
				Validations: results,
				Now:         r.Audit.StartedAt,
			})
			return nil
		})
		if err != nil {
			r.Faults = append(r.Faults, faultOf(err, "evaluate policy", ""))
		}
	}
	r.Audit.FinishedAt = e.now()
	r.Finish()
	e.log(ctx, r)
	return r
}

// validate lets ECR validate every rule, several at once. It gives the rules that
// still exist, sorted by prefix, ECR's results by prefix, and a fault for every
// rule without a result.
func (e *Engine) validate(ctx context.Context, reg ptc.Registry, rules []ptc.Rule) ([]ptc.Rule, map[string]ptc.Validation, []ptc.Fault) {
	rules = slices.Clone(rules)
	slices.SortStableFunc(rules, func(a, b ptc.Rule) int { return cmp.Compare(a.Prefix, b.Prefix) })

	results := make([]ptc.Validation, len(rules))
	errs := make([]error, len(rules))
	advance := e.counter(len(rules))
	// The group is used for its limit only. An error of one rule does not stop
	// the others.
	var group errgroup.Group
	group.SetLimit(cmp.Or(e.Concurrency, DefaultConcurrency))
	for i, rule := range rules {
		group.Go(func() error {
			errs[i] = e.safely(ctx, "validate rule", rule.Prefix, func() (err error) {
				results[i], err = e.ECR.Validate(ctx, reg, rule)
				return err
			})
			advance()
			return nil
		})
	}
	_ = group.Wait()

	var (
		present []ptc.Rule
		known   = make(map[string]ptc.Validation, len(rules))
		faults  []ptc.Fault
	)
	for i, rule := range rules {
		switch err := errs[i]; {
		case errors.Is(err, ptc.ErrRuleNotFound):
			// It was deleted since it was listed.
			continue
		case err != nil:
			faults = append(faults, faultOf(err, "validate rule", rule.Prefix))
		default:
			known[rule.Prefix] = results[i]
		}
		present = append(present, rule)
	}
	return present, known, faults
}

// counter reports progress at once, and again on each call of advance.
func (e *Engine) counter(all int) (advance func()) {
	if e.Progress == nil {
		return func() {}
	}
	var mu sync.Mutex
	done := 0
	e.Progress(done, all)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		e.Progress(done, all)
	}
}

// evaluate applies the policy. After the end of ctx the evaluation still has its
// grace, so that the results that ECR has given are not lost.
func (e *Engine) evaluate(ctx context.Context, in policy.Input) []report.Finding {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	return e.Policy.Evaluate(own, in)
}

// safely turns a panic into a fault of the audit: an answer that breaks a
// library must not keep the rest from being checked, nor the fault from being
// reported. The stack goes to the log; a panic's own text may quote the answer.
func (e *Engine) safely(ctx context.Context, operation, prefix string, do func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if e.Log != nil {
			e.Log.ErrorContext(ctx, "panic", "operation", operation, "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		}
		err = &ptc.Fault{
			Operation: operation,
			Prefix:    prefix,
			Kind:      ptc.FaultMalformed,
			Message:   "an answer could not be processed (internal error): the log has the details",
		}
	}()
	return do()
}

// faultOf is the fault that an error of ECR has, or a new one.
func faultOf(err error, operation, prefix string) ptc.Fault {
	if f, ok := errors.AsType[*ptc.Fault](err); ok {
		return *f
	}
	return ptc.Fault{Operation: operation, Prefix: prefix, Kind: ptc.FaultUnavailable, Message: err.Error(), Retryable: true}
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now().UTC()
	}
	return time.Now().UTC()
}

func (e *Engine) newID() string {
	if e.NewID != nil {
		return e.NewID()
	}
	return rand.Text()
}

// log logs that an audit ended, and its faults.
func (e *Engine) log(ctx context.Context, r report.Report) {
	if e.Log == nil {
		return
	}
	log := e.Log.With("audit_id", r.Audit.ID, "account", r.Registry.Account, "region", r.Registry.Region)
	for _, f := range r.Faults {
		log.WarnContext(ctx, "fault", "operation", f.Operation, "prefix", f.Prefix, "kind", f.Kind, "code", f.Code,
			"request_id", f.RequestID, "retryable", f.Retryable)
	}
	log.InfoContext(ctx, "audit finished", "complete", r.Complete, "rules", len(r.Rules), "faults", len(r.Faults),
		"failed", r.Summary.Outcomes[report.Fail], "not_checked", r.Summary.Outcomes[report.Error],
		"duration_ms", r.Audit.FinishedAt.Sub(r.Audit.StartedAt).Milliseconds())
}
