// Command bench measures what ptcaudit promises and prints a table: each figure
// beside a baseline of the same run, since seconds of one machine say little
// about another. It fails when something cannot be measured, a baseline
// included, and never on a figure. `make bench` builds what it needs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// figure is one row of the table.
type figure struct {
	what     string
	n        int
	value    string
	baseline string
	ratio    string
	goal     string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	fmt.Printf("%s, %d cores, %s, %s/%s. Medians; a ratio is to the baseline of the same run.\n\n",
		cpu(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	out := table.NewWriter()
	out.SetStyle(table.StyleDefault)
	out.AppendHeader(table.Row{"What", "n", "Measured", "Baseline", "Ratio", "Goal"})
	for _, measure := range []func(context.Context) ([]figure, error){audits, engines, ledgers, bursts, calls, starts, memory, packages, custodian} {
		figures, err := measure(ctx)
		if err != nil {
			return err
		}
		for _, f := range figures {
			fmt.Fprintf(os.Stderr, "%s: %s\n", f.what, f.value)
			out.AppendRow(table.Row{f.what, f.n, f.value, f.baseline, f.ratio, f.goal})
		}
	}
	fmt.Println(out.RenderMarkdown())
	return nil
}

// cpu is the name of the machine's processor.
func cpu() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "unknown processor"
}

// median of some durations; it sorts them.
func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// ms writes a duration in milliseconds, with as many digits as mean something.
func ms(d time.Duration) string {
	switch v := float64(d) / float64(time.Millisecond); {
	case v >= 100:
		return fmt.Sprintf("%.0f ms", v)
	case v >= 10:
		return fmt.Sprintf("%.1f ms", v)
	default:
		return fmt.Sprintf("%.2f ms", v)
	}
}

// times writes a ratio.
func times(a, b float64) string { return fmt.Sprintf("%.2f ×", a/b) }
