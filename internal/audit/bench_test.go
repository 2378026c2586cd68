package audit_test

import (
	"context"
	"math"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"ptcaudit/internal/audit"
	"ptcaudit/internal/aws/ecrapi"
	"ptcaudit/internal/emulator"
	"ptcaudit/internal/ptc"
)

// full is a registry with as many rules as it can hold, sound ones.
func full() []ptc.Rule {
	out := make([]ptc.Rule, ptc.RuleLimit)
	for i, r := range rules(ptc.RuleLimit) {
		out[i] = ptc.Rule{
			Prefix:        r.EcrRepositoryPrefix,
			Upstream:      ptc.Upstream{Registry: ptc.Azure, URL: r.UpstreamRegistryURL},
			CredentialARN: r.CredentialArn,
			CreatedAt:     midnight,
		}
	}
	return out
}

// sound answers at once that all is well.
func sound(list []ptc.Rule) fake {
	return fake{
		rules: func(context.Context) ([]ptc.Rule, error) { return list, nil },
		verdict: func(context.Context, string) (ptc.Validation, error) {
			return ptc.Validation{Status: ptc.ValidationValid}, nil
		},
	}
}

// BenchmarkEngine is what an audit of a full registry costs without the HTTP
// client: the engine, the shipped checks, the report.
func BenchmarkEngine(b *testing.B) {
	for _, name := range []string{"default", "strict"} {
		b.Run(name, func(b *testing.B) {
			eng := &audit.Engine{ECR: sound(full()), Policy: load(b, name)}
			if r := eng.Audit(b.Context(), registry, nil); !r.Complete || len(r.Rules) != ptc.RuleLimit {
				b.Fatalf("complete %t, %d rules", r.Complete, len(r.Rules))
			}
			b.ReportAllocs()
			for b.Loop() {
				eng.Audit(b.Context(), registry, nil)
			}
		})
	}
}

// BenchmarkSlowECR is an audit of a full registry whose validations take
// 100 ms each. The metric x/floor is its time by the least that eight at once
// can take, and one Describe.
func BenchmarkSlowECR(b *testing.B) {
	const delay = 100 * time.Millisecond
	e := emulate(b, emulator.Registry{Rules: rules(ptc.RuleLimit)}, emulator.Fault{Operation: validate, Delay: emulator.Duration(delay)})
	s := httptest.NewServer(e)
	defer s.Close()
	client := ecrapi.New(config(s.URL), ecrapi.Options{})
	eng := &audit.Engine{ECR: client, Policy: load(b, "default")}
	eng.Audit(b.Context(), registry, nil) // connections

	begun := time.Now()
	if _, err := client.Rules(b.Context(), registry); err != nil {
		b.Fatal(err)
	}
	floor := time.Since(begun) + time.Duration(math.Ceil(float64(ptc.RuleLimit)/audit.DefaultConcurrency))*delay
	for b.Loop() {
		if r := eng.Audit(b.Context(), registry, nil); !r.Complete {
			b.Fatalf("faults: %v", r.Faults)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(floor), "x/floor")
}

// BenchmarkThousandAudits is what a process holds after a thousand audits of a
// full registry: the heap after a collection, and all that is resident. The
// emulator is in the same process.
func BenchmarkThousandAudits(b *testing.B) {
	eng := engine(b, emulate(b, emulator.Registry{Rules: rules(ptc.RuleLimit)}))
	eng.Policy = load(b, "default")
	var early runtime.MemStats
	for b.Loop() {
		for i := range 1000 {
			if r := eng.Audit(b.Context(), registry, nil); !r.Complete {
				b.Fatalf("faults: %v", r.Faults)
			}
			if i == 99 {
				runtime.GC()
				runtime.ReadMemStats(&early)
			}
		}
	}
	var late runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&late)
	b.ReportMetric(float64(early.HeapAlloc)/(1<<20), "MB-heap-at-100")
	b.ReportMetric(float64(late.HeapAlloc)/(1<<20), "MB-heap")
	b.ReportMetric(resident(b), "MB-peak")
}

// resident is the most memory that this process ever held, in MiB.
func resident(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kB, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kB / 1024
		}
	}
	b.Skip("no VmHWM")
	return 0
}

// An audit leaves nothing behind: no goroutine, no timer, no memory.
func TestAuditsLeaveNothingBehind(t *testing.T) {
	eng := &audit.Engine{ECR: sound(full()), Policy: load(t, "testdata/policy.yaml")}
	use := func(n int) (heap uint64, goroutines int) {
		for range n {
			eng.Audit(t.Context(), registry, nil)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	heap, goroutines := use(100)
	laterHeap, laterGoroutines := use(900)
	if laterHeap > heap+1<<20 {
		t.Errorf("900 audits left %d bytes", laterHeap-heap)
	}
	if laterGoroutines > goroutines {
		t.Errorf("900 audits left %d goroutines", laterGoroutines-goroutines)
	}
}
