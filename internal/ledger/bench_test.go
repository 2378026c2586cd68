package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ptcaudit/internal/ledger"
	"ptcaudit/internal/policy"
	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// full is a report on as many rules as a registry can hold, by the checks of a
// shipped policy.
func full(b *testing.B, name string) report.Report {
	b.Helper()
	p, err := policy.Load(name)
	if err != nil {
		b.Fatal(err)
	}
	in := policy.Input{Registry: registry, Validations: map[string]ptc.Validation{}, Now: start}
	r := report.Report{Audit: report.Audit{ID: "audit", StartedAt: start}, Registry: registry}
	for i := range ptc.RuleLimit {
		rule := ptc.Rule{
			Prefix:        fmt.Sprintf("team-%02d/hub", i),
			Upstream:      ptc.Upstream{Registry: ptc.Azure, URL: fmt.Sprintf("registry%02d.azurecr.io", i)},
			CredentialARN: fmt.Sprintf("arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/team-%02d-AbCdEf", i),
			CreatedAt:     start.Add(-day),
		}
		v := ptc.Validation{Status: ptc.ValidationValid}
		in.Rules, in.Validations[rule.Prefix] = append(in.Rules, rule), v
		r.Rules = append(r.Rules, report.NewRule(rule, v))
	}
	r.Findings = p.Evaluate(context.Background(), in)
	r.Finish()
	return r
}

// BenchmarkCompare is what the ledger adds to an audit of a full registry by
// all shipped checks: the comparison alone, and with the ledger read and
// written. In "sound" two rules fail, in "broken" everything does.
func BenchmarkCompare(b *testing.B) {
	for name, broken := range map[string]func(i int) bool{
		"sound":  func(i int) bool { return i%500 == 7 },
		"broken": func(int) bool { return true },
	} {
		r := full(b, "strict")
		for i := range r.Findings {
			r.Findings[i].Outcome, r.Findings[i].Message, r.Findings[i].Remediation = report.Pass, "", ""
			if broken(i) {
				r.Findings[i].Outcome, r.Findings[i].Message = report.Fail, "It fails."
			}
		}
		o := ledger.Options{Now: start.Add(time.Minute), MinSeverity: report.Low, RemindAfter: week}
		_, l := ledger.Compare(ledger.Ledger{}, r, o)
		kept := l.Encode()
		b.Run(name+"/alone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s, _ := ledger.Compare(l, r, o); len(s.Statuses()) > 0 {
					b.Fatalf("notified %v", s.Statuses())
				}
			}
			b.ReportMetric(float64(len(r.Findings)), "findings")
		})
		b.Run(name+"/with decode and encode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l, err := ledger.Decode(kept)
				if err != nil {
					b.Fatal(err)
				}
				_, next := ledger.Compare(l, r, o)
				next.Encode()
			}
			b.ReportMetric(float64(len(kept)), "bytes")
		})
	}
}
