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

// counts are the figures of one test, by name.
type counts map[string]int

// counted runs a test and returns the counts of its subtests, by name. Counts are
// the same on every machine, so the test itself fails if one exceeds its goal.
func counted(ctx context.Context, pkg, test string) (map[string]counts, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-run", "^"+test+"$", pkg) //nolint:gosec // names are constants of this package
	cmd.Env = append(os.Environ(), "REQUIRE_TOOLS=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	// A test that fails still has counts.
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
		return nil, fmt.Errorf("%s has no counts: %w\n%s%s", test, failed, printed, stderr.String())
	}
	return found, nil
}

// bursts counts the audits and notifications after a thousand changes of one
// registry, in virtual time. It returns the worst of several rates of change.
func bursts(ctx context.Context) ([]figure, error) {
	const without = "without_a_ledger"
	found, err := counted(ctx, "./internal/handler", "TestBurst")
	if err != nil {
		return nil, err
	}
	baseline := found[without]
	delete(found, without)
	if baseline["audits"] == 0 || len(found) == 0 {
		return nil, fmt.Errorf("unexpected counts of the burst: %v and %v", found, baseline)
	}
	worst := counts{}
	for _, burst := range found {
		for key, n := range burst {
			worst[key] = max(worst[key], n)
		}
	}
	return []figure{{
		what: "burst of 1,000 changes in one registry, virtual time, worst case", n: len(found), value: worst.burst(),
		baseline: "without a ledger " + baseline.burst(),
		ratio:    times(float64(worst["audits"]), float64(baseline["audits"])) + "; " + times(float64(worst["messages"]), float64(baseline["messages"])),
		goal:     "≤ 10 audits, ≤ 3 notifications",
	}}, nil
}

func (c counts) burst() string {
	return fmt.Sprintf("%d audits, %d notifications", c["audits"], c["messages"])
}

// calls counts the S3 calls of an audit without a notification.
func calls(ctx context.Context) ([]figure, error) {
	found, err := counted(ctx, "./internal/stand/bench", "TestCallsToS3")
	if err != nil {
		return nil, err
	}
	silent, notified := max(found["by_schedule"]["calls"], found["by_a_change"]["calls"]), found["with_a_notification"]["calls"]
	if silent == 0 || notified == 0 {
		return nil, fmt.Errorf("unexpected counts of calls: %v", found)
	}
	return []figure{{
		what: "S3 calls of an audit without a notification", n: len(found), value: strconv.Itoa(silent),
		baseline: fmt.Sprintf("%d with a notification", notified), ratio: times(float64(silent), float64(notified)), goal: "≤ 3",
	}}, nil
}
