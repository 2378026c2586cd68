package ptc_test

import (
	"strings"
	"testing"

	"ptcaudit/internal/ptc"
)

func TestValidPrefix(t *testing.T) {
	tests := []struct {
		prefix string
		want   bool
	}{
		{"ecr-public", true},
		{"ecr-public/", true},
		{"docker--hub", true},
		{"a__b", true},
		{"thirdparty/registry.k8s.io", true},
		{"ROOT", true},
		{"root", true},
		{strings.Repeat("a", 30), true},
		{strings.Repeat("a", 31), false},
		{"a", false},
		{"", false},
		{"ROOT/", false},
		{"Docker", false},
		{"a___b", false},
		{"-x", false},
		{"a//b", false},
		{"ab\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.prefix, func(t *testing.T) {
			if got := ptc.ValidPrefix(tt.prefix); got != tt.want {
				t.Errorf("ValidPrefix(%q) = %t, want %t", tt.prefix, got, tt.want)
			}
		})
	}
}

func TestUpstreamOfURL(t *testing.T) {
	tests := []struct {
		url, want string
	}{
		{"public.ecr.aws", ptc.ECRPublic},
		{"quay.io", ptc.Quay},
		{"registry.k8s.io", ptc.Kubernetes},
		{"registry-1.docker.io", ptc.DockerHub},
		{"ghcr.io", ptc.GitHub},
		{"acme.azurecr.io", ptc.Azure},
		{"acme-e1b2.azurecr.io", ptc.Azure},
		{"registry.gitlab.com", ptc.GitLab},
		{"cgr.dev", ptc.Chainguard},
		{"111122223333.dkr.ecr.eu-west-1.amazonaws.com", ptc.ECR},
		{"dkr.ecr.eu-west-1.amazonaws.com", ptc.ECR},
		{"111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", ptc.ECR},
		{"111122223333.dkr.ecr.us-gov-west-1.amazonaws.com", ptc.ECR},
		{"111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov", ptc.ECR},
		{"111122223333.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", ptc.ECR},
		{"111122223333.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", ptc.ECR},
		{"111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", ptc.ECR},
		{"111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", ptc.ECR},
		{"docker.io", ""},
		{"https://quay.io", ""},
		{"quay.io/", ""},
		{"quay.io.evil.example", ""},
		{".azurecr.io", ""},
		{"a.b.azurecr.io", ""},
		{"111122223333.dkr.ecr.cn-north-1.amazonaws.com", ""},
		{"111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn", ""},
		{"1111.dkr.ecr.eu-west-1.amazonaws.com", ""},
		{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/x", ""},
		{"111122223333.dkr.ecr..amazonaws.com", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			if got := ptc.UpstreamOfURL(tt.url); got != tt.want {
				t.Errorf("UpstreamOfURL(%q) = %q, want %q", tt.url, got, tt.want)
			}
		})
	}
}

// Each partition has its own domain, and no other domain is valid for it.
func TestParseECRURLInEveryPartition(t *testing.T) {
	domains := map[string]string{
		"eu-west-1":       "amazonaws.com",
		"cn-north-1":      "amazonaws.com.cn",
		"us-gov-east-1":   "amazonaws.com",
		"us-iso-east-1":   "c2s.ic.gov",
		"us-isob-east-1":  "sc2s.sgov.gov",
		"eu-isoe-west-1":  "cloud.adc-e.uk",
		"us-isof-south-1": "csp.hci.ic.gov",
		"eusc-de-east-1":  "amazonaws.eu",
	}
	for region, domain := range domains {
		for _, tried := range domains {
			url := "111122223333.dkr.ecr." + region + "." + tried
			account, got, ok := ptc.ParseECRURL(url)
			if ok != (tried == domain) || ok && (account != "111122223333" || got != region) {
				t.Errorf("ParseECRURL(%q) = %q, %q, %t", url, account, got, ok)
			}
		}
	}
}

func TestEveryKnownUpstreamMatchesOnlyItsURL(t *testing.T) {
	for _, k := range ptc.KnownUpstreams() {
		u := ptc.Upstream{Registry: k.Registry}
		if !u.Known() || u.Authenticated() != k.Authenticated {
			t.Errorf("%s: known %t, authenticated %t", k.Registry, u.Known(), u.Authenticated())
		}
	}
	if unknown := (ptc.Upstream{Registry: "harbor"}); unknown.Known() || unknown.Authenticated() {
		t.Error("an upstream that ECR does not document is known")
	}
}

func TestNamesInARNs(t *testing.T) {
	tests := []struct {
		name, arn, secret, role string
	}{
		{"secret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", "ecr-pullthroughcache/hub", ""},
		{"secret with a dash", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/docker-hub-AbCdEf", "ecr-pullthroughcache/docker-hub", ""},
		{"secret whose name ends like a suffix", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/acme-github", "ecr-pullthroughcache/acme-github", ""},
		{"secret whose name ends like a suffix, with one", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/acme-github-AbCdEf", "ecr-pullthroughcache/acme-github", ""},
		{"suffix of small letters and digits", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-a1b2c3", "ecr-pullthroughcache/hub", ""},
		{"ending that is not alphanumeric", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-Ab_dEf", "ecr-pullthroughcache/hub-Ab_dEf", ""},
		{"secret without suffix", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/x", "ecr-pullthroughcache/x", ""},
		{"China", "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", "ecr-pullthroughcache/hub", ""},
		{"role", "arn:aws:iam::111122223333:role/ptc", "", "ptc"},
		{"role with a path", "arn:aws:iam::111122223333:role/ecr/ptc", "", "ptc"},
		{"neither", "arn:aws:s3:::bucket", "", ""},
		{"no ARN", "ecr-pullthroughcache/hub", "", ""},
		{"empty", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ptc.SecretName(tt.arn); got != tt.secret {
				t.Errorf("SecretName = %q, want %q", got, tt.secret)
			}
			if got := ptc.RoleName(tt.arn); got != tt.role {
				t.Errorf("RoleName = %q, want %q", got, tt.role)
			}
		})
	}
}

func TestFaultReadsAsOneLine(t *testing.T) {
	f := ptc.Fault{Operation: "ValidatePullThroughCacheRule", Prefix: "quay", Kind: ptc.FaultDenied, Code: "AccessDeniedException", Message: "not allowed"}
	if got, want := f.Error(), "ValidatePullThroughCacheRule of quay: AccessDeniedException: not allowed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParseECRURL(f *testing.F) {
	f.Add("111122223333.dkr.ecr.eu-west-1.amazonaws.com")
	f.Add("dkr.ecr.eu-west-1.amazonaws.com")
	f.Fuzz(func(t *testing.T, url string) {
		account, region, ok := ptc.ParseECRURL(url)
		host := strings.TrimPrefix(account+".dkr.ecr."+region+".", ".")
		if ok && (!strings.HasPrefix(url, host) || strings.Trim(url[len(host):], "abcdefghijklmnopqrstuvwxyz0-9.") != "") {
			t.Errorf("%q parses to %q, %q, which is another URL", url, account, region)
		}
		if !ok && (account != "" || region != "") {
			t.Errorf("%q is not a registry URL, but gives %q, %q", url, account, region)
		}
	})
}

func TestOneSpellingOfEachName(t *testing.T) {
	const hub = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/acme-github"
	tests := []struct {
		name  string
		clean func(string) string
		text  string
		want  string
	}{
		{"whole secret ARN", ptc.CleanSecretARN, hub + "-AbCdEf", hub},
		{"partial secret ARN", ptc.CleanSecretARN, hub, hub},
		{"role ARN", ptc.CleanSecretARN, "arn:aws:iam::111122223333:role/ptc-AbCdEf", "arn:aws:iam::111122223333:role/ptc-AbCdEf"},
		{"no secret", ptc.CleanSecretARN, "", ""},
		{"prefix with a slash", ptc.CleanPrefix, "quay/", "quay"},
		{"upstream prefix ROOT", ptc.CleanUpstreamPrefix, "ROOT", ""},
		{"upstream prefix with a slash", ptc.CleanUpstreamPrefix, "acme/", "acme"},
		{"host name in capitals", ptc.CleanHost, "Quay.IO", "quay.io"},
		{"host name with the root's dot", ptc.CleanHost, "quay.io.", "quay.io"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.clean(tt.text); got != tt.want {
				t.Errorf("%q is spelled %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestUpstreamNamed(t *testing.T) {
	tests := []struct{ name, want string }{
		{"docker-hub", ptc.DockerHub},
		{"docker.io", ptc.DockerHub},
		{"index.docker.io", ptc.DockerHub},
		{"https://registry-1.docker.io/v2/", ptc.DockerHub},
		{"dockerhub", ptc.DockerHub},
		{"Docker Hub", ptc.DockerHub},
		{"quay/", ptc.Quay},
		{"quay.io", ptc.Quay},
		{"ghcr.io", ptc.GitHub},
		{"ghcr", ptc.GitHub},
		{"registry.k8s.io", ptc.Kubernetes},
		{"k8s.gcr.io", ptc.Kubernetes},
		{"acme.azurecr.io", ptc.Azure},
		{"azurecr.io", ptc.Azure},
		{"public.ecr.aws", ptc.ECRPublic},
		{"111122223333.dkr.ecr.eu-west-1.amazonaws.com", ptc.ECR},
		{"harbor.example.com", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ptc.UpstreamNamed(tt.name); got != tt.want {
				t.Errorf("UpstreamNamed(%q) = %q, want %q", tt.name, got, tt.want)
			}
		})
	}
}

func TestSameSecret(t *testing.T) {
	const hub = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub"
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{"equal", hub + "-AbCdEf", hub + "-AbCdEf", true},
		{"whole and partial", hub + "-AbCdEf", hub, true},
		{"partial and whole", hub, hub + "-AbCdEf", true},
		{"two suffixes", hub + "-AbCdEf", hub + "-XyZxYz", false},
		{"name that ends like a suffix", hub, hub + "-github", false},
		{"another account", hub, "arn:aws:secretsmanager:eu-west-1:444455556666:secret:ecr-pullthroughcache/hub-AbCdEf", false},
		{"another Region", hub, "arn:aws:secretsmanager:us-east-1:111122223333:secret:ecr-pullthroughcache/hub-AbCdEf", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ptc.SameSecret(tt.a, tt.b); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}
