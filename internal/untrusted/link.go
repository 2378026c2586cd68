package untrusted

import (
	"net/url"
	"strings"
)

const maxLink = 1000

// Link is an address that a reader may open. It is not ok if s is no address
// of the web, or could be taken for another address or for markup.
func Link(s string) (link string, ok bool) {
	unsafe := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'`<>\\^{|}()[]*", r) }
	if len(s) > maxLink || strings.ContainsFunc(s, unsafe) {
		return "", false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return "", false
	}
	return u.String(), true
}

// Links are the addresses of a list that a reader may open.
func Links(list []string) []string {
	var out []string
	for _, s := range list {
		if link, ok := Link(s); ok {
			out = append(out, link)
		}
	}
	return out
}
