package emulator

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// The shapes of Secrets Manager's model:
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
var (
	secretNamePattern = regexp.MustCompile(`^[a-zA-Z0-9/_+=.@-]+$`)

	secretNameShape   = member{min: 1, max: 512, pattern: secretNamePattern}
	secretIDShape     = member{min: 1, max: 2048}
	secretStringShape = member{min: 1, max: 65536}
	tokenShape        = member{min: 32, max: 64}
	textShape         = member{max: 2048}
)

// Days until a secret that is marked for deletion is deleted:
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
const (
	minRecoveryDays     = 7
	maxRecoveryDays     = 30
	defaultRecoveryDays = 30
)

// secretsService has the calls of Secrets Manager that can fix or break a rule.
// It keeps no secret value, only whether ECR could use it.
var secretsService = &service{
	name:      "secretsmanager",
	target:    "secretsmanager",
	errorText: "Message",
	operations: []*operation{
		{name: "CreateSecret", mutates: true, run: createSecret, input: []member{
			secretNameShape.mandatory("Name"),
			tokenShape.optional("ClientRequestToken"),
			textShape.optional("Description"),
			textShape.optional("KmsKeyId"),
			secretStringShape.optional(secretString),
			secretStringShape.optional(secretBinary),
		}},
		{name: "PutSecretValue", mutates: true, run: putSecretValue, input: []member{
			secretIDShape.mandatory("SecretId"),
			tokenShape.optional("ClientRequestToken"),
			secretStringShape.optional(secretString),
			secretStringShape.optional(secretBinary),
		}},
		{name: "UpdateSecret", mutates: true, run: updateSecret, input: []member{
			secretIDShape.mandatory("SecretId"),
			tokenShape.optional("ClientRequestToken"),
			textShape.optional("Description"),
			textShape.optional("KmsKeyId"),
			secretStringShape.optional(secretString),
			secretStringShape.optional(secretBinary),
		}},
		{name: "DeleteSecret", mutates: true, run: deleteSecret, input: []member{
			secretIDShape.mandatory("SecretId"),
			member{kind: integer, min: minRecoveryDays, max: maxRecoveryDays}.optional("RecoveryWindowInDays"),
			member{kind: boolean}.optional("ForceDeleteWithoutRecovery"),
		}},
		{name: "RestoreSecret", mutates: true, run: restoreSecret, input: []member{
			secretIDShape.mandatory("SecretId"),
		}},
		{name: "DescribeSecret", run: describeSecret, input: []member{
			secretIDShape.mandatory("SecretId"),
		}},
	},
}

// The members that hold a secret's value. They leave the call with the
// operation, and are in no event.
const (
	secretString = "SecretString"
	secretBinary = "SecretBinary"
)

// secret finds the secret that a call names by its ARN, its name, or its ARN
// without the six random characters.
func (r *registry) secret(c *call) (*secret, *apiError) {
	if s := r.existing(c.text("SecretId")); s != nil {
		return s, nil
	}
	return nil, errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// existing finds a secret that exists, marked for deletion or not; nil if there
// is none. A secret that was only assumed to exist, because its ARN is
// unlisted, is listed from now on.
func (r *registry) existing(id string) *secret {
	if s := r.listed(id); s != nil {
		if s.obstacle == SecretMissing {
			return nil
		}
		return s
	}
	if r.unlisted != SecretOK {
		return nil
	}
	arns := []string{id}
	for _, ru := range r.rules {
		arns = append(arns, ru.credentialARN)
	}
	for _, arn := range arns {
		s := newSecret(Secret{ARN: arn})
		if strings.HasPrefix(arn, r.secretARN("")) && s.named(id) {
			r.secrets[arn] = s
			return s
		}
	}
	return nil
}

// secretARN is the ARN of a secret of this registry's account and Region.
func (r *registry) secretARN(name string) string {
	return "arn:" + partition(r.region) + ":secretsmanager:" + r.region + ":" + r.account + ":secret:" + name
}

// write puts what a call brings into a secret: a value, a key.
func (r *registry) write(c *call, s *secret) {
	switch value := c.text(secretString); {
	case value != "":
		s.value = credentialState(value)
	case c.text(secretBinary) != "":
		s.value = SecretRejected // ECR reads the string only
	}
	// ECR supports only the default key:
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
	switch key := c.text("KmsKeyId"); {
	case key == "":
	case strings.HasSuffix(key, "alias/aws/secretsmanager"):
		if s.obstacle == SecretUndecryptable {
			s.obstacle = ""
		}
	case s.obstacle == "":
		s.obstacle = SecretUndecryptable
	}
	r.touched(s)
}

func createSecret(r *registry, c *call) (object, *apiError) {
	name := c.text("Name")
	if s := r.existing(name); s != nil && s.deleted {
		return nil, errorf("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
	} else if s != nil {
		return nil, errorf("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
	}
	r.created++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, r.created))
	s := &secret{arn: r.secretARN(name + "-" + base32.StdEncoding.EncodeToString(sum[:])[:6]), name: name, value: SecretRejected}
	r.secrets[s.arn] = s
	r.write(c, s)
	return s.members(c), nil
}

func putSecretValue(r *registry, c *call) (object, *apiError) {
	s, err := r.secret(c)
	if err != nil {
		return nil, err
	}
	if c.text(secretString) == "" && c.text(secretBinary) == "" {
		return nil, errorf("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	}
	return updateSecretFound(r, c, s)
}

func updateSecret(r *registry, c *call) (object, *apiError) {
	s, err := r.secret(c)
	if err != nil {
		return nil, err
	}
	return updateSecretFound(r, c, s)
}

func updateSecretFound(r *registry, c *call, s *secret) (object, *apiError) {
	if s.deleted {
		return nil, errorf("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	}
	r.write(c, s)
	return s.members(c), nil
}

func deleteSecret(r *registry, c *call) (object, *apiError) {
	s, err := r.secret(c)
	if err != nil {
		return nil, err
	}
	days, windowed := c.input["RecoveryWindowInDays"].(int64)
	force, _ := c.input["ForceDeleteWithoutRecovery"].(bool)
	switch {
	case force && windowed:
		return nil, errorf("InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case force:
		days = 0
		// From now on it is missing, also where unlisted secrets are not.
		s.obstacle = SecretMissing
	case s.deleted:
		return nil, errorf("InvalidRequestException", "You tried to perform the operation on a secret that's currently marked deleted.")
	case !windowed:
		days = defaultRecoveryDays
	}
	s.deleted = !force
	r.touched(s)
	return object{"ARN": s.arn, "Name": s.name, "DeletionDate": c.now.Add(time.Duration(days) * 24 * time.Hour)}, nil
}

func restoreSecret(r *registry, c *call) (object, *apiError) {
	s, err := r.secret(c)
	if err != nil {
		return nil, err
	}
	s.deleted = false
	r.touched(s)
	return object{"ARN": s.arn, "Name": s.name}, nil
}

// describeSecret returns a secret's ARN, which cannot be derived from its name.
func describeSecret(r *registry, c *call) (object, *apiError) {
	s, err := r.secret(c)
	if err != nil {
		return nil, err
	}
	return object{"ARN": s.arn, "Name": s.name}, nil
}

// members answers what was written.
func (s *secret) members(c *call) object {
	version := c.text("ClientRequestToken")
	if version == "" {
		version = c.requestID
	}
	return object{"ARN": s.arn, "Name": s.name, "VersionId": version}
}
