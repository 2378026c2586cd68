package ptc_test

import (
	"testing"

	"ptcaudit/internal/ptc"
)

func TestRedactURL(t *testing.T) {
	for in, want := range map[string]string{
		"s3://bucket/prefix":             "s3://bucket/prefix",
		"file:///a/folder":               "file:///a/folder",
		"/a/folder":                      "/a/folder",
		"s3://user:canary@bucket":        "s3://…",
		"https://user:ca/nary@host/path": "https://…",
		"s3://user:canary%40bucket":      "s3://…",
		"s3://bucket?token=canary":       "s3://…",
		"s3://bucket#canary":             "s3://…",
		"s3://user:canary":               "s3://…",
		"user:canary@bucket":             "…",
		"":                               "",
	} {
		if got := ptc.RedactURL(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
