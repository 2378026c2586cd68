package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ptcaudit/internal/report"
)

// waivable is a policy with these checks: "bad" and "worse" fail on every rule,
// "unsure" fails on rules that ECR validated and has the outcome error on
// others, "later" is not in effect yet, and "all" fails on the registry.
const waivable = head + `checks:
  - {id: all, title: T, severity: medium, scope: registry, assert: registry.account == ""}
  - {id: bad, title: T, severity: medium, assert: rule.prefix == ""}
  - {id: good, title: T, severity: medium, assert: rule.prefix != ""}
  - {id: later, title: T, severity: medium, assert: rule.prefix == "", effectiveFrom: 2030-01-01}
  - {id: unsure, title: T, severity: critical, assert: "!rule.validation.valid"}
  - {id: worse, title: T, severity: high, assert: rule.prefix == ""}
requiredRules: [{prefix: k8s}]
waivers:
`

// waive is a waiver of one line.
func waive(check, more, expires string) string {
	return fmt.Sprintf("  - {check: %s, %s, owner: me@acme.example, reason: Migration., expires: %s}\n", check, more, expires)
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestWaiversInTime tests the first and last moment of each phase of a waiver,
// in all code that compares its end with a time.
func TestWaiversInTime(t *testing.T) {
	const (
		inForce = "in force"
		ending  = "ending"
		expired = "expired"
	)
	berlin := time.FixedZone("CET", 3600)
	tests := []struct {
		name string
		now  time.Time
		want string
	}{
		{"years before", at("2020-01-01T00:00:00Z"), inForce},
		{"last moment before the warning", at("2027-03-17T23:59:59Z").Add(time.Second - 1), inForce},
		{"14 days before its end", at("2027-03-18T00:00:00Z"), ending},
		{"first moment of its last day", at("2027-03-31T00:00:00Z"), ending},
		{"last moment of its last day", at("2027-04-01T00:00:00Z").Add(-1), ending},
		{"the last day ends in UTC, not in local time", time.Date(2027, 4, 1, 0, 59, 59, 0, berlin), ending},
		{"first moment after", at("2027-04-01T00:00:00Z"), expired},
		{"first moment after, elsewhere", time.Date(2027, 4, 1, 1, 0, 0, 0, berlin), expired},
		{"years after", at("2031-01-01T00:00:00Z"), expired},
	}
	subjects := []struct{ check, prefix, severity, more string }{
		{"bad", "hub", "medium", "prefixes: [hub]"},
		{"required-rule", "k8s", "high", "prefixes: [k8s]"},
		{"all", "", "medium", `accounts: ["111122223333"]`},
	}
	for _, tt := range tests {
		for _, s := range subjects {
			t.Run(tt.name+"/"+s.check, func(t *testing.T) {
				p := mustLoad(t, waivable+waive(s.check, s.more, "2027-03-31"))
				in := input()
				in.Now = tt.now
				var got []string
				for _, f := range p.Evaluate(t.Context(), in) {
					if f.Check == s.check && f.Prefix == s.prefix || strings.HasPrefix(f.Check, "waiver-") {
						got = append(got, brief(f))
					}
				}
				want := map[string][]string{
					inForce: {s.check + " " + s.prefix + " fail " + s.severity + " waived"},
					ending:  {s.check + " " + s.prefix + " fail " + s.severity + " waived", "waiver-ending " + s.prefix + " fail informational"},
					expired: {s.check + " " + s.prefix + " fail " + s.severity, "waiver-expired " + s.prefix + " fail " + s.severity},
				}[tt.want]
				for i := range want {
					want[i] = strings.Join(strings.Fields(want[i]), " ")
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("findings differ (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestWaivers(t *testing.T) {
	const (
		long = "2027-12-31" // in force at now
		soon = "2027-03-10" // ending
		gone = "2027-02-28" // expired
		here = `accounts: ["111122223333"], regions: [eu-west-1]`
	)
	tests := []struct {
		name, waivers string
		want          []string // findings that are waived or of waivers
	}{
		{"none", "  []\n", nil},
		{"by name", waive("bad", "prefixes: [hub]", long), []string{"bad hub fail medium waived"}},
		{"by name with a slash", waive("bad", "prefixes: [hub/]", long), []string{"bad hub fail medium waived"}},
		{"by glob", waive("bad", `prefixes: ["*u*"]`, long), []string{"bad hub fail medium waived", "bad quay fail medium waived"}},
		{"by several", waive("bad", `prefixes: [x, "qu*y"]`, long), []string{"bad quay fail medium waived"}},
		{"a check that is not in effect yet", waive("later", "prefixes: [hub]", long), []string{"later hub pending medium waived"}},
		{"a check that is not in effect yet, ending", waive("later", "prefixes: [hub]", soon), []string{"later hub pending medium waived", "waiver-ending hub fail informational"}},
		{"a check that is not in effect yet, expired", waive("later", "prefixes: [hub]", gone), nil},
		{"an error is not waived", waive("unsure", "prefixes: [quay], "+here, long), nil},
		{"an error is not waived, expired", waive("unsure", "prefixes: [quay], "+here, gone), nil},
		{"another account", waive("bad", `prefixes: [hub], accounts: ["444455556666"]`, long), nil},
		{"another Region", waive("bad", "prefixes: [hub], regions: [us-east-1]", long), nil},
		{"this registry", waive("bad", "prefixes: [hub], "+here, long), []string{"bad hub fail medium waived"}},
		{"two, the longer counts", waive("bad", "prefixes: [hub]", soon) + waive("bad", `prefixes: ["*"]`, long), []string{"bad hub fail medium waived", "bad quay fail medium waived"}},
		{"two, the expired one is followed by another", waive("bad", "prefixes: [hub]", gone) + waive("bad", "prefixes: [hub]", long), []string{"bad hub fail medium waived"}},
		{"two of one rule, expired", waive("bad", "prefixes: [hub]", gone) + waive("worse", "prefixes: [hub]", gone), []string{"waiver-expired hub fail high"}},
		{
			"two of one rule, the other one more severe",
			waive("bad", "prefixes: [hub]", gone) + waive("worse", "prefixes: [hub]", gone) + "overrides: [{regions: [eu-west-1], severities: {bad: critical}}]\n",
			[]string{"waiver-expired hub fail critical"},
		},
		{"two of one rule, ending", waive("bad", "prefixes: [hub]", soon) + waive("worse", "prefixes: [hub]", soon), []string{
			"bad hub fail medium waived", "waiver-ending hub fail informational", "worse hub fail high waived",
		}},
		{"unused", waive("good", "prefixes: [hub, quay], "+here, long), []string{"waiver-unused hub fail low", "waiver-unused quay fail low"}},
		{"unused, of the registry", waive("all", here, long) + waive("required-rule", "prefixes: [\"k*\"], "+here, long) + waive("bad", "prefixes: [nix], "+here, long), []string{
			"all fail medium waived", "required-rule k8s fail high waived", "waiver-unused nix fail low",
		}},
		{"unused and expired", waive("good", "prefixes: [hub], "+here, gone), []string{"waiver-unused hub fail low"}},
		{"used in part", waive("bad", "prefixes: [hub, nix], "+here, long), []string{"bad hub fail medium waived"}},
		{"unused here, perhaps used elsewhere", waive("good", "prefixes: [hub]", long) + waive("good", `prefixes: [hub], accounts: ["111122223333"]`, long) +
			waive("good", `prefixes: [hub], regions: [eu-west-1]`, long) + waive("good", `prefixes: [hub], accounts: ["111122223333", "444455556666"], regions: [eu-west-1]`, long), nil},
		{"unused of another registry", waive("good", `prefixes: [hub], accounts: ["444455556666"], regions: [eu-west-1]`, long), nil},
		{"unused, but its check was not evaluated", waive("unsure", "prefixes: [quay], "+here, long), nil},
		{"waiver checks disabled", waive("good", "prefixes: [hub], "+here, long) + waive("bad", "prefixes: [hub]", gone) + waive("worse", "prefixes: [hub]", soon) +
			"disable: [waiver-unused, waiver-expired, waiver-ending]\n", []string{"worse hub fail high waived"}},
		{"severities of waiver checks", waive("good", "prefixes: [hub], "+here, long) + waive("worse", "prefixes: [quay]", soon) + waive("worse", "prefixes: [hub]", gone) +
			"overrides: [{regions: [eu-west-1], severities: {waiver-unused: medium, waiver-ending: high, worse: critical}}]\n", []string{
			"waiver-expired hub fail critical", "waiver-unused hub fail medium", "waiver-ending quay fail high", "worse quay fail critical waived",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustLoad(t, waivable+tt.waivers)
			var got []string
			seen := map[string]bool{}
			for _, f := range p.Evaluate(t.Context(), input()) {
				if seen[f.Fingerprint] {
					t.Errorf("%s: a second finding of this fingerprint", brief(f))
				}
				seen[f.Fingerprint] = true
				isWaivers := strings.HasPrefix(f.Check, "waiver-")
				if f.Waiver != nil || isWaivers {
					got = append(got, brief(f))
				}
				facts := map[string]string{"hub": report.FactsOf(hub), "quay": report.FactsOf(quay)}[f.Prefix]
				if isWaivers && f.Check != "waiver-unused" && f.Facts != facts {
					t.Errorf("%s has facts %q, want those of what is waived", brief(f), f.Facts)
				}
				if isWaivers && (f.Message == "" || f.Remediation == "") {
					t.Errorf("%s says %q, %q", brief(f), f.Message, f.Remediation)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessagesOfWaivers(t *testing.T) {
	p := mustLoad(t, waivable+
		waive("bad", "prefixes: [hub]", "2027-02-28")+waive("worse", "prefixes: [hub]", "2027-02-01")+
		waive("worse", "prefixes: [quay]", "2027-03-10")+
		waive("good", `prefixes: [hub], accounts: ["111122223333"], regions: [eu-west-1]`, "2027-12-31"))
	got := map[string]string{}
	for _, f := range p.Evaluate(t.Context(), input()) {
		if strings.HasPrefix(f.Check, "waiver-") {
			got[f.Check] = f.Message
		}
		if f.Waiver != nil && *f.Waiver != (report.Waiver{Owner: "me@acme.example", Reason: "Migration.", Expires: "2027-03-10"}) {
			t.Errorf("%s: waiver %+v", brief(f), f.Waiver)
		}
	}
	want := map[string]string{
		"waiver-expired": "The waiver of bad by me@acme.example (Migration.) expired on 2027-02-28 and no longer applies; the waiver of worse by me@acme.example (Migration.) expired on 2027-02-01 and no longer applies.",
		"waiver-ending":  "The waiver of worse by me@acme.example (Migration.) expires on 2027-03-10, and its check still fails.",
		"waiver-unused":  "The waiver of good by me@acme.example (Migration.) (until 2027-12-31) is not used.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}
