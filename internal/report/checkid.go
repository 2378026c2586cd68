package report

// Ids of checks that code compares. The four after the first are built into
// the policy engine, which writes their messages itself; every other check is
// written in a policy file.
const (
	// CheckValidationPassed is the shipped check that ECR can use a rule.
	CheckValidationPassed = "validation-passed"
	// CheckRequiredRule: a rule that the policy requires exists as required.
	CheckRequiredRule = "required-rule"
	// CheckWaiverExpired: a waiver has ended, and what it waived still fails.
	CheckWaiverExpired = "waiver-expired"
	// CheckWaiverEnding: a waiver ends soon, and what it waives still fails.
	CheckWaiverEnding = "waiver-ending"
	// CheckWaiverUnused: a waiver covers no finding.
	CheckWaiverUnused = "waiver-unused"
)

// IsWaiverCheck reports whether id is a built-in check of waivers. Findings of
// these checks follow from other findings, so they are missing from a report
// in which those could not be checked. A user's own check may have an id that
// begins with "waiver-", too: it is an ordinary check.
func IsWaiverCheck(id string) bool {
	return id == CheckWaiverExpired || id == CheckWaiverEnding || id == CheckWaiverUnused
}
