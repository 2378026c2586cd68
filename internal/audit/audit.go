// Package audit is the engine: it lists the rules of one registry, has ECR
// validate each, evaluates the policy, and writes down what came of it. It
// decides nothing about delivery, reads no event and prints nothing. It never
// reaches the AWS SDK: whoever builds an Engine brings the ECR that it asks.
package audit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// DefaultConcurrency is how many validations are under way at once where an
// Engine does not say. AWS publishes no limit for the call:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
const DefaultConcurrency = 8

// grace is what an evaluation may still take once the audit's own time is over.
// A policy needs milliseconds. Whoever sets an audit's deadline leaves more than
// this between it and the end of everything.
const grace = time.Second

// ECR is what an audit asks of Amazon ECR. package ecrapi has the real one.
type ECR interface {
	// Rules lists the rules of a registry, all or none.
	Rules(ctx context.Context, reg ptc.Registry) ([]ptc.Rule, error)
	// Validate gives ECR's verdict on one of them. Its error is
	// ptc.ErrRuleNotFound where the rule is gone.
	Validate(ctx context.Context, reg ptc.Registry, rule ptc.Rule) (ptc.Validation, error)
}

// Policy is what an audit needs of a *policy.Policy.
type Policy interface {
	Ref() report.Policy
	Evaluate(ctx context.Context, in policy.Input) []report.Finding
}

// Engine audits registries. It keeps nothing between audits, and may run
// several at once.
type Engine struct {
	ECR    ECR
	Policy Policy
	// Concurrency bounds the validations under way in one audit; zero means
	// DefaultConcurrency.
	Concurrency int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// NewID names an audit; nil means a random name.
	NewID func() string
	// Version is that of the tool.
	Version string
	// Progress is told how many of an audit's rules ECR has validated: first
	// that none is, then each time that one more is, never twice at once. It
	// may be nil.
	Progress func(done, all int)
	// Log may be nil. What comes from outside is never logged, but for the
	// codes and request ids of faults.
	Log *slog.Logger
}

// Audit establishes what there is to know of a registry. It never fails: what
// it could not establish stands in the report as faults, and as findings with
// outcome error. When ctx ends it reports what is known by then.
func (e *Engine) Audit(ctx context.Context, reg ptc.Registry, triggers []report.Trigger) report.Report {
	r := report.Report{
		Audit:    report.Audit{ID: e.newID(), StartedAt: e.now(), Version: e.Version},
		Registry: reg,
		Policy:   e.Policy.Ref(),
		Triggers: slices.Clone(triggers),
	}
	rules, err := e.ECR.Rules(ctx, reg)
	if err != nil {
		r.Faults = []ptc.Fault{faultOf(err, "list rules", "")}
	} else {
		rules, verdicts, faults := e.validate(ctx, reg, rules)
		r.Faults = faults
		for _, rule := range rules {
			r.Rules = append(r.Rules, report.NewRule(rule, verdicts[rule.Prefix]))
		}
		r.Findings = e.evaluate(ctx, policy.Input{
			Registry:    reg,
			Rules:       rules,
			Validations: verdicts,
			Now:         r.Audit.StartedAt,
		})
	}
	r.Audit.FinishedAt = e.now()
	r.Finish()
	e.log(ctx, r)
	return r
}

// validate asks ECR about every rule, several at a time. It gives the rules
// that were still there, sorted by prefix, ECR's verdicts by prefix, and a
// fault for every rule that has none.
func (e *Engine) validate(ctx context.Context, reg ptc.Registry, rules []ptc.Rule) ([]ptc.Rule, map[string]ptc.Validation, []ptc.Fault) {
	rules = slices.Clone(rules)
	slices.SortStableFunc(rules, func(a, b ptc.Rule) int { return cmp.Compare(a.Prefix, b.Prefix) })

	verdicts := make([]ptc.Validation, len(rules))
	errs := make([]error, len(rules))
	advance := e.counter(len(rules))
	// One failing keeps none of the others from being asked: the group is
	// there for its limit.
	var group errgroup.Group
	group.SetLimit(cmp.Or(e.Concurrency, DefaultConcurrency))
	for i, rule := range rules {
		group.Go(func() error {
			verdicts[i], errs[i] = e.ECR.Validate(ctx, reg, rule)
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
			// Deleted since it was listed: it is no rule of this registry.
			continue
		case err != nil:
			faults = append(faults, faultOf(err, "validate rule", rule.Prefix))
		default:
			known[rule.Prefix] = verdicts[i]
		}
		present = append(present, rule)
	}
	return present, known, faults
}

// counter tells of progress, once and then each time that what it gives is
// called.
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

// evaluate applies the policy. The end of ctx does not lose what ECR has
// already said: it leaves the evaluation a little time of its own.
func (e *Engine) evaluate(ctx context.Context, in policy.Input) []report.Finding {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	return e.Policy.Evaluate(own, in)
}

// faultOf is the fault that an error of ECR is, or hides.
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

// log says that an audit ended and where it fell short.
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
		"failed", r.Summary.Outcomes[report.Fail], "undecided", r.Summary.Outcomes[report.Error],
		"duration_ms", r.Audit.FinishedAt.Sub(r.Audit.StartedAt).Milliseconds())
}
