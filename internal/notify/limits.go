package notify

import "ptcaudit/internal/ptc"

// MaxSize is the largest message that SNS accepts, in bytes: subject, encoded
// body, and name, type and value of every attribute. The owner of a topic can
// raise its limit, but a publisher cannot read it.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const MaxSize = 256 * 1024

// maxSubject is the longest subject that SNS accepts, in characters: "less than
// 100 characters".
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const maxSubject = 99

// Bounds of lists. Those of attributes are far above what a registry of at
// most ptc.RuleLimit rules needs.
const (
	maxChanges    = 100
	maxFields     = 10
	maxFaults     = 10
	maxAttributes = 250
	maxReferences = 5
	// maxFindings is more than fit into the smallest message.
	maxFindings = 1200
	// maxRules: at most all rules are removed, and as many are added.
	maxRules = 2 * ptc.RuleLimit
)

// Bounds of texts from outside, in characters.
const (
	maxText        = 600  // a message or an error
	maxSentence    = 200  // the first sentence of a finding
	maxRemediation = 4000 // may hold several commands, each with ARNs
	maxName        = 200  // an ARN, the name of a secret, a reference
	maxID          = 64   // a check, an operation, an address
	maxPrefix      = 64   // the API accepts 30
	maxPlace       = 32   // an account, a Region
	maxLines       = 30   // of a text that may have several
)

// Bounds of the text form.
const (
	maxListed    = 10 // changes or rules, one line each; prefixes in one line
	maxActors    = 5  // groups of further changes
	maxChangedBy = 3  // changes beneath one finding
	maxField     = 70 // characters of a field and its old value in one line
)

// Bounds of the chat form, in characters and lines. Amazon Q Developer
// documents none; a section of a Slack message has 3,000 characters:
// https://docs.slack.dev/reference/block-kit/blocks/section-block/
const (
	maxDescription = 2800
	maxChatText    = 300
	maxNextSteps   = 5
	maxResources   = 20
	maxChatChanges = 3
)
