"""Starts the local cloud, and has it do two things that AWS does by itself.

CloudTrail hands calls to EventBridge under sources such as aws.ecr, which
nobody else may use: events with its detail type are let pass. CloudFormation
tells EventBridge how its stacks fare; the local one does not.
"""
import json

from ministack.app import main
from ministack.services import eventbridge
from ministack.services.cloudformation import stacks

put_events = eventbridge._put_events
add_event = stacks._add_event


def put_cloudtrails_events(data, allow_aws_source=False):
    entries = data.get("Entries", [])
    trail = all(entry.get("DetailType") == "AWS API Call via CloudTrail" for entry in entries)
    return put_events(data, allow_aws_source or trail)


def add_event_and_tell(stack_id, stack_name, logical_id, resource_type, status, reason="", physical_id="", *more):
    add_event(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, *more)
    if physical_id != stack_id:
        return
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-schema-sample.html
    put_events({"Entries": [{
        "Source": "aws.cloudformation",
        "DetailType": "CloudFormation Stack Status Change",
        "Resources": [stack_id],
        "Detail": json.dumps({
            "stack-id": stack_id,
            "status-details": {"status": status, "status-reason": reason},
        }),
    }]}, allow_aws_source=True)


eventbridge._put_events = put_cloudtrails_events
stacks._add_event = add_event_and_tell
main()
