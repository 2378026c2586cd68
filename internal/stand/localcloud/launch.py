"""Starts the local cloud, and has it do four things as AWS does them.

CloudTrail hands calls to EventBridge under sources such as aws.ecr, which
nobody else may use: events with its detail type are let pass. CloudFormation
tells EventBridge how its stacks fare: the local one is made to. A permission
for an SQS action holds for its batch version: locally they are told apart. What
a function logs is in its log when it has answered: locally, where the machine
is busy, often only after the next answer.
"""
import json

from ministack.app import main
from ministack.core import iam_actions, lambda_runtime
from ministack.services import eventbridge
from ministack.services.cloudformation import stacks

put_events = eventbridge._put_events
add_event = stacks._add_event
extract_iam_action = iam_actions.extract_iam_action
drain = lambda_runtime.Worker._drain_stderr_bounded


def put_events_of_cloudtrail(data, allow_aws_source=False):
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


def extract_iam_action_without_batch(*request):
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
    action = extract_iam_action(*request)
    return action.removesuffix("Batch") if action and action.startswith("sqs:") else action


def drain_patiently(worker, **_):
    return drain(worker, first_line_wait=0.5, idle_confirm=0.05, hard_cap=2)


eventbridge._put_events = put_events_of_cloudtrail
stacks._add_event = add_event_and_tell
iam_actions.extract_iam_action = extract_iam_action_without_batch
lambda_runtime.Worker._drain_stderr_bounded = drain_patiently
main()
