package cli_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"ptcaudit/internal/cli"
)

// TestEveryCommandHasAnExample of itself in its help.
func TestEveryCommandHasAnExample(t *testing.T) {
	commands := cli.Commands()
	if len(commands) < 18 {
		t.Fatalf("only %d commands: %v", len(commands), commands)
	}
	for _, words := range commands {
		var out, errs bytes.Buffer
		if code := cli.Run(t.Context(), append(slices.Clip(words), "--help"), nil, strings.NewReader(""), &out, &errs); code != cli.ExitOK {
			t.Errorf("%v: exit code %d, %s", words, code, errs.String())
		}
		example := strings.Join(append([]string{"ptcaudit"}, words...), " ")
		found := false
		for line := range strings.Lines(out.String()) {
			found = found || strings.HasPrefix(line, "    ") && strings.Contains(line, example)
		}
		if !found {
			t.Errorf("the help of %q has no example of it:\n%s", example, out.String())
		}
	}
}
