package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"cel.dev/cel-go/cel"

	"ptcaudit/internal/audit"
	"ptcaudit/internal/aws/ecrapi"
	"ptcaudit/internal/config"
	"ptcaudit/internal/ledger"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// audits measures a whole audit of a full registry in which each Validate takes
// 100 ms. The floor is the minimum for any auditor with that concurrency: the
// Validate calls and one measured Describe.
func audits(ctx context.Context) ([]figure, error) {
	const (
		n        = 7
		validate = 100 * time.Millisecond
		width    = 8
	)
	server, err := serve(validate)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	p, err := policy.Load("strict")
	if err != nil {
		return nil, err
	}
	client := ecrapi.New(awsConfig(server.URL), ecrapi.Options{})
	engine := &audit.Engine{ECR: client, Policy: p, Concurrency: width}
	var whole, describe []time.Duration
	for range n {
		began := time.Now()
		if _, err := client.Rules(ctx, registry); err != nil {
			return nil, err
		}
		describe = append(describe, time.Since(began))
		began = time.Now()
		if r := engine.Audit(ctx, registry, nil); !r.Complete || len(r.Rules) != ptc.RuleLimit {
			return nil, fmt.Errorf("unexpected audit: %d rules, faults %v", len(r.Rules), r.Faults)
		}
		whole = append(whole, time.Since(began))
	}
	floor := time.Duration((ptc.RuleLimit+width-1)/width)*validate + median(describe)
	return []figure{{
		what: "audit of 50 rules, 100 ms per Validate, 8 at once", n: n, value: ms(median(whole)),
		baseline: "floor " + ms(floor), ratio: times(float64(median(whole)), float64(floor)), goal: "≤ 1.05 ×",
	}}, nil
}

// engines measures the CPU time of the engine alone, and of one expression compared
// with the same expression in the CEL library.
func engines(ctx context.Context) ([]figure, error) {
	const n = 51
	p, err := policy.Load("strict")
	if err != nil {
		return nil, err
	}
	rules, err := fullRules(ctx)
	if err != nil {
		return nil, err
	}
	engine := &audit.Engine{ECR: facts{rules}, Policy: p}
	server, err := serve(0)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	client := ecrapi.New(awsConfig(server.URL), ecrapi.Options{})

	// One after the other, not alternating, so that neither collects the other's
	// garbage.
	const warm = 5
	var own, calls []time.Duration
	for range n + warm {
		began := processCPU()
		engine.Audit(ctx, registry, nil)
		own = append(own, processCPU()-began)
	}
	for range n + warm {
		began := processCPU()
		for _, rule := range rules {
			if _, err := client.Validate(ctx, registry, rule); err != nil {
				return nil, err
			}
		}
		calls = append(calls, processCPU()-began)
	}
	own, calls = own[warm:], calls[warm:]
	simple, err := evaluations(ctx, rules)
	if err != nil {
		return nil, err
	}
	return []figure{
		{
			what: "CPU of the engine, 50 rules and all checks of strict, warm", n: n, value: ms(median(own)),
			baseline: ms(median(calls)) + " for 50 calls of the AWS client, including the emulator", ratio: times(float64(median(own)), float64(median(calls))), goal: "≤ 0.4 ×",
		},
		simple,
	}, nil
}

// ledgers measures what the ledger adds to an audit without a notification: the
// comparison alone, and with decoding and encoding of the ledger.
func ledgers(ctx context.Context) ([]figure, error) {
	const n, batch = 51, 10
	p, err := policy.Load("strict")
	if err != nil {
		return nil, err
	}
	rules, err := fullRules(ctx)
	if err != nil {
		return nil, err
	}
	r := (&audit.Engine{ECR: facts{rules}, Policy: p}).Audit(ctx, registry, nil)
	options := ledger.Options{Now: r.Audit.FinishedAt, MinSeverity: report.Low, RemindAfter: config.DefaultRemindAfter}
	measure := func(what string) (figure, error) {
		_, known := ledger.Compare(ledger.Ledger{}, r, options)
		kept := known.Encode()
		var alone, whole []time.Duration
		for range n {
			began := time.Now()
			for range batch {
				if s, _ := ledger.Compare(known, r, options); len(s.Statuses()) > 0 {
					return figure{}, fmt.Errorf("the audit has a notification: %v", s.Statuses())
				}
			}
			alone = append(alone, time.Since(began)/batch)
			began = time.Now()
			for range batch {
				before, err := ledger.Decode(kept)
				if err != nil {
					return figure{}, err
				}
				_, after := ledger.Compare(before, r, options)
				after.Encode()
			}
			whole = append(whole, time.Since(began)/batch)
		}
		a, b := median(alone), median(whole)
		return figure{
			what: what, n: n, value: ms(a),
			baseline: fmt.Sprintf("%s including decoding and encoding of the ledger, %d KiB", ms(b), len(kept)>>10),
			ratio:    times(float64(a), float64(b)), goal: "≤ 1 ms",
		}, nil
	}
	usual, err := measure("comparison of 50 rules and all checks of strict with the ledger")
	if err != nil {
		return nil, err
	}
	for i := range r.Findings {
		r.Findings[i].Outcome = report.Fail
	}
	worst, err := measure("the same, if every check of every rule fails")
	return []figure{usual, worst}, err
}

// fullRules returns the rules of a full registry, read through the adapter.
func fullRules(ctx context.Context) ([]ptc.Rule, error) {
	server, err := serve(0)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	return ecrapi.New(awsConfig(server.URL), ecrapi.Options{}).Rules(ctx, registry)
}

// evaluations measures simple evaluations per second on one core.
func evaluations(ctx context.Context, rules []ptc.Rule) (figure, error) {
	const n, batch = 21, 20_000
	env, err := expr.New(map[string]any{"limit": int64(3)})
	if err != nil {
		return figure{}, err
	}
	program, problems := env.Compile(expr.RuleScope, expr.Bool, `rule.credential.account == registry.account`)
	if len(problems) > 0 {
		return figure{}, fmt.Errorf("%v", problems)
	}
	params, err := env.Params(map[string]any{"limit": int64(3)})
	if err != nil {
		return figure{}, err
	}
	snapshot := expr.NewSnapshot(registry, rules, nil, time.Now())

	bare, err := cel.NewEnv(cel.Variable("a", cel.StringType), cel.Variable("b", cel.StringType))
	if err != nil {
		return figure{}, err
	}
	ast, issues := bare.Compile("a == b")
	if issues.Err() != nil {
		return figure{}, issues.Err()
	}
	library, err := bare.Program(ast)
	if err != nil {
		return figure{}, err
	}
	values := map[string]any{"a": registry.Account, "b": registry.Account}

	var ours, theirs []time.Duration
	for range n {
		began := time.Now()
		for i := range batch {
			if _, err := program.Bool(ctx, snapshot, i%len(rules), params); err != nil {
				return figure{}, err
			}
		}
		ours = append(ours, time.Since(began))
		began = time.Now()
		for range batch {
			if _, _, err := library.Eval(values); err != nil {
				return figure{}, err
			}
		}
		theirs = append(theirs, time.Since(began))
	}
	rate := func(d time.Duration) float64 { return batch / d.Seconds() / 1e6 }
	a, b := rate(median(ours)), rate(median(theirs))
	return figure{
		what: "evaluations of a simple check per second, one core", n: n, value: fmt.Sprintf("%.2f million", a),
		baseline: fmt.Sprintf("%.2f million with cel-go alone, comparing two strings", b), ratio: times(a, b), goal: "≥ 1 million",
	}, nil
}

// processCPU returns the CPU time of this process, user and system.
func processCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
