package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// redactor replaces what identifies an account, a person or a machine. Equal
// values get equal replacements, so that a recorded event stays consistent. Not
// safe for concurrent use.
type redactor struct {
	replaced map[string]string // by kind and value
	count    map[string]int    // by kind
	names    []string          // of principals, the longest first
}

func newRedactor() *redactor {
	return &redactor{replaced: map[string]string{}, count: map[string]int{}}
}

var (
	digits  = regexp.MustCompile(`[0-9]+`)
	uuid    = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	ipv4    = regexp.MustCompile(`[0-9]{1,3}(?:\.[0-9]{1,3}){3}`)
	ipv4DNS = regexp.MustCompile(`ip-[0-9]{1,3}(?:-[0-9]{1,3}){3}`)
	// ipv6 matches more than addresses: netip decides.
	ipv6 = regexp.MustCompile(`[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:(?:\.[0-9]{1,3}){3})?`)
	mail = regexp.MustCompile(`[A-Za-z0-9._%+=-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	// principalARN has the partition, the kind and the name of a principal.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
	principalARN = regexp.MustCompile(`arn:(aws[a-z-]*):(iam|sts)::([0-9]*):(user|role|assumed-role|federated-user|group)/([\w+=,.@/-]+)`)
	// uniqueID is an access key ID or the unique ID of a principal.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
	uniqueID = regexp.MustCompile(`A(?:BIA|CCA|GPA|IDA|IPA|KIA|NPA|NVA|PKA|ROA|SCA|SIA)[A-Z0-9]{12,}`)
	arnOf    = regexp.MustCompile(`^arn:`)
)

// example is the replacement of a value: the same each time.
func (r *redactor) example(kind, value string, write func(n int) string) string {
	key := kind + " " + value
	if r.replaced[key] == "" {
		r.count[kind]++
		r.replaced[key] = write(r.count[kind])
	}
	return r.replaced[key]
}

// account is 111122223333, 222233334444 and so on, as in AWS's documents.
func (r *redactor) account(value string) string {
	return r.example("account", value, func(n int) string {
		var b strings.Builder
		for i := range 3 {
			b.WriteString(strings.Repeat(string(rune('0'+(n+i)%10)), 4))
		}
		return b.String()
	})
}

func (r *redactor) ipv4(value string) string {
	return r.example("ipv4", value, func(n int) string { return fmt.Sprintf("203.0.113.%d", n%256) })
}

// text redacts any text.
func (r *redactor) text(s string) string {
	s = principalARN.ReplaceAllStringFunc(s, func(arn string) string {
		p := principalARN.FindStringSubmatch(arn)
		name := "Example"
		if p[4] == "assumed-role" {
			name = "Example/session"
		}
		return "arn:" + p[1] + ":" + p[2] + "::" + p[3] + ":" + p[4] + "/" + name
	})
	for _, name := range r.names {
		s = replaceWord(s, name, "example")
	}
	s = mail.ReplaceAllString(s, "user@example.com")
	s = uniqueID.ReplaceAllStringFunc(s, func(id string) string { return id[:4] + "EXAMPLEEXAMPLE001" })
	// Letters only at the end: twelve digits would look like an account.
	s = uuid.ReplaceAllStringFunc(s, func(id string) string {
		return r.example("uuid", strings.ToLower(id), func(n int) string { return fmt.Sprintf("eeeeeeee-eeee-4eee-8eee-eeeeeeee%04x", n) })
	})
	s = ipv4DNS.ReplaceAllString(s, "ip-203-0-113-1")
	s = ipv6.ReplaceAllStringFunc(s, func(candidate string) string {
		// A single group is more often a part of an ARN ("iam::ab").
		groups := len(strings.FieldsFunc(candidate, func(c rune) bool { return c == ':' }))
		if _, err := netip.ParseAddr(candidate); err != nil || groups < 2 {
			return candidate
		}
		return r.example("ipv6", candidate, func(n int) string { return fmt.Sprintf("2001:db8::%x", n) })
	})
	s = ipv4.ReplaceAllStringFunc(s, r.ipv4)
	return digits.ReplaceAllStringFunc(s, func(run string) string {
		if len(run) != 12 {
			return run
		}
		return r.account(run)
	})
}

// replaceWord replaces a name where it is not part of a longer word.
func replaceWord(s, name, by string) string {
	word := func(c byte) bool {
		return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	var b strings.Builder
	for {
		i := strings.Index(s, name)
		if i < 0 {
			return b.String() + s
		}
		end := i + len(name)
		b.WriteString(s[:i])
		if i > 0 && word(s[i-1]) || end < len(s) && word(s[end]) {
			b.WriteString(name)
		} else {
			b.WriteString(by)
		}
		s = s[end:]
	}
}

// learn remembers the names of the principals of an event, so that they are
// replaced in every text, for example in an error message.
func (r *redactor) learn(v any) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			r.learn(element)
		}
	case map[string]any:
		for key, value := range v {
			if s, ok := value.(string); ok {
				switch key {
				case "userName":
					r.learnName(s)
				case "principalId": // AROA…:session
					if _, session, ok := strings.Cut(s, ":"); ok {
						r.learnName(session)
					}
				}
				for _, p := range principalARN.FindAllStringSubmatch(s, -1) {
					for part := range strings.SplitSeq(p[5], "/") {
						r.learnName(part)
					}
				}
				continue
			}
			r.learn(value)
		}
	}
}

// learnName ignores names of one or two characters, which are part of every text.
func (r *redactor) learnName(name string) {
	if len(name) < 3 || slices.Contains(r.names, name) {
		return
	}
	r.names = append(r.names, name)
	slices.SortStableFunc(r.names, func(a, b string) int { return len(b) - len(a) })
}

// kept are the members of a userIdentity that identify no one. Every other text
// in it is replaced, so that a new member of AWS's is not published.
var kept = []string{"type", "invokedBy", "creationDate", "mfaAuthenticated"}

// event redacts an event and indents it. Members are sorted by name.
func (r *redactor) event(raw []byte) ([]byte, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("invalid event: %w", err)
	}
	r.learn(v)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r.value("", v, false)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// value redacts the value of a member. within is true in a userIdentity.
func (r *redactor) value(key string, v any, within bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out[r.text(name)] = r.value(name, v[name], within || name == "userIdentity")
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = r.value(key, element, within)
		}
		return out
	case json.Number:
		return json.Number(r.text(v.String()))
	case string:
		return r.member(key, v, within)
	}
	return v
}

func (r *redactor) member(key, s string, within bool) string {
	switch {
	case key == "userAgent": // may name a host or a person
		name, _, _ := strings.Cut(s, "/")
		return r.text(name)
	case key == "requestID" || key == "requestId":
		return r.example("uuid", s, func(n int) string { return fmt.Sprintf("eeeeeeee-eeee-4eee-8eee-eeeeeeee%04x", n) })
	case !within || slices.Contains(kept, key) || arnOf.MatchString(s) || digits.FindString(s) == s && len(s) == 12:
		return r.text(s)
	case uniqueID.MatchString(s):
		id, _, session := strings.Cut(s, ":")
		id = r.text(uniqueID.FindString(id))
		if session {
			id += ":session"
		}
		return id
	}
	return "example"
}
