package emulator

import "regexp"

// upstream is one of the registries that ECR can pull through from:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html
type upstream struct {
	name string
	url  *regexp.Regexp
	// authenticated: a rule needs a credential.
	authenticated bool
}

const ecrUpstream = "ecr"

// ecrURL is the URL of an ECR private registry; the older form names no
// account.
var ecrURL = regexp.MustCompile(`^(?:([0-9]{12})\.)?dkr\.ecr\.([a-z0-9-]+)\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)

var upstreams = []upstream{
	{name: ecrUpstream, url: ecrURL},
	{name: "ecr-public", url: regexp.MustCompile(`^public\.ecr\.aws$`)},
	{name: "quay", url: regexp.MustCompile(`^quay\.io$`)},
	{name: "k8s", url: regexp.MustCompile(`^registry\.k8s\.io$`)},
	{name: "docker-hub", url: regexp.MustCompile(`^registry-1\.docker\.io$`), authenticated: true},
	{name: "github-container-registry", url: regexp.MustCompile(`^ghcr\.io$`), authenticated: true},
	{name: "azure-container-registry", url: regexp.MustCompile(`^[a-z0-9-]+\.azurecr\.io$`), authenticated: true},
	{name: "gitlab-container-registry", url: regexp.MustCompile(`^registry\.gitlab\.com$`), authenticated: true},
	{name: "chainguard", url: regexp.MustCompile(`^cgr\.dev$`), authenticated: true},
}

func upstreamNames() []string {
	names := make([]string, len(upstreams))
	for i, u := range upstreams {
		names[i] = u.name
	}
	return names
}

// upstreamNamed finds an upstream by its name in the API. Of an unknown one
// nothing is known, neither that it needs a credential.
func upstreamNamed(name string) upstream {
	for _, u := range upstreams {
		if u.name == name {
			return u
		}
	}
	return upstream{name: name}
}

// upstreamOf finds the upstream that prescribes url; without a name where
// none does.
func upstreamOf(url string) upstream {
	for _, u := range upstreams {
		if u.url.MatchString(url) {
			return u
		}
	}
	return upstream{}
}
