package ptc

import (
	"regexp"
	"strings"
)

// The values of upstreamRegistry:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
const (
	ECR        = "ecr"
	ECRPublic  = "ecr-public"
	Quay       = "quay"
	Kubernetes = "k8s"
	DockerHub  = "docker-hub"
	GitHub     = "github-container-registry"
	Azure      = "azure-container-registry"
	GitLab     = "gitlab-container-registry"
	Chainguard = "chainguard"
)

// ecrHost begins the URL of an ECR private registry, after its account.
const ecrHost = "dkr.ecr."

// Upstream is where a rule fetches images from.
type Upstream struct {
	// Registry is the API's upstreamRegistry. If ECR gave none it is derived
	// from URL; it is empty if the URL is not a known one either.
	Registry string
	// URL is the API's upstreamRegistryUrl: a host name without a scheme.
	URL string
	// Prefix is the API's upstreamRepositoryPrefix; empty if ECR gave none.
	Prefix string
}

// KnownUpstream is one of the upstreams that ECR supports.
type KnownUpstream struct {
	// Registry is its name in the API.
	Registry string
	// URL is the upstream's host name, or its form if every customer has their
	// own, for example "<name>.azurecr.io".
	URL string
	// Authenticated: a rule needs a credential.
	Authenticated bool

	match func(url string) bool
}

// Matches reports whether url is a host name of this upstream.
func (k KnownUpstream) Matches(url string) bool {
	if k.match != nil {
		return k.match(url)
	}
	return url == k.URL
}

var azureURL = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*\.azurecr\.io$`)

// KnownUpstreams lists the upstreams that ECR supports, in the API's order:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html
func KnownUpstreams() []KnownUpstream { return knownUpstreams }

var knownUpstreams = []KnownUpstream{
	{Registry: ECR, URL: "<account>.dkr.ecr.<region>.amazonaws.com", match: func(url string) bool {
		_, _, ok := ParseECRURL(url)
		return ok
	}},
	{Registry: ECRPublic, URL: "public.ecr.aws"},
	{Registry: Quay, URL: "quay.io"},
	{Registry: Kubernetes, URL: "registry.k8s.io"},
	{Registry: DockerHub, URL: "registry-1.docker.io", Authenticated: true},
	{Registry: GitHub, URL: "ghcr.io", Authenticated: true},
	{Registry: Azure, URL: "<name>.azurecr.io", Authenticated: true, match: azureURL.MatchString},
	{Registry: GitLab, URL: "registry.gitlab.com", Authenticated: true},
	{Registry: Chainguard, URL: "cgr.dev", Authenticated: true},
}

// LookupUpstream finds a supported upstream by its name in the API.
func LookupUpstream(registry string) (KnownUpstream, bool) {
	for _, k := range knownUpstreams {
		if k.Registry == registry {
			return k, true
		}
	}
	return KnownUpstream{}, false
}

// UpstreamOfURL is the name of the supported upstream that url belongs to; empty
// if there is none.
func UpstreamOfURL(url string) string {
	for _, k := range knownUpstreams {
		if k.Matches(url) {
			return k.Registry
		}
	}
	return ""
}

// CleanHost is the one spelling of a host name, which is not case-sensitive:
// https://www.rfc-editor.org/rfc/rfc4343
func CleanHost(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// aliases are what people and other tools call an upstream.
var aliases = map[string]string{
	"docker.io": DockerHub, "index.docker.io": DockerHub, "registry.docker.io": DockerHub, "hub.docker.com": DockerHub,
	"docker": DockerHub, "dockerhub": DockerHub, "hub": DockerHub,
	"k8s.gcr.io": Kubernetes, "kubernetes": Kubernetes,
	"github": GitHub, "ghcr": GitHub, "docker.pkg.github.com": GitHub,
	"azure": Azure, "acr": Azure, "azurecr.io": Azure,
	"gitlab": GitLab, "gitlab.com": GitLab,
	"cgr": Chainguard, "chainguard.dev": Chainguard,
	"ecrpublic": ECRPublic, "gallery.ecr.aws": ECRPublic,
	"red-hat-quay": Quay, "redhat-quay": Quay,
}

// UpstreamNamed is the API's name of the supported upstream that people mean by
// a word: its name in the API, its host name, a URL, or what other tools call
// it. It is empty if there is none. It is for suggestions only.
func UpstreamNamed(word string) string {
	word = CleanHost(strings.TrimSpace(word))
	if _, after, isURL := strings.Cut(word, "://"); isURL {
		word = after
	}
	word, _, _ = strings.Cut(word, "/")
	word = strings.NewReplacer(" ", "-", "_", "-").Replace(word)
	if _, ok := LookupUpstream(word); ok {
		return word
	}
	if name := UpstreamOfURL(word); name != "" {
		return name
	}
	if name, ok := aliases[word]; ok {
		return name
	}
	return aliases[strings.ReplaceAll(word, "-", "")]
}

// Known reports whether ECR documents this upstream.
func (u Upstream) Known() bool {
	_, ok := LookupUpstream(u.Registry)
	return ok
}

// Authenticated reports whether rules of this upstream need a credential.
func (u Upstream) Authenticated() bool {
	k, _ := LookupUpstream(u.Registry)
	return k.Authenticated
}

// Account is the account of the upstream's registry, if the upstream is an ECR
// private registry and its URL has the account; otherwise it is empty. The older
// form of the URL has no account.
func (u Upstream) Account() string {
	account, _ := u.ecr()
	return account
}

// Region is the Region of the upstream's registry, if the upstream is an ECR
// private registry; otherwise it is empty.
func (u Upstream) Region() string {
	_, region := u.ecr()
	return region
}

func (u Upstream) ecr() (account, region string) {
	if u.Registry == ECR {
		account, region, _ = ParseECRURL(u.URL)
	}
	return account, region
}

// partitions maps the start of a Region's name to its partition and to the
// domain of its registries. The first match counts.
var partitions = []struct{ regionPrefix, partition, suffix string }{
	{"cn-", "aws-cn", "amazonaws.com.cn"},
	{"us-gov-", "aws-us-gov", "amazonaws.com"},
	{"us-iso-", "aws-iso", "c2s.ic.gov"},
	{"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
	{"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
	{"us-isof-", "aws-iso-f", "csp.hci.ic.gov"},
	{"eusc-", "aws-eusc", "amazonaws.eu"},
	{"", "aws", "amazonaws.com"},
}

// PartitionOf is the AWS partition of a Region, as in an ARN.
func PartitionOf(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.regionPrefix) {
			return p.partition
		}
	}
	return "aws"
}

// Partitions lists the AWS partitions.
func Partitions() []string {
	out := make([]string, len(partitions))
	for i, p := range partitions {
		out[i] = p.partition
	}
	return out
}

// domainOf is the domain of the registries of a Region.
func domainOf(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.regionPrefix) {
			return p.suffix
		}
	}
	return ""
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)
)

// ValidAccount reports whether s is an AWS account ID: twelve digits.
func ValidAccount(s string) bool { return accountPattern.MatchString(s) }

// ValidRegion reports whether s has the form of a Region's name, whether or not
// that Region exists.
func ValidRegion(s string) bool { return regionPattern.MatchString(s) }

// ParseECRURL splits the URL of an ECR private registry into account and Region.
// It accepts <account>.dkr.ecr.<region>.<suffix> with the suffix of the Region's
// partition, and the older form without an account, which gives an empty one.
// For everything else, ok is false: also for a URL with a scheme or a path.
func ParseECRURL(url string) (account, region string, ok bool) {
	rest := url
	if !strings.HasPrefix(rest, ecrHost) {
		account, rest, ok = strings.Cut(url, ".")
		if !ok || !ValidAccount(account) || !strings.HasPrefix(rest, ecrHost) {
			return "", "", false
		}
	}
	region, suffix, ok := strings.Cut(strings.TrimPrefix(rest, ecrHost), ".")
	if !ok || !ValidRegion(region) || suffix != domainOf(region) {
		return "", "", false
	}
	return account, region, true
}

// Supported reports whether ECR documents pull through cache rules for a Region.
// China and GovCloud have none:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
func Supported(region string) bool {
	switch region {
	case "cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1":
		return false
	}
	return true
}
