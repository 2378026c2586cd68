package ledger_test

import (
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/ledger"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// eventful is a ledger that has something of everything.
func eventful(t *testing.T) ledger.Ledger {
	t.Helper()
	l := story{
		{rules: hub, findings: findings(fail(validation, "hub", "a"), waived(fail(allowed, "hub", "a"), "jo", "2027-03-31"), waived(fail("x", "hub", "a"), "jo", "2027-03-31")), want: []string{"new validation-passed hub"}},
		{at: hour, rules: hub, findings: findings(fail(validation, "hub", "a"), waived(fail(allowed, "hub", "a"), "jo", "2027-03-31")), triggers: triggers(changed("1", "hub", "jane", hour)), want: []string{touched, "by jane"}},
		{
			at: 2 * hour, rules: rules(rule("hub", "evil")), findings: findings(undecided(validation, "hub"), undecided(allowed, "hub")), faults: faults("hub"),
			triggers: triggers(wrote("2", "ecr-pullthroughcache/hub", "joe", 2*hour)),
			want:     []string{"undecided upstream-allowed hub", "undecided validation-passed hub", "fault ValidatePullThroughCacheRule hub", "by joe"},
		},
	}.run(t)
	l.Lease = &ledger.Lease{Holder: "me", Until: start.Add(3 * hour)}
	_, l = compare(l, step{at: 3 * hour, faults: noList, triggers: triggers(changed("3", "hub", "jim", 3*hour)), hold: true})
	return l
}

// TestEncodeIsAContract: every ledger ever written stays readable.
func TestEncodeIsAContract(t *testing.T) {
	const file = "testdata/ledger.json"
	got := eventful(t).Encode()
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-golden +encoded):\n%s", diff)
	}
	if l, err := ledger.Decode(want); err != nil || len(l.Findings) == 0 {
		t.Errorf("%d findings, error %v", len(l.Findings), err)
	}
}

// TestEqualLedgersGiveEqualBytes whatever their order and time zones.
func TestEqualLedgersGiveEqualBytes(t *testing.T) {
	l := eventful(t)
	other := l
	other.SchemaVersion = ""
	other.SeenUntil = l.SeenUntil.In(time.FixedZone("CET", 3600))
	other.Changes, other.Findings, other.Rules = slices.Clone(l.Changes), slices.Clone(l.Findings), slices.Clone(l.Rules)
	slices.Reverse(other.Changes)
	slices.Reverse(other.Findings)
	slices.Reverse(other.Rules)
	if diff := cmp.Diff(string(l.Encode()), string(other.Encode())); diff != "" {
		t.Errorf("(-one +other):\n%s", diff)
	}
	empty := ledger.Ledger{Registry: registry}
	if got := string(empty.Encode()); strings.Contains(got, "null") {
		t.Errorf("null in %s", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	const (
		head     = `{"schemaVersion":"ptcaudit/ledger/v1","registry":{"account":"111122223333","region":"eu-west-1"}`
		waiver   = `"waiver":{"owner":"o","reason":"r","expires":"2027-03-31"}`
		notified = `"notified":{"at":"2026-11-21T22:50:00Z","severity":"high"}`
	)
	entry := func(parts ...string) string {
		return head + `,"findings":[{"check":"c","prefix":"p",` + strings.Join(parts, ",") + `}]}`
	}
	for name, tc := range map[string]struct {
		in   string
		want error
		text string
	}{
		"nothing":                 {``, ledger.ErrDamaged, "invalid JSON at byte 0"},
		"half of one":             {head, ledger.ErrDamaged, "invalid JSON at byte "},
		"two":                     {head + `}` + head + `}`, ledger.ErrDamaged, "invalid JSON at byte "},
		"no object":               {`[]`, ledger.ErrDamaged, "the ledger cannot be a array"},
		"null":                    {`null`, ledger.ErrDamaged, "schemaVersion is not ptcaudit/ledger/v1"},
		"no schema":               {`{}`, ledger.ErrDamaged, "schemaVersion is not ptcaudit/ledger/v1"},
		"an older schema":         {`{"schemaVersion":"ptcaudit/ledger/v0"}`, ledger.ErrDamaged, "schemaVersion"},
		"another schema":          {`{"schemaVersion":"ptcaudit/report/v2"}`, ledger.ErrDamaged, "schemaVersion"},
		"a version of no kind":    {`{"schemaVersion":"ptcaudit/ledger/v2x"}`, ledger.ErrDamaged, "schemaVersion"},
		"a newer schema":          {`{"schemaVersion":"ptcaudit/ledger/v2"}`, ledger.ErrNewer, "newer version"},
		"a much newer schema":     {`{"schemaVersion":"ptcaudit/ledger/v10","seq":"of another type","findings":{},"seenUntil":7}`, ledger.ErrNewer, "newer version"},
		"no registry":             {`{"schemaVersion":"ptcaudit/ledger/v1"}`, ledger.ErrDamaged, "registry is missing"},
		"a negative seq":          {head + `,"seq":-1}`, ledger.ErrDamaged, "seq is negative"},
		"a seq of another type":   {head + `,"seq":"x"}`, ledger.ErrDamaged, "seq cannot be a string"},
		"an invalid time":         {head + `,"seenUntil":"soon"}`, ledger.ErrDamaged, "out of range"},
		"lease without holder":    {head + `,"lease":{"until":"2026-11-21T22:50:00Z"}}`, ledger.ErrDamaged, "lease has no holder"},
		"an unknown state":        {entry(`"state":"fine"`), ledger.ErrDamaged, "finding 0 contradicts itself"},
		"a severity of no weight": {entry(`"state":"open","notified":{"at":"2026-11-21T22:50:00Z","severity":"HIGH"}`), ledger.ErrDamaged, "finding 0 contradicts itself"},
		"waived, no waiver":       {entry(`"state":"waived"`), ledger.ErrDamaged, "finding 0 contradicts itself"},
		"waived, notified":        {entry(`"state":"waived"`, waiver, notified), ledger.ErrDamaged, "finding 0 contradicts itself"},
		"closed for nothing":      {entry(`"state":"closed"`), ledger.ErrDamaged, "finding 0 contradicts itself"},
		"touched, not notified":   {entry(`"state":"open"`, `"touched":true`), ledger.ErrDamaged, "finding 0 contradicts itself"},
		"a finding of no check":   {head + `,"findings":[{"prefix":"p","state":"open"}]}`, ledger.ErrDamaged, "finding 0 contradicts itself"},
		"a finding twice":         {head + `,"findings":[{"check":"c","prefix":"p","state":"open"},{"check":"c","prefix":"p","state":"open"}]}`, ledger.ErrDamaged, "finding 1 is a duplicate"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := ledger.Decode([]byte(tc.in))
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want %v with %q", err, tc.want, tc.text)
			}
			if diff := cmp.Diff(ledger.Ledger{}, l); diff != "" {
				t.Errorf("it gives a ledger all the same:\n%s", diff)
			}
		})
	}
	for _, in := range []string{head + `}`, entry(`"state":"open"`), entry(`"state":"open"`, notified, waiver, `"touched":true`), entry(`"state":"closed"`, waiver), entry(`"state":"waived"`, waiver), head + `,"later":{"added":1}}`} {
		if _, err := ledger.Decode([]byte(in)); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// FuzzDecode: no bytes make it panic; what it takes is written as it was read,
// and can be compared.
func FuzzDecode(f *testing.F) {
	golden, err := os.ReadFile("testdata/ledger.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"schemaVersion":"ptcaudit/ledger/v2"}`))
	f.Add([]byte(`{"schemaVersion":"ptcaudit/ledger/v1","registry":{"account":"111122223333","region":"eu-west-1"},"seenUntil":"0000-01-01T00:00:00+02:00","unaudited":{"subjects":["b","a","a"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ledger.Decode(data)
		if err != nil {
			if !errors.Is(err, ledger.ErrNewer) && !errors.Is(err, ledger.ErrDamaged) {
				t.Errorf("error %v is neither", err)
			}
			return
		}
		encoded := l.Encode()
		again, err := ledger.Decode(encoded)
		if err != nil {
			t.Fatalf("%v of what was encoded: %s", err, encoded)
		}
		if diff := cmp.Diff(l, again); diff != "" {
			t.Errorf("(-first +again):\n%s", diff)
		}
		s := step{at: hour, rules: hub, findings: findings(fail(validation, "hub", "a")), triggers: triggers(changed("1", "hub", "jane", 0))}
		r := s.report()
		r.Registry = l.Registry
		_, next := ledger.Compare(l, r, s.options())
		if again, err := ledger.Decode(next.Encode()); err != nil {
			t.Errorf("%v of what was compared: %s", err, next.Encode())
		} else if diff := cmp.Diff(next, again); diff != "" {
			t.Errorf("(-compared +decoded):\n%s", diff)
		}
	})
}
