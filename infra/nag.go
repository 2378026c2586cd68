package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// accept suppresses a rule of cdk-nag for a resource, and records the reason in
// the template. With only, it suppresses only those findings of the rule.
// cdk-nag runs in the tests. https://github.com/cdklabs/cdk-nag#suppressing-a-rule
func accept(construct constructs.IConstruct, rule, reason string, only ...string) {
	suppression := map[string]any{"id": rule, "reason": reason}
	if len(only) > 0 {
		suppression["applies_to"] = only
	}
	resource := construct.Node().DefaultChild().(awscdk.CfnResource)
	accepted, _ := resource.GetMetadata(jsii.String("cdk_nag")).(map[string]any)
	list, _ := accepted["rules_to_suppress"].([]any)
	resource.AddMetadata(jsii.String("cdk_nag"), map[string]any{"rules_to_suppress": append(list, suppression)})
}
