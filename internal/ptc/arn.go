package ptc

import (
	"regexp"
	"strings"
)

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

// String is how an ARN is written.
func (a ARN) String() string {
	return strings.Join([]string{"arn", a.Partition, a.Service, a.Region, a.Account, a.Resource}, ":")
}

// SecretPrefix begins the name of every secret that ECR can use for a rule:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
const SecretPrefix = "ecr-pullthroughcache/"

// secretSuffix is the dash and six characters that Secrets Manager adds to a
// secret's name in its ARN:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
var secretSuffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// CleanSecretARN is the one spelling of a secret's ARN: without the random
// suffix. Secrets Manager and ECR accept both forms:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
//
// A name may itself end like a suffix, as acme-github does. AWS does not say
// which it is, so an ending of lower-case letters only is taken for a word of
// the name: one random suffix in two hundred looks like that. Text that is not a
// secret's ARN is returned as it is.
func CleanSecretARN(arn string) string {
	if SecretName(arn) == "" {
		return arn
	}
	return strings.TrimSuffix(arn, suffixOf(arn))
}

// SameSecret reports whether two ARNs, each with or without the random suffix,
// can name one secret. With two suffixes they are two secrets: of one that was
// deleted, and of one that has its name now.
func SameSecret(a, b string) bool {
	return a == b || a == CleanSecretARN(b) || CleanSecretARN(a) == b
}

// suffixOf is the random suffix of a secret's name or ARN; empty without one.
func suffixOf(name string) string {
	suffix := secretSuffix.FindString(name)
	if strings.ToLower(suffix) == suffix && !strings.ContainsAny(suffix, "0123456789") {
		return ""
	}
	return suffix
}

// SecretName is the name of the secret that arn refers to, for example
// "ecr-pullthroughcache/hub": without the random suffix, see CleanSecretARN. It
// is empty if arn is not a secret's.
func SecretName(arn string) string {
	a, ok := ParseARN(arn)
	name, isSecret := strings.CutPrefix(a.Resource, "secret:")
	if !ok || a.Service != "secretsmanager" || !isSecret {
		return ""
	}
	if suffix := suffixOf(name); suffix != name {
		return strings.TrimSuffix(name, suffix)
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
