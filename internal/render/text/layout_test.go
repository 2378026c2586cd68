package text_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/render/text"
)

// TestWrapMailBreaksSentencesAndKeepsCommandsWhole at the given width.
func TestWrapMailBreaksSentencesAndKeepsCommandsWhole(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"short", "  LOW   quay  known\n", "  LOW   quay  known\n"},
		{"sentence", "    One two three four five.\n", "    One two three\n      four five.\n"},
		{"aligned words", "  LOW   quay: one two three.\n", "  LOW   quay: one\n    two three.\n"},
		{"at the margin", "One two three four five six.\n", "One two three four\n  five six.\n"},
		{"long word", "  See what arn:aws:iam::111122223333:role/Admin does.\n", "  See what\n    arn:aws:iam::111122223333:role/Admin\n    does.\n"},
		{"command", "      aws ecr delete-pull-through-cache-rule\n", "      aws ecr delete-pull-through-cache-rule\n"},
		{"command of two lines", "  aws ecr validate-it \\\n  --ecr-repository-prefix quay\n  One two three four.\n", "  aws ecr validate-it \\\n  --ecr-repository-prefix quay\n  One two three\n    four.\n"},
		{"reference", "    See https://docs.aws.amazon.com/\n", "    See https://docs.aws.amazon.com/\n"},
		{"no reference", "    See whether it is there.\n", "    See whether it\n      is there.\n"},
		{"evidence", "Evidence: s3://bucket/with/a/long/key\n", "Evidence: s3://bucket/with/a/long/key\n"},
		{"accents", "\u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9\n", "\u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9 \u00e9\u00e9\u00e9\u00e9\n"},
		{"nothing", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, text.WrapMail(tc.text, 19)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
