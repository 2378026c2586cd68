package emulator

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// DefaultAccount is the account of callers whose access key id is no account
// id.
const DefaultAccount = "000000000000"

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z0-9-]+$`)
	credentialPart = regexp.MustCompile(`Credential=([^/\s,]+)/([^/\s,]*)/([^/\s,]+)/([^/\s,]+)/aws4_request`)
)

// caller is who signed a request, and for which Region.
type caller struct {
	account, region string
	accessKeyID     string
	session         *session // nil: the user "emulator"
}

// session is what AssumeRole gave out. It travels in the session token, so
// that the emulator need not remember it.
type session struct {
	Role    string    `json:"role"` // the role's ARN
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
}

// sessionMark begins the session tokens that are ours.
const sessionMark = "ptcaudit-emulator."

// token writes a session into a session token.
func (s session) token() string {
	b, _ := json.Marshal(s) // strings and a time: cannot fail
	return sessionMark + base64.RawURLEncoding.EncodeToString(b)
}

// parseToken reads a session token; nil if the emulator did not issue it.
func parseToken(token string) *session {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, sessionMark))
	s := &session{}
	if !strings.HasPrefix(token, sessionMark) || err != nil || json.Unmarshal(b, s) != nil {
		return nil
	}
	if !rolePattern.MatchString(s.Role) || !sessionPattern.MatchString(s.Name) {
		return nil
	}
	return s
}

// identify reads account and Region from a request's signature, which is not
// verified: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func identify(r *http.Request) (caller, *apiError) {
	authorization := r.Header.Get("Authorization")
	if authorization == "" {
		return caller{}, errorf("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	m := credentialPart.FindStringSubmatch(authorization)
	if m == nil || !regionPattern.MatchString(m[3]) {
		return caller{}, errorf("IncompleteSignatureException", "Credential must have at least 5 slash-delimited elements")
	}
	c := caller{account: DefaultAccount, region: m[3], accessKeyID: m[1]}
	if accountPattern.MatchString(m[1]) {
		c.account = m[1]
	}
	if s := parseToken(r.Header.Get("X-Amz-Security-Token")); s != nil {
		c.session = s
		c.account = rolePattern.FindStringSubmatch(s.Role)[1]
	}
	return c, nil
}

// arn names the caller as STS and CloudTrail do.
func (c caller) arn() string {
	if c.session != nil {
		return "arn:" + strings.Split(c.session.Role, ":")[1] + ":sts::" + c.account + ":assumed-role/" + c.session.roleName() + "/" + c.session.Name
	}
	return "arn:" + partition(c.region) + ":iam::" + c.account + ":user/emulator"
}

// principalID is the caller's unique id.
func (c caller) principalID() string {
	if c.session != nil {
		return c.session.roleID() + ":" + c.session.Name
	}
	return uniqueID("AIDA", c.account)
}

func (s session) roleName() string { return s.Role[strings.LastIndex(s.Role, "/")+1:] }

func (s session) roleID() string { return uniqueID("AROA", s.Role) }

// uniqueID makes an id of IAM's form, always the same for the same seed.
func uniqueID(kind, seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return kind + base32.StdEncoding.EncodeToString(sum[:10])
}

// authorize refuses what is asked of another account's registry, as ECR does
// where nothing grants it.
func (c *call) authorize() *apiError {
	if id := c.text("registryId"); id != "" && id != c.account {
		return errorf("AccessDeniedException", "User: %s is not authorized to perform: %s because no resource-based policy allows the %s action", c.arn(), c.action(), c.action())
	}
	return nil
}

// partition is the AWS partition of a Region, as it stands in an ARN:
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
func partition(region string) string {
	for _, p := range []struct{ prefix, partition string }{
		{"cn-", "aws-cn"},
		{"us-gov-", "aws-us-gov"},
		{"us-iso-", "aws-iso"},
		{"us-isob-", "aws-iso-b"},
		{"eu-isoe-", "aws-iso-e"},
		{"us-isof-", "aws-iso-f"},
		{"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}
