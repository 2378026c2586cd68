package policies_test

import (
	"path/filepath"
	"testing"

	"ptcaudit/internal/policy/policytest"
)

// TestPolicies runs the policy tests that stand beside the policies.
func TestPolicies(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*_test.yaml", "testdata/*_test.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) { runTests(t, file) })
	}
}

func runTests(t *testing.T, file string) {
	t.Helper()
	results, err := policytest.Run(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		t.Run(r.Name, func(t *testing.T) {
			for _, d := range r.Differences {
				t.Error(d)
			}
		})
	}
}
