"""Lists the subscriptions of a deployment that are not confirmed yet.

Usage: unconfirmed.py OUTPUTS, the file that `cdk deploy --outputs-file` writes. It
never fails, because everything is deployed already.
"""
import json
import sys

import boto3
import botocore.exceptions


def main(path):
    waiting, known = [], 0
    with open(path, encoding="utf-8") as file:
        stacks = json.load(file).values()
    for outputs in stacks:
        for topic in (v for k, v in outputs.items() if k.endswith("Topic")):
            sns = boto3.client("sns", region_name=topic.split(":")[3])
            pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
            for subscription in (s for page in pages for s in page["Subscriptions"]):
                known += 1
                if subscription["SubscriptionArn"] == "PendingConfirmation":
                    waiting.append((topic.rsplit(":", 1)[1], subscription["Protocol"], subscription["Endpoint"]))
    if not known:
        print("\nNo one is subscribed: no one gets findings or alarms. Set email, https or sqs.")
        return
    if not waiting:
        print("\nAll subscriptions are confirmed.")
        return
    print("\nThese addresses get nothing until they confirm their subscription (mail addresses: follow the link in the mail):")
    for row in sorted(waiting):
        print("  {1:6} {2}  (topic {0})".format(*row))


try:
    main(sys.argv[1])
except (OSError, ValueError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
    print(f"\nCannot list the unconfirmed subscriptions: {error}")
