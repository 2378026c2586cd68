// Command bench measures the performance goals of ptcaudit. It prints a table and
// writes it into README.md. Each figure is compared with a baseline of the same
// run, because absolute times depend on the machine. It fails if a figure or a
// baseline cannot be measured, never because of a figure's value. `make bench`
// builds what it needs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
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
	machine := fmt.Sprintf("%s, %d cores, %s, %s/%s. Values are medians; ratios are to the baseline of the same run.",
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
	measured := machine + "\n\n" + out.RenderMarkdown() + "\n"
	fmt.Print(measured)
	return record(readme, measured)
}

// readme is the file that has the table, between two marks.
const readme = "internal/stand/bench/README.md"

var marked = regexp.MustCompile(`(?s)(<!-- bench -->\n).*?(<!-- /bench -->\n)`)

// record replaces what is between the marks of a file.
func record(file, text string) error {
	was, err := os.ReadFile(file) //nolint:gosec // a file of the repository
	if err != nil {
		return err
	}
	at := marked.FindSubmatchIndex(was)
	if at == nil {
		return fmt.Errorf("%s has no place for the table: put it between <!-- bench --> and <!-- /bench -->", file)
	}
	return os.WriteFile(file, slices.Concat(was[:at[3]], []byte(text), was[at[4]:]), 0o644) //nolint:gosec // as before
}

// cpu returns the name of the machine's processor.
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

// median returns the median of durations. It sorts them.
func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// ms formats a duration in milliseconds, with three significant digits.
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

// times formats a ratio.
func times(a, b float64) string { return fmt.Sprintf("%.2f ×", a/b) }
