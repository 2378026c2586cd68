package policy

import (
	"slices"
	"strings"

	"ptcaudit/internal/policy/expr"
	"ptcaudit/internal/report"
	"ptcaudit/internal/untrusted"
)

// contain keeps text from outside recognizable in the texts of findings. Nothing
// of it may read like a line or a sentence of ours: a name with a blank or a
// line break becomes one word, and a quotation mark in ECR's explanation does
// not end the quotation.
func (e *evaluation) contain() {
	inMessage, inFix := e.odd()
	if len(inMessage) == 0 {
		return
	}
	message, fix := strings.NewReplacer(inMessage...), strings.NewReplacer(inFix...)
	for i := range e.findings {
		f := &e.findings[i]
		f.Message = message.Replace(f.Message)
		lines := strings.Split(f.Remediation, "\n")
		for j, line := range lines {
			if !report.IsCommand(strings.TrimSpace(line)) { // a command needs the name as it is
				lines[j] = fix.Replace(line)
			}
		}
		f.Remediation = strings.Join(lines, "\n")
	}
}

// odd are the texts that have to be contained, each with what replaces it: in
// messages, and in fixes, where formatShell has quoted them. There are usually
// none.
func (e *evaluation) odd() (inMessage, inFix []string) {
	type pair struct{ from, to string }
	var messages, fixes []pair
	for _, r := range e.in.Rules {
		for _, s := range []string{r.Prefix, r.Upstream.Registry, r.Upstream.URL, r.Upstream.Prefix, r.CredentialARN, r.RoleARN} {
			if strings.ContainsFunc(s, untrusted.IsBlank) {
				messages = append(messages, pair{s, untrusted.Word(s)})
				fixes = append(fixes, pair{expr.Quote(s), untrusted.Word(s)})
			}
		}
		if failure := e.in.Validations[r.Prefix].Failure; strings.Contains(failure, `"`) {
			messages = append(messages, pair{failure, strings.ReplaceAll(failure, `"`, "'")})
		}
	}
	// A name may be a part of another: the longest comes first.
	flat := func(pairs []pair) []string {
		slices.SortStableFunc(pairs, func(a, b pair) int { return len(b.from) - len(a.from) })
		var out []string
		for _, p := range pairs {
			out = append(out, p.from, p.to)
		}
		return out
	}
	return flat(messages), flat(fixes)
}
