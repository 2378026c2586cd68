package suggest_test

import (
	"testing"

	"ptcaudit/internal/suggest"
)

func TestHint(t *testing.T) {
	choices := []string{"match", "message", "messageExpression", "id", "why"}
	for word, want := range map[string]string{
		"macth":             "match",
		"Message":           "message",
		"mesageexpresion":   "messageExpression",
		"message-exprssion": "messageExpression",
		"ids":               "id",
		"severity":          "",
		"x":                 "",
		"":                  "",
	} {
		if want != "" {
			want = ", did you mean " + want + "?"
		}
		if got := suggest.Hint(word, choices); got != want {
			t.Errorf("Hint(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	choices := []string{"PTCAUDIT_TOPIC", "PTCAUDIT_TOPIC_RECORDS", "PTCAUDIT_POLICY"}
	for word, want := range map[string]string{
		"PTCAUDIT_TOPIK":    "PTCAUDIT_TOPIC",
		"ptcaudit_topic_re": "PTCAUDIT_TOPIC_RECORDS",
		"PTCAUDIT_POL":      "PTCAUDIT_POLICY",
	} {
		if got := suggest.Nearest(word, choices); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestOneOf(t *testing.T) {
	for want, choices := range map[string][]string{
		"":          nil,
		"a":         {"a"},
		"a or b":    {"a", "b"},
		"a, b or c": {"a", "b", "c"},
	} {
		if got := suggest.OneOf(choices); got != want {
			t.Errorf("OneOf(%q) = %q, want %q", choices, got, want)
		}
	}
}
