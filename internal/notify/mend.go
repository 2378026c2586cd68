package notify

import (
	"cmp"
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// action is the IAM action that an operation needs; empty where it needs none
// that a policy can grant.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func (f Fault) action() string {
	if f.ofECR() {
		return "ecr:" + f.Operation
	}
	s, _ := f.step()
	return s.action
}

// ofECR says that a fault is about one of ECR's calls. Before ECR is asked, the
// auditor asks another who it is.
func (f Fault) ofECR() bool { return report.IsRuleCall(f.Operation) }

// service is whose call a fault is about.
func (f Fault) service() string {
	if f.ofECR() {
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

// who is the one that a refusal names, or words for it.
func (f Fault) who(account string) string {
	return cmp.Or(f.principal(account), "the role that the auditor runs as")
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
	return map[string]string{ptc.OpLoadPolicy: "policy", ptc.OpLoadConfig: "environment"}[f.Operation]
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
	switch ofECR := f.ofECR() && f.Code != ""; {
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
	if s, ok := f.step(); ok {
		return s.means
	}
	switch f.Operation {
	case ptc.OpLoadPolicy, ptc.OpLoadConfig:
		return "The " + f.broken() + " cannot be used as it is, so nothing was checked."
	case ptc.OpDescribeRules:
		return "The rules could not be listed, so nothing was checked."
	case ptc.OpValidateRule:
		if f.Count == 1 {
			return "ECR did not say whether this rule works."
		}
		return "ECR did not say whether these rules work."
	case ptc.OpChooseCredentials:
		return "The auditor has no credentials for this account, so nothing was checked."
	default:
		return ""
	}
}

// mend says what to do about a fault.
func (f Fault) mend(account, region string) string {
	if _, ok := f.step(); ok {
		return f.mendStore(account)
	}
	switch f.Kind {
	case ptc.FaultDenied:
		who := f.who(account)
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
		case ptc.OpLoadPolicy:
			return "Correct these lines until ptcaudit policy lint finds no fault, and deploy again."
		case ptc.OpLoadConfig:
			return "Correct these variables of the function, and deploy again."
		}
		return "Nothing, if it was a moment: the next audit asks again. If this is said again, the API answers what this version does not understand."
	default:
		return ""
	}
}

// mendStore says what to do about a store: a bucket, or a folder, whose faults
// have no code.
func (f Fault) mendStore(account string) string {
	switch {
	case f.Kind == ptc.FaultMalformed:
		return "If a newer version wrote what is there, deploy that version again. If it is damaged, look who else writes there."
	case f.Retryable:
		return "Nothing, if it was a moment: the next audit tries again. If this is said again, look at the AWS Health Dashboard for S3, and at the network between the auditor and the store."
	case f.Kind == ptc.FaultDenied && f.Code == "":
		return "Let " + f.who(account) + " read and write there."
	case f.Kind == ptc.FaultDenied && f.lacks() == credentials:
		return "Give the auditor valid credentials of this account."
	case f.Kind == ptc.FaultDenied:
		return "Allow " + f.action() + " there, and s3:ListBucket on the bucket, to " + f.who(account) +
			". If its IAM policy does, look at the bucket's own policy, at its key, and for a service control policy that denies it."
	default:
		return "Look whether the bucket or folder is there, whether there is room, and whether its key can be used."
	}
}
