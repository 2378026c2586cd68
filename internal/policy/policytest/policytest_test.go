package policytest_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/policy"
	"ptcaudit/internal/policy/policytest"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares with a file, or rewrites it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func TestRun(t *testing.T) {
	results, err := policytest.Run(t.Context(), "testdata/good_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 4 {
		t.Errorf("%d tests ran, want 4", len(results))
	}
	for _, r := range results {
		if !r.Passed() || r.String() != "ok    "+r.Name+"\n" {
			t.Error(r)
		}
	}
}

func TestRunReportsDifferences(t *testing.T) {
	t.Chdir("testdata")
	results, err := policytest.Run(t.Context(), "differs_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for _, r := range results {
		got += r.String()
	}
	golden(t, "differs.golden", got)
}

func TestRunReportsEveryFault(t *testing.T) {
	t.Chdir("testdata")
	_, err := policytest.Run(t.Context(), "bad_test.yaml")
	faults, ok := err.(policy.Errors) //nolint:errorlint // the type is promised
	if !ok {
		t.Fatalf("error is a %T", err)
	}
	golden(t, "bad.golden", faults.Excerpt())
}

func TestRunOfFilesThatCannotRun(t *testing.T) {
	t.Chdir("testdata")
	for path, want := range map[string]string{
		"nope_test.yaml":   "nope_test.yaml: cannot read the file: no such file or directory",
		".":                ".: cannot read the file: is a directory",
		"broken_test.yaml": "broken.yaml:3:15: unknown check x: a new check needs title, assert\nbroken_test.yaml:3:100: unknown key more",
		"policy.yaml":      "policy.yaml:1:1: a test file needs policy, tests",
	} {
		_, err := policytest.Run(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run(%s) = %v, want %s", path, err, want)
		}
	}
}

func FuzzRun(f *testing.F) {
	for _, name := range []string{"good", "differs", "bad"} {
		data, err := os.ReadFile("testdata/" + name + "_test.yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.ReplaceAll(data, []byte("policy: policy.yaml"), []byte("policy: default")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("dev")) {
			t.Skip("a device can block") // policy: /dev/tty
		}
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		results, err := policytest.Run(t.Context(), path)
		if err != nil && results != nil {
			t.Errorf("results %v with the error %v", results, err)
		}
		if err == nil && len(results) == 0 {
			t.Error("no results, and no fault")
		}
		for _, r := range results {
			if r.Passed() == strings.HasPrefix(r.String(), "FAIL") {
				t.Errorf("Passed is %t, String is %q", r.Passed(), r)
			}
		}
	})
}
