package notify

import (
	"cmp"
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
)

// Fault is what kept an audit from being complete: one line for all faults
// that are equal but for the rule.
type Fault struct {
	Operation string        `json:"operation"`
	Kind      ptc.FaultKind `json:"kind"`
	Code      string        `json:"code,omitempty"`
	// Message is what the first of them says.
	Message   string `json:"message"`
	RequestID string `json:"requestId,omitempty"`
	Retryable bool   `json:"retryable"`
	// Count is how many there were; Prefixes are the rules, as far as they
	// are named here. Without one the fault is the registry's.
	Count    int      `json:"count"`
	Prefixes []string `json:"prefixes,omitempty"`

	// alike says that all of them have the same message.
	alike bool
}

// The steps of an audit that a mail has words for.
const (
	opList     = "DescribePullThroughCacheRules"
	opValidate = "ValidatePullThroughCacheRule"
	// opPolicy is a policy that cannot be loaded; its message has a line for
	// each error.
	opPolicy = "LoadPolicy"
	// opConfig is an environment that is not valid; its message likewise.
	opConfig = "LoadConfig"
	// opChoose is an account that there are no credentials for.
	opChoose = "ChooseCredentials"
)

// fold joins faults that are equal but for the rule and the words, those of
// the registry first, then the most frequent.
func fold(faults []ptc.Fault) []Fault {
	type key struct {
		operation, code string
		kind            ptc.FaultKind
		registry        bool
	}
	type group struct {
		first ptc.Fault
		Fault
	}
	var groups []*group
	known := map[key]*group{}
	for _, f := range faults {
		k := key{f.Operation, f.Code, f.Kind, f.Prefix == ""}
		g := known[k]
		if g == nil {
			g = &group{first: f, Fault: Fault{alike: true}}
			known[k] = g
			groups = append(groups, g)
		}
		g.Count++
		g.Prefixes = addName(g.Prefixes, id(f.Prefix, maxPrefix))
		g.alike = g.alike && f.Message == g.first.Message
	}
	slices.SortStableFunc(groups, func(a, b *group) int {
		if ofRegistry := a.first.Prefix == ""; ofRegistry != (b.first.Prefix == "") {
			return map[bool]int{true: -1, false: 1}[ofRegistry]
		}
		return b.Count - a.Count
	})
	var out []Fault
	for _, g := range groups[:min(len(groups), maxFaults)] {
		g.Operation = id(g.first.Operation, maxID)
		g.Kind = ptc.FaultKind(id(string(g.first.Kind), maxID))
		g.Code = id(g.first.Code, maxID)
		g.RequestID = id(g.first.RequestID, maxID)
		g.Retryable = g.first.Retryable
		g.Message = clean(g.first.Message, maxText)
		if g.broken() != "" {
			g.Message = block(g.first.Message, maxRemediation)
		}
		out = append(out, g.Fault)
	}
	return out
}

// action is the IAM action that an operation needs; empty where it needs none
// that a policy can grant.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func (f Fault) action() string {
	if strings.Contains(f.Operation, "PullThroughCacheRule") {
		return "ecr:" + f.Operation
	}
	return ""
}

// service is whose call a fault is about: before ECR is asked, the auditor asks
// another who it is.
func (f Fault) service() string {
	if f.action() != "" {
		return "ECR"
	}
	return "AWS"
}

// principal is the role or user that a refusal names; empty where it names
// none of the account. It is shown beside the words that it was taken from,
// and decides nothing.
func (f Fault) principal(account string) string {
	for _, word := range strings.FieldsFunc(f.Message, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`"'(),;`, r) }) {
		arn, ok := ptc.ParseARN(word)
		if !ok || account == "" || arn.Account != account {
			continue
		}
		name := strings.Split(arn.Resource, "/")
		switch {
		case arn.Service == "sts" && name[0] == "assumed-role" && len(name) > 1:
			return "role " + name[1]
		case arn.Service == "iam" && (name[0] == "role" || name[0] == "user") && len(name) > 1:
			return name[0] + " " + name[len(name)-1]
		}
	}
	return ""
}

// lack is what somebody who was denied does not have.
type lack int

const (
	permission lack = iota
	credentials
	either // the service did not say which
)

// lacks says what is missing where the kind is denied, by the error's code:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
func (f Fault) lacks() lack {
	switch {
	case f.action() == "":
		return credentials
	case f.Code == "":
		return either
	case slices.ContainsFunc([]string{"AccessDenied", "Unauthorized", "NotAuthorized", "BlockedBy"}, func(begin string) bool {
		return strings.HasPrefix(f.Code, begin)
	}):
		return permission
	default:
		return credentials
	}
}

// broken is what of the auditor's own set-up a fault is about, whose message
// has a line for each error; empty where the fault is another's.
func (f Fault) broken() string {
	return map[string]string{opPolicy: "policy", opConfig: "environment"}[f.Operation]
}

// label is a fault's kind as it stands where a finding has its severity.
func (f Fault) label() string {
	if f.broken() != "" {
		return "BROKEN"
	}
	return strings.ToUpper(string(f.Kind))
}

// what is the step that failed: the IAM action, where that is what lacks.
func (f Fault) what() string {
	switch {
	case f.broken() != "":
		return f.broken()
	case f.Kind == ptc.FaultDenied && f.lacks() != credentials:
		return f.action()
	default:
		return f.Operation
	}
}

// says introduces the words of a fault.
func (f Fault) says() string {
	switch ofECR := f.action() != "" && f.Code != ""; {
	case ofECR && f.alike:
		return "ECR says:"
	case ofECR:
		return "ECR says, of the first:"
	case f.alike:
		return "Reason:"
	default:
		return "Reason, of the first:"
	}
}

// means says what a reader has to make of a fault.
func (f Fault) means() string {
	switch f.Operation {
	case opPolicy, opConfig:
		return "The " + f.broken() + " cannot be used as it is, so nothing was checked."
	case opList:
		return "The rules could not be listed, so nothing was checked."
	case opValidate:
		if f.Count == 1 {
			return "ECR did not say whether this rule works."
		}
		return "ECR did not say whether these rules work."
	case opChoose:
		return "The auditor has no credentials for this account, so nothing was checked."
	default:
		return ""
	}
}

// mend says what to do about a fault.
func (f Fault) mend(account, region string) string {
	switch f.Kind {
	case ptc.FaultDenied:
		who := cmp.Or(f.principal(account), "the role that the auditor runs as")
		has := "Give the auditor valid credentials of this account."
		allow := "Allow " + f.action() + " on * to " + who + ". If its IAM policy does, look for a service control policy or a permissions boundary that denies it."
		switch f.lacks() {
		case permission:
			return allow
		case credentials:
			return has
		default:
			return has + " " + allow
		}
	case ptc.FaultThrottled, ptc.FaultUnavailable, ptc.FaultTimeout:
		again := "Nothing, if it was a moment: the next audit asks again. If this is said again, look at "
		if f.action() == "" {
			return again + "the network between the auditor and AWS, and at the AWS Health Dashboard."
		}
		return again + "the AWS Health Dashboard for ECR in " + cmp.Or(region, "this Region") + ", and at who else calls it there."
	case ptc.FaultMalformed:
		switch f.Operation {
		case opPolicy:
			return "Correct these lines until ptcaudit policy lint finds no fault, and deploy again."
		case opConfig:
			return "Correct these variables of the function, and deploy again."
		}
		return "Nothing, if it was a moment: the next audit asks again. If this is said again, the API answers what this version does not understand."
	default:
		return ""
	}
}
