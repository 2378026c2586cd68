package samples

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/report"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Golden compares what is written of each sample with testdata/NAME.EXTENSION.
// -update rewrites these files.
func Golden(t *testing.T, extension string, render func(t *testing.T, r report.Report) []byte) {
	t.Helper()
	for name, r := range All() {
		t.Run(name, func(t *testing.T) {
			got := render(t, r)
			file := filepath.Join("testdata", name+"."+extension)
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file) //nolint:gosec // of the package under test
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("output differs (-want +got); -update rewrites it:\n%s", diff)
			}
		})
	}
}
