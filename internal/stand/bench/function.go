package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// bootstrap is the function, built by `make bench` for this machine.
const bootstrap = "dist/audit/bootstrap"

// compile builds a package with the flags of the function, and returns the file.
func compile(ctx context.Context, dir, pkg, arch string) (string, error) {
	out := filepath.Join(dir, filepath.Base(pkg)+"-"+arch)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", out, pkg) //nolint:gosec // packages named in this file
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

// starts measures the time from the start of the process to its request for the
// first event. It compares the function with an empty one and with one that only
// creates AWS clients, and measures what the two stores add.
func starts(ctx context.Context) ([]figure, error) {
	const n = 41
	dir, err := os.MkdirTemp("", "ptcaudit-bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	empty, err := compile(ctx, dir, "./internal/stand/bench/empty", runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	clients, err := compile(ctx, dir, "./internal/stand/bench/clients", runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	programs := []struct {
		file string
		env  []string
	}{
		{empty, nil},
		{clients, nil},
		{bootstrap, nil},
		{bootstrap, []string{"PTCAUDIT_STATE=s3://ptcaudit-state", "PTCAUDIT_EVIDENCE=s3://ptcaudit-evidence"}},
	}
	took := make([][]time.Duration, len(programs))
	for range n { // alternating, so that a disturbance affects all of them
		for i, program := range programs {
			f, err := start(ctx, program.file, program.env...)
			if err != nil {
				return nil, err
			}
			f.stop()
			took[i] = append(took[i], f.startup)
		}
	}
	var added []time.Duration
	for i, with := range took[3] {
		added = append(added, with-took[2][i])
	}
	nothing, sdk, without, ours := median(took[0]), median(took[1]), median(took[2]), median(took[3])
	return []figure{
		{
			what: "start of the process until ready: policy strict, clients and stores", n: n, value: ms(ours),
			baseline: fmt.Sprintf("empty function %s; only AWS clients %s", ms(nothing), ms(sdk)),
			ratio:    fmt.Sprintf("%s; %s", times(float64(ours), float64(nothing)), times(float64(ours), float64(sdk))), goal: "≤ 6 × the empty function",
		},
		{
			what: "part of that for state and evidence in S3", n: n, value: ms(median(added)),
			baseline: "without them " + ms(without), ratio: times(float64(ours), float64(without)), goal: "≤ 3 ms",
		},
	}, nil
}

// memory measures the resident memory after many audits of a full registry.
func memory(ctx context.Context) ([]figure, error) {
	const n, early = 1000, 100
	server, err := serve(0)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	// The only finding, a full registry, is below the minimum severity, so
	// nothing is published.
	f, err := start(ctx, bootstrap, "AWS_ENDPOINT_URL="+server.URL, "PTCAUDIT_POLICY=default", "PTCAUDIT_MIN_SEVERITY=medium", "PTCAUDIT_LOG_LEVEL=error")
	if err != nil {
		return nil, err
	}
	defer f.stop()
	var first, last int
	for i := range n {
		if _, err := f.invoke(`{"schema":"ptcaudit/request/v1","account":"111122223333","region":"eu-west-1","reason":"schedule"}`); err != nil {
			return nil, fmt.Errorf("audit %d: %w", i, err)
		}
		if i == early-1 {
			if first, err = f.resident(); err != nil {
				return nil, err
			}
		}
	}
	if last, err = f.resident(); err != nil {
		return nil, err
	}
	return []figure{{
		what: "resident memory after 1,000 audits of 50 rules", n: n, value: mib(last),
		baseline: fmt.Sprintf("%s after %d", mib(first), early), ratio: times(float64(last), float64(first)), goal: "≤ 64 MiB, flat",
	}}, nil
}

// packages measures the size of the function's package.
func packages(ctx context.Context) ([]figure, error) {
	dir, err := os.MkdirTemp("", "ptcaudit-bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var figures []figure
	for _, arch := range []string{"arm64", "amd64"} {
		sizes := map[string]int{}
		for _, pkg := range []string{"./functions/audit", "./internal/stand/bench/empty"} {
			file, err := compile(ctx, dir, pkg, arch)
			if err != nil {
				return nil, err
			}
			if sizes[pkg], err = zipped(file); err != nil {
				return nil, err
			}
		}
		ours, nothing := sizes["./functions/audit"], sizes["./internal/stand/bench/empty"]
		figures = append(figures, figure{
			what: "deployment package, " + arch + ", zipped", n: 1, value: mib(ours),
			baseline: "empty function " + mib(nothing), ratio: times(float64(ours), float64(nothing)), goal: "≤ 8 MB",
		})
	}
	return figures, nil
}

// zipped returns the size of a file in a zip archive, in bytes.
func zipped(file string) (int, error) {
	data, err := os.ReadFile(file) //nolint:gosec // a file of this program
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	w, err := archive.Create("bootstrap")
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(data); err != nil {
		return 0, err
	}
	if err := archive.Close(); err != nil {
		return 0, err
	}
	return out.Len(), nil
}

// mib formats a size in mebibytes.
func mib(size int) string { return fmt.Sprintf("%.1f MiB", float64(size)/(1<<20)) }
