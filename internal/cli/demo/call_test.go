package demo

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

func TestSplitReadsWordsAsAShellDoes(t *testing.T) {
	for command, want := range map[string][]string{
		`aws ecr describe`:             {"aws", "ecr", "describe"},
		`a  b `:                        {"a", "b"},
		`a '{"b": "c d"}' "e\"f" g\ h`: {"a", `{"b": "c d"}`, `e"f`, "g h"},
		`a '' "" b`:                    {"a", "", "", "b"},
		`--x 'it'\''s'`:                {"--x", "it's"},
		`--p 'a\b'`:                    {"--p", `a\b`},
	} {
		got, err := split(command)
		if err != nil {
			t.Errorf("%s: %v", command, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", command, diff)
		}
	}
	for _, command := range []string{`a 'b`, `a "b`, `a b\`} {
		if got, err := split(command); err == nil {
			t.Errorf("%s gives %q, want an error", command, got)
		}
	}
}

func TestCallRefusesUnknownCommands(t *testing.T) {
	for _, command := range []string{
		"", "aws", "aws ecr", "ls -l x", "aws ecr describe --flag", "aws s3 ls --x y", "aws ecr op -x y",
		"aws ecr op --x file://nosuch", "aws ecr op --x 'y",
	} {
		if _, err := call(t.Context(), aws.Config{}, command, t.TempDir()); err == nil {
			t.Errorf("%q was called", command)
		}
	}
}
