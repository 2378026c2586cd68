package ptc

// AWS API operations that code compares, by their names in the API, in
// CloudTrail and in Fault.Operation.
const (
	OpCreateRule    = "CreatePullThroughCacheRule"
	OpUpdateRule    = "UpdatePullThroughCacheRule"
	OpDeleteRule    = "DeletePullThroughCacheRule"
	OpDescribeRules = "DescribePullThroughCacheRules"
	OpValidateRule  = "ValidatePullThroughCacheRule"

	OpCreateSecret         = "CreateSecret"
	OpPutSecretValue       = "PutSecretValue"
	OpUpdateSecret         = "UpdateSecret"
	OpUpdateSecretStage    = "UpdateSecretVersionStage"
	OpDeleteSecret         = "DeleteSecret"
	OpRestoreSecret        = "RestoreSecret"
	OpRotateSecret         = "RotateSecret"
	OpCancelRotateSecret   = "CancelRotateSecret"
	OpPutResourcePolicy    = "PutResourcePolicy"
	OpDeleteResourcePolicy = "DeleteResourcePolicy"

	OpGetCallerIdentity = "GetCallerIdentity"

	OpPublish                 = "Publish"
	OpCountSubscribers        = "GetTopicAttributes"
	OpChangeMessageVisibility = "ChangeMessageVisibility"
)

// Steps of an audit that are no API operation, as they appear in
// Fault.Operation.
const (
	// OpLoadPolicy reads the policy. A fault's message has a line per error.
	OpLoadPolicy = "LoadPolicy"
	// OpLoadConfig reads the environment. A fault's message has a line per error.
	OpLoadConfig = "LoadConfig"
	// OpChooseCredentials finds credentials for the account of a registry.
	OpChooseCredentials = "ChooseCredentials" //nolint:gosec // the name of a step
	// OpPutEvidence stores a report as evidence.
	OpPutEvidence = "PutEvidence"
	// OpGetLedger and OpPutLedger read and write the ledger of a registry.
	OpGetLedger = "GetLedger"
	OpPutLedger = "PutLedger"
)
