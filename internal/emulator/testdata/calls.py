"""Makes AWS API calls with boto3 and says what came of each.

Reads {"account", "region", "calls": [{"endpoint", "service", "operation",
"input"}]} and writes one {"output"} or {"code", "message", "status"} for each
call. Parameters are not validated here, so that every constraint reaches the
server.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

job = json.load(sys.stdin)
session = boto3.Session(
    aws_access_key_id=job["account"],
    aws_secret_access_key="secret",
    region_name=job["region"],
)
config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
clients = {}
results = []
for call in job["calls"]:
    endpoint, service = call["endpoint"], call["service"]
    if (endpoint, service) not in clients:
        clients[endpoint, service] = session.client(service, endpoint_url=endpoint, config=config)
    client = clients[endpoint, service]
    method = {client.meta.method_to_api_mapping[m]: m for m in client.meta.method_to_api_mapping}[call["operation"]]
    try:
        output = getattr(client, method)(**call["input"])
        output.pop("ResponseMetadata")
        results.append({"output": output})
    except ClientError as e:
        error = e.response["Error"]
        results.append({
            "code": error["Code"],
            "message": error["Message"],
            "status": e.response["ResponseMetadata"]["HTTPStatusCode"],
        })
json.dump(results, sys.stdout, default=lambda t: t.isoformat())
