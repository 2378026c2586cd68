package expr

import (
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// Snapshot is the facts of one audit as expressions see them. It is immutable
// and can be read from many goroutines.
type Snapshot struct {
	rules    []ref.Val // *value, in the order given to NewSnapshot
	registry ref.Val
	now      ref.Val
}

// NewSnapshot reads the facts of an audit. Validations are keyed by prefix; a
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

// siblings are what a rule has in common with others of its registry, each a
// sorted list of their prefixes.
type siblings struct {
	overlaps, sharesCredentialWith, sameUpstream []string
}

// relate finds the siblings of every rule, by grouping and not by comparing
// all pairs.
func relate(rules []ptc.Rule) []siblings {
	byPrefix := make(map[string]int, len(rules))
	bySecret := map[string][]int{}
	byUpstream := map[ptc.Upstream][]int{}
	for i, r := range rules {
		byPrefix[ptc.CleanPrefix(r.Prefix)] = i
		if r.CredentialARN != "" {
			bySecret[r.CredentialARN] = append(bySecret[r.CredentialARN], i)
		}
		u := upstreamKey(r.Upstream)
		byUpstream[u] = append(byUpstream[u], i)
	}

	out := make([]siblings, len(rules))
	for i, r := range rules {
		out[i].sharesCredentialWith = others(rules, bySecret[r.CredentialARN], i)
		out[i].sameUpstream = others(rules, byUpstream[upstreamKey(r.Upstream)], i)
		// Every prefix above this one is the part before one of its slashes.
		above := ptc.CleanPrefix(r.Prefix)
		for slash := strings.LastIndexByte(above, '/'); slash > 0; slash = strings.LastIndexByte(above, '/') {
			above = above[:slash]
			if j, ok := byPrefix[above]; ok {
				out[i].overlaps = append(out[i].overlaps, rules[j].Prefix)
				out[j].overlaps = append(out[j].overlaps, r.Prefix)
			}
		}
	}
	for i := range out {
		slices.Sort(out[i].overlaps)
	}
	return out
}

// upstreamKey is equal for upstreams that fetch the same repositories.
func upstreamKey(u ptc.Upstream) ptc.Upstream {
	return ptc.Upstream{URL: u.URL, Prefix: ptc.CleanUpstreamPrefix(u.Prefix)}
}

// others are the prefixes of a group of rules without rule i.
func others(rules []ptc.Rule, group []int, i int) []string {
	if len(group) < 2 {
		return nil
	}
	out := make([]string, 0, len(group)-1)
	for _, j := range group {
		if j != i {
			out = append(out, rules[j].Prefix)
		}
	}
	slices.Sort(out)
	return out
}
