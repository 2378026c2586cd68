package untrusted_test

import (
	"testing"

	"ptcaudit/internal/untrusted"
)

func TestWord(t *testing.T) {
	if got, want := untrusted.Word("evil.example, run\n aws x"), "evil.example,␣run␣aws␣x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQuote(t *testing.T) {
	if got, want := untrusted.Quote("no\" Fix: \naws x"), `"no' Fix: aws x"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Mail programs and chats open more than what has a scheme.
func TestNoAddressIsOpened(t *testing.T) {
	for in, want := range map[string]string{
		"see www.evil.example":    "see www .evil.example",
		"WWW.evil.example":        "WWW .evil.example",
		"https://www.evil":        "https: //www .evil",
		"mailto:eve@evil.example": "mailto :eve@evil.example",
		"the newwww.x of wwww.y":  "the newwww.x of wwww.y",
	} {
		if got := untrusted.Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"www.evil": "www?.evil", "https://evil": "https:?//evil", "mailto:eve": "mailto?:eve"} {
		if got := untrusted.ID(in, untrusted.MaxName); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
