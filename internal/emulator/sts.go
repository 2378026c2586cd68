package emulator

import (
	"regexp"
	"time"
)

var (
	rolePattern    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,64}$`)
	sessionPattern = regexp.MustCompile(`^[\w+=,.@-]*$`)
)

// sessionTime is how long AssumeRole's credentials claim to be valid. The
// emulator does not check it.
const sessionTime = time.Hour

// stsService returns the caller's identity, and a session of any role to every
// caller:
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
var stsService = &service{
	name: "sts",
	operations: []*operation{
		{name: "GetCallerIdentity", run: getCallerIdentity},
		{name: "AssumeRole", run: assumeRole, input: []member{
			member{min: 20, max: 2048, pattern: rolePattern}.mandatory("RoleArn"),
			member{min: 2, max: 64, pattern: sessionPattern}.mandatory("RoleSessionName"),
		}},
	},
}

func getCallerIdentity(_ *registry, c *call) (object, *apiError) {
	return object{"Account": c.account, "Arn": c.arn(), "UserId": c.principalID()}, nil
}

func assumeRole(_ *registry, c *call) (object, *apiError) {
	s := session{Role: c.text("RoleArn"), Name: c.text("RoleSessionName"), Started: c.now.Truncate(time.Second)}
	token := s.token()
	as := caller{
		account: rolePattern.FindStringSubmatch(s.Role)[1],
		region:  c.region,
		session: &s,
	}
	return object{
		"Credentials": object{
			"AccessKeyId":     uniqueID("ASIA", token),
			"SecretAccessKey": "not-verified",
			"SessionToken":    token,
			"Expiration":      c.now.Add(sessionTime),
		},
		"AssumedRoleUser": object{"Arn": as.arn(), "AssumedRoleId": as.principalID()},
	}, nil
}
