package samples

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/report"
)

// Golden compares what is written of each sample with testdata/NAME.EXTENSION.
// The caller's flag -update rewrites these files. The hostile sample has no
// file, since no one reads a hundred pages of attacks: see Harmless.
func Golden(t *testing.T, update bool, extension string, render func(t *testing.T, r report.Report) []byte) {
	t.Helper()
	for name, r := range All() {
		t.Run(name, func(t *testing.T) {
			got := render(t, r)
			if name == "hostile" {
				Harmless(t, got)
				return
			}
			file := filepath.Join("testdata", name+"."+extension)
			if update {
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
