package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strconv"
)

// counts are the figures of one test, by the names that it gives them.
type counts map[string]int

// counted runs a test of ours and gives what its subtests count, by name. What
// is counted rather than timed is the same on every machine: a test keeps it
// within its goal, and this program only prints it.
func counted(ctx context.Context, pkg, test string) (map[string]counts, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-run", "^"+test+"$", pkg) //nolint:gosec // tests that stand in this package
	cmd.Env = append(os.Environ(), "REQUIRE_TOOLS=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	// A test that fails has counted all the same.
	out, failed := cmd.Output()
	found, printed := map[string]counts{}, ""
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var event struct{ Action, Test, Key, Value, Output string }
		if err := dec.Decode(&event); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", test, err, stderr.String())
		}
		printed += event.Output
		if event.Action != "attr" {
			continue
		}
		n, err := strconv.Atoi(event.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", event.Test, event.Key, err)
		}
		name := path.Base(event.Test)
		if found[name] == nil {
			found[name] = counts{}
		}
		found[name][event.Key] = n
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s counts nothing: %w\n%s%s", test, failed, printed, stderr.String())
	}
	return found, nil
}

// bursts counts what a thousand changes of one registry lead to, in virtual
// time, at worst of several speeds at which they come.
func bursts(ctx context.Context) ([]figure, error) {
	const without = "without_a_ledger"
	found, err := counted(ctx, "./internal/handler", "TestBurst")
	if err != nil {
		return nil, err
	}
	baseline := found[without]
	delete(found, without)
	if baseline["audits"] == 0 || len(found) == 0 {
		return nil, fmt.Errorf("the burst is not what is to be measured: %v and %v", found, baseline)
	}
	worst := counts{}
	for _, burst := range found {
		for key, n := range burst {
			worst[key] = max(worst[key], n)
		}
	}
	return []figure{{
		what: "burst of 1,000 changes of one registry, virtual time, worst", n: len(found), value: worst.burst(),
		baseline: "without a ledger " + baseline.burst(),
		ratio:    times(float64(worst["audits"]), float64(baseline["audits"])) + "; " + times(float64(worst["messages"]), float64(baseline["messages"])),
		goal:     "≤ 10 audits, ≤ 3 messages",
	}}, nil
}

func (c counts) burst() string {
	return fmt.Sprintf("%d audits, %d messages", c["audits"], c["messages"])
}

// calls counts what a silent audit asks of S3.
func calls(ctx context.Context) ([]figure, error) {
	found, err := counted(ctx, "./internal/stand/bench", "TestCallsToS3")
	if err != nil {
		return nil, err
	}
	silent, speaks := max(found["by_schedule"]["calls"], found["by_a_change"]["calls"]), found["that_speaks"]["calls"]
	if silent == 0 || speaks == 0 {
		return nil, fmt.Errorf("the calls are not what is to be counted: %v", found)
	}
	return []figure{{
		what: "calls to S3 of a silent audit, by schedule or by a change", n: len(found), value: strconv.Itoa(silent),
		baseline: fmt.Sprintf("%d of one that speaks", speaks), ratio: times(float64(silent), float64(speaks)), goal: "≤ 3",
	}}, nil
}
