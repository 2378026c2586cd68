package demo

import (
	"strings"
	"testing"
)

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{`aws ecr op --a 'b c' --d "e\"f"`, `\`, `'`, `"" ''`, `a\ b`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, command string) {
		words, err := split(command)
		if err != nil {
			return
		}
		// What is quoted word by word splits into the same words again.
		quoted := make([]string, len(words))
		for i, word := range words {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		again, err := split(strings.Join(quoted, " "))
		if err != nil || strings.Join(again, "\x00") != strings.Join(words, "\x00") {
			t.Errorf("%q: words %q, then %q, error %v", command, words, again, err)
		}
	})
}
