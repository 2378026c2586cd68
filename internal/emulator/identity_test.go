package emulator_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"ptcaudit/internal/emulator"
)

// sessionToken is the token of a session that AssumeRole gave.
func sessionToken(t *testing.T, roleARN, name string) string {
	t.Helper()
	_, endpoint := serve(t, emulator.Fixture{})
	return aws.ToString(assume(t, endpoint, roleARN, name).Credentials.SessionToken)
}

func assume(t *testing.T, endpoint, roleARN, name string) *sts.AssumeRoleOutput {
	t.Helper()
	out, err := sts.NewFromConfig(config(endpoint, account, region)).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhoCalls(t *testing.T) {
	_, endpoint := serve(t, emulator.Fixture{})
	tests := []struct{ name, key, region, account, arn string }{
		{"an account's id", account, region, account, "arn:aws:iam::111122223333:user/emulator"},
		{"any other key", "AKIAIOSFODNN7EXAMPLE", region, emulator.DefaultAccount, "arn:aws:iam::000000000000:user/emulator"},
		{"China", account, "cn-north-1", account, "arn:aws-cn:iam::111122223333:user/emulator"},
		{"GovCloud", account, "us-gov-west-1", account, "arn:aws-us-gov:iam::111122223333:user/emulator"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := sts.NewFromConfig(config(endpoint, tt.key, tt.region)).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			if err != nil {
				t.Fatal(err)
			}
			if *out.Account != tt.account || *out.Arn != tt.arn || !strings.HasPrefix(*out.UserId, "AIDA") {
				t.Errorf("%s %s %s", *out.Account, *out.Arn, *out.UserId)
			}
		})
	}
}

func TestSessions(t *testing.T) {
	const memberRole = "arn:aws:iam::444455556666:role/audit/Member"
	_, endpoint := serve(t, emulator.Fixture{Registries: []emulator.Registry{{
		Account: "444455556666", Region: region,
		Rules: []emulator.Rule{{EcrRepositoryPrefix: "quay", UpstreamRegistryURL: "quay.io"}},
	}}})
	out := assume(t, endpoint, memberRole, "jane@example.com")
	if got, want := *out.AssumedRoleUser.Arn, "arn:aws:sts::444455556666:assumed-role/Member/jane@example.com"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !out.Credentials.Expiration.After(now) {
		t.Errorf("expires %v", out.Credentials.Expiration)
	}
	cfg := config(endpoint, account, region)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	id, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *id.Arn != *out.AssumedRoleUser.Arn || *id.UserId != *out.AssumedRoleUser.AssumedRoleId {
		t.Errorf("%v, %v", id, err)
	}
	rules, err := ecr.NewFromConfig(cfg).DescribePullThroughCacheRules(t.Context(), &ecr.DescribePullThroughCacheRulesInput{})
	if err != nil || len(rules.PullThroughCacheRules) != 1 {
		t.Errorf("the session does not see its account's registry: %v, %v", rules, err)
	}
}

func TestAssumeRoleRefuses(t *testing.T) {
	_, endpoint := serve(t, emulator.Fixture{})
	const good = "arn:aws:iam::111122223333:role/Admin"
	tests := []struct{ name, role, session string }{
		{"no role", "arn:aws:iam::111122223333:user/x", "jane"},
		{"no account", "arn:aws:iam::1:role/Administrator", "jane"},
		{"session of one character", good, "j"},
		{"session with a slash", good, "j/j"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sts.NewFromConfig(config(endpoint, account, region)).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(tt.role), RoleSessionName: aws.String(tt.session)})
			if got := code(t, err); got != "ValidationError" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A token of others is ignored: the key identifies the caller.
func TestForeignTokens(t *testing.T) {
	_, server := serve(t, emulator.Fixture{})
	for _, token := range []string{"FwoGZXIvYXdzE", "ptcaudit-emulator.", "ptcaudit-emulator.!!", "ptcaudit-emulator.e30", "ptcaudit-emulator.bnVsbA"} {
		body := url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}.Encode()
		a := send(t, signed(t, server, body, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8", "X-Amz-Security-Token", token))
		if !strings.Contains(a.body, "<Arn>arn:aws:iam::111122223333:user/emulator</Arn>") {
			t.Errorf("%s: %s", token, a.body)
		}
	}
}

func TestFaultsReachSTS(t *testing.T) {
	_, endpoint := serve(t, emulator.Fixture{Faults: []emulator.Fault{{Operation: "GetCallerIdentity", Code: "AccessDeniedException", Status: 403}}})
	_, err := sts.NewFromConfig(config(endpoint, account, region)).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if got := code(t, err); got != "AccessDeniedException" {
		t.Errorf("got %v", err)
	}
}
