"""Starts the local cloud on a free port of 127.0.0.1 and reports its URL.

The port is taken before it is reported and is never released, so no other
process can take it in between. The URL is written to file descriptor 3. The
cloud stops when standard input ends: when its test ends, or is killed.

Four things are changed to match AWS:

- CloudTrail sends events under sources such as aws.ecr, which are reserved.
  Events with CloudTrail's detail type are accepted.
- CloudFormation sends EventBridge an event when a stack's status changes. The
  local one sends none, so it is made to.
- A permission for an SQS action includes its batch version. The local cloud
  treats them as two actions.
- A function's log is complete when the function has answered. The local cloud
  can be late on a busy machine, so it waits longer.
"""
import json
import os
import signal
import socket
import sys
import threading

HOST = "127.0.0.1"
held = socket.socket()
held.bind((HOST, 0))
held.setblocking(False)
port = held.getsockname()[1]
url = f"{'https' if os.environ.get('USE_SSL') else 'http'}://{HOST}:{port}"
# The local cloud reads these when it is imported.
os.environ.update(BIND_HOST=HOST, MINISTACK_HOST=HOST, GATEWAY_PORT=str(port), AWS_ENDPOINT_URL=url)
with open(3, "w") as report:
    report.write(url + "\n")

from hypercorn.config import Config
from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.services import eventbridge
from ministack.services.cloudformation import stacks

create_sockets = Config._create_sockets
put_events = eventbridge._put_events
add_event = stacks._add_event
extract_iam_action = iam_actions.extract_iam_action
drain = lambda_runtime.Worker._drain_stderr_bounded


def create_sockets_with_held(config, binds, *kind):
    address = f"{HOST}:{port}"
    others = create_sockets(config, [bind for bind in binds if bind != address], *kind)
    return others + [held for bind in binds if bind == address]


def put_events_of_cloudtrail(data, allow_aws_source=False):
    entries = data.get("Entries", [])
    trail = all(entry.get("DetailType") == "AWS API Call via CloudTrail" for entry in entries)
    return put_events(data, allow_aws_source or trail)


def add_event_and_send(stack_id, stack_name, logical_id, resource_type, status, reason="", physical_id="", *more):
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


def stop_with_input():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


Config._create_sockets = create_sockets_with_held
app._port_is_bindable = lambda *_: False  # with TLS it would also listen on 443
eventbridge._put_events = put_events_of_cloudtrail
stacks._add_event = add_event_and_send
iam_actions.extract_iam_action = extract_iam_action_without_batch
lambda_runtime.Worker._drain_stderr_bounded = drain_patiently
threading.Thread(target=stop_with_input, daemon=True).start()
app.main()
