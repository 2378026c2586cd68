package notify

import (
	"cmp"
	"slices"
	"strings"

	"ptcaudit/internal/ptc"
	"ptcaudit/internal/report"
)

// action is the IAM action that an operation needs; empty if it needs none
// that a policy can grant.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func (f Fault) action() string {
	if report.IsRuleCall(f.Operation) {
		return "ecr:" + f.Operation
	}
	s, _ := f.step()
	return s.action
}

// service is whose call failed.
func (f Fault) service() string {
	if report.IsRuleCall(f.Operation) {
		return "ECR"
	}
	return "AWS"
}

// principal is the role or user that a refusal names, if it belongs to the
// account; otherwise empty. It is only shown, beside the message that it was
// taken from.
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

// who is the principal that a refusal names, or words for it.
func (f Fault) who(account string) string {
	return cmp.Or(f.principal(account), "the role that the auditor runs as")
}

// need is what a caller who was denied lacks.
type need int

const (
	permission need = iota
	credentials
	either // the service did not say which
)

// missing is what a denied caller lacks, by the code of the error:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
func (f Fault) missing() need {
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

// Advice that several faults share.
const (
	needCredentials = "Give the auditor valid credentials of this account."
	ifOnce          = "No action is needed if this happens once: the next audit tries again. If it happens again, "
)

// fix is how to fix a fault; empty if unknown.
func (f Fault) fix(account, region string) string {
	if _, ok := f.step(); ok {
		return f.fixStore(account)
	}
	switch f.Kind {
	case ptc.FaultDenied:
		allow := "Allow " + f.action() + " on * for " + f.who(account) + ". If its IAM policy allows it already, check service control policies and permissions boundaries."
		switch f.missing() {
		case permission:
			return allow
		case credentials:
			return needCredentials
		default:
			return needCredentials + " " + allow
		}
	case ptc.FaultThrottled, ptc.FaultUnavailable, ptc.FaultTimeout:
		if f.action() == "" {
			return ifOnce + "check the network between the auditor and AWS, and the AWS Health Dashboard."
		}
		return ifOnce + "check the AWS Health Dashboard for ECR in " + cmp.Or(region, "this Region") + ", and which other programs call ECR there."
	case ptc.FaultMalformed:
		switch f.Operation {
		case ptc.OpLoadPolicy:
			return "Correct these lines until ptcaudit policy lint reports no error, and deploy again."
		case ptc.OpLoadConfig:
			return "Correct these environment variables of the function, and deploy again."
		}
		return ifOnce + "update the auditor: this version does not understand the answer."
	default:
		return ""
	}
}

// fixStore is how to fix a fault of a store: a bucket, or a folder, whose
// faults have no code.
func (f Fault) fixStore(account string) string {
	switch {
	case f.Kind == ptc.FaultMalformed:
		return "If a newer version of the auditor wrote the ledger, deploy that version again. If the ledger is damaged, find out which other program writes to this bucket or folder."
	case f.Retryable:
		return ifOnce + "check the AWS Health Dashboard for S3, and the network between the auditor and the store."
	case f.Kind == ptc.FaultDenied && f.Code == "":
		return "Allow " + f.who(account) + " to read and write this bucket or folder."
	case f.Kind == ptc.FaultDenied && f.missing() == credentials:
		return needCredentials
	case f.Kind == ptc.FaultDenied:
		return "Allow " + f.action() + " on the bucket's objects, and s3:ListBucket on the bucket, for " + f.who(account) +
			". If its IAM policy allows it already, check the bucket policy, the key policy, and service control policies."
	default:
		return "Check that the bucket or folder exists, that it has space, and that its key can be used."
	}
}
