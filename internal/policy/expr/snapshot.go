package expr

import (
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Snapshot holds the facts of one audit, as expressions read them. It is
// immutable and safe for concurrent use.
type Snapshot struct {
	rules    []ref.Val // *value, in the order given to NewSnapshot
	registry ref.Val
	now      ref.Val
	digests  sync.Map // of *Program: what allRules has computed
}

// NewSnapshot converts the facts of an audit. Validations are keyed by prefix; a
// missing one is unknown.
func NewSnapshot(reg ptc.Registry, rules []ptc.Rule, validations map[string]ptc.Validation, now time.Time) *Snapshot {
	s := &Snapshot{rules: make([]ref.Val, len(rules))}
	f := facts{registry: reg, now: now.UTC(), rules: types.NewRefValList(types.DefaultTypeAdapter, s.rules)}
	all := relate(rules)
	for i, r := range rules {
		f.rule = report.NewRule(r, validations[r.Prefix])
		f.prescribed, _ = ptc.LookupUpstream(r.Upstream.Registry)
		f.siblings = all[i]
		f.unknown = types.NewUnknown(int64(i), types.NewAttributeTrail(r.Prefix))
		s.rules[i] = schema[ruleName].read(&f)
	}
	s.registry = schema[registryName].read(&f)
	s.now = types.Timestamp{Time: f.now}
	return s
}

// Rules is the number of rules in the snapshot.
func (s *Snapshot) Rules() int { return len(s.rules) }

// siblings are what a rule has in common with others of its registry: groups
// of rules, which it may be in itself. The rules of a group share it: a list of
// its own for each rule would take memory that is quadratic in their number.
type siblings struct {
	self                                         string
	overlaps, sharesCredentialWith, sameUpstream *group
}

// relate finds the siblings of every rule, by grouping and not by comparing
// all pairs.
func relate(rules []ptc.Rule) []siblings {
	byPrefix := make(map[string]int, len(rules))
	bySecret := map[string][]string{}
	byUpstream := map[ptc.Upstream][]string{}
	named := make(map[string]bool, len(rules)) // the ARNs of secrets as rules name them
	for _, r := range rules {
		named[r.CredentialARN] = true
	}
	// secretKey is equal for rules with the same secret, see ptc.SameSecret.
	secretKey := func(r ptc.Rule) string {
		if clean := ptc.CleanSecretARN(r.CredentialARN); named[clean] {
			return clean
		}
		return r.CredentialARN
	}
	for i, r := range rules {
		byPrefix[ptc.CleanPrefix(r.Prefix)] = i
		if key := secretKey(r); key != "" {
			bySecret[key] = append(bySecret[key], r.Prefix)
		}
		u := upstreamKey(r.Upstream)
		byUpstream[u] = append(byUpstream[u], r.Prefix)
	}
	secrets, upstreams := groups(bySecret), groups(byUpstream)

	out := make([]siblings, len(rules))
	overlaps := make([][]string, len(rules))
	for i, r := range rules {
		out[i].self = r.Prefix
		out[i].sharesCredentialWith = secrets[secretKey(r)]
		out[i].sameUpstream = upstreams[upstreamKey(r.Upstream)]
		// Every prefix above this one is the part before one of its slashes.
		above := ptc.CleanPrefix(r.Prefix)
		for slash := strings.LastIndexByte(above, '/'); slash > 0; slash = strings.LastIndexByte(above, '/') {
			above = above[:slash]
			if j, ok := byPrefix[above]; ok {
				overlaps[i] = append(overlaps[i], rules[j].Prefix)
				overlaps[j] = append(overlaps[j], r.Prefix)
			}
		}
	}
	for i := range out {
		out[i].overlaps = newGroup(overlaps[i])
	}
	return out
}

// upstreamKey is equal for upstreams that fetch the same repositories.
func upstreamKey(u ptc.Upstream) ptc.Upstream {
	return ptc.Upstream{URL: ptc.CleanHost(u.URL), Prefix: ptc.CleanUpstreamPrefix(u.Prefix)}
}
