package html

import (
	"maps"
	"slices"

	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

func table(r report.Report, groups []group) []ruleRow {
	rows := make([]ruleRow, len(r.Rules))
	for i, rule := range r.Rules {
		rows[i] = ruleRow{
			Prefix: untrusted.Name(rule.Prefix), Upstream: upstream(rule.Upstream),
			Secret: secret(rule.Credential), SecretARN: untrusted.Name(rule.Credential.ARN),
			Role: role(rule.Role), RoleARN: untrusted.Name(rule.Role.ARN),
			Says: newSays(rule.Validation, r.Audit.WithoutValidation),
		}
		if rule.UpdatedAt.Year() > 1 { // the year 1 where ECR gave no time
			rows[i].Updated = day(rule.UpdatedAt)
		}
		open(&rows[i], groups)
	}
	return rows
}

// open finds the failures of a rule.
func open(row *ruleRow, groups []group) {
	for _, g := range groups {
		if g.ID != "failed" {
			continue
		}
		for _, f := range g.Findings {
			if f.Subject != row.Prefix {
				continue
			}
			if row.First == "" {
				row.First, row.Rank = f.ID, f.Rank*1000
			}
			row.Rank++
			if last := len(row.Open) - 1; last >= 0 && row.Open[last].Severity == f.Severity {
				row.Open[last].N++
				continue
			}
			row.Open = append(row.Open, tally{f.Severity, string(f.Severity), 1})
		}
	}
}

func newSays(v *report.Validation, withoutValidation bool) says {
	switch {
	case v == nil:
		return says{"unknown", "unknown", 1}
	case !v.Applicable && withoutValidation:
		return says{"none", "skipped", 3}
	case !v.Applicable:
		return says{"none", "not applicable", 4}
	case !v.Valid:
		return says{"bad", "invalid", 0}
	}
	return says{"good", "valid", 2}
}

// settle lists what passed and what did not apply, by check.
func settle(r report.Report) []settled {
	checks := map[string]*settled{}
	for _, f := range r.Findings {
		if f.Outcome != report.Pass && f.Outcome != report.Skip {
			continue
		}
		s := checks[f.Check]
		if s == nil {
			s = &settled{Check: untrusted.Name(f.Check)}
			checks[f.Check] = s
		}
		if f.Outcome == report.Pass {
			s.Passed.Names = append(s.Passed.Names, f.Subject())
		} else {
			s.Skipped.Names = append(s.Skipped.Names, f.Subject())
		}
	}
	var prefixes []string
	for _, rule := range r.Rules { // sorted, as findings are
		prefixes = append(prefixes, untrusted.Name(rule.Prefix))
	}
	var out []settled
	for _, check := range slices.Sorted(maps.Keys(checks)) {
		s := checks[check]
		s.Passed.All, s.Skipped.All = slices.Equal(s.Passed.Names, prefixes), slices.Equal(s.Skipped.Names, prefixes)
		out = append(out, *s)
	}
	return out
}
