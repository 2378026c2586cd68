package ptc

import "strings"

// RedactURL is a URL that is fit to be quoted in an error. Everything after its
// scheme is left out if it may hold a password or a token.
func RedactURL(s string) string {
	scheme, rest, _ := strings.Cut(s, "://")
	if !strings.ContainsAny(rest, "@?#%") && !strings.Contains(rest, ":") && !strings.ContainsAny(scheme, "@?#%") {
		return s
	}
	if rest == "" {
		return "…"
	}
	return scheme + "://…"
}
