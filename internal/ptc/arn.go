package ptc

import "strings"

// ARN holds the parts of an Amazon Resource Name:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// ParseARN splits s into its parts. An invalid ARN gives the zero value and
// false.
func ParseARN(s string) (ARN, bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ARN{}, false
	}
	return ARN{parts[1], parts[2], parts[3], parts[4], parts[5]}, true
}

// SecretPrefix begins the name of every secret that ECR can use for a rule:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
const SecretPrefix = "ecr-pullthroughcache/"

// secretSuffixLength is the dash and six characters that Secrets Manager adds
// to a secret's name in its ARN:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
const secretSuffixLength = 7

// SecretName is the name of the secret that arn refers to, for example
// "ecr-pullthroughcache/hub": without the random suffix of the ARN. It is empty
// if arn is not a secret's.
func SecretName(arn string) string {
	a, ok := ParseARN(arn)
	name, isSecret := strings.CutPrefix(a.Resource, "secret:")
	if !ok || a.Service != "secretsmanager" || !isSecret {
		return ""
	}
	if cut := len(name) - secretSuffixLength; cut > 0 && name[cut] == '-' {
		return name[:cut]
	}
	return name
}

// RoleName is the name of the role that arn refers to, without its path. It is
// empty if arn is not a role's.
func RoleName(arn string) string {
	a, ok := ParseARN(arn)
	name, isRole := strings.CutPrefix(a.Resource, "role/")
	if !ok || a.Service != "iam" || !isRole {
		return ""
	}
	return name[strings.LastIndex(name, "/")+1:]
}
