"""Cloud Custodian with a resource for pull through cache rules.

Custodian does not support these rules. This adds the minimum that does the same
work: describe the rules, have ECR validate each of them, filter by upstream. It
uses Custodian's own classes for queries, filters and concurrency.
"""
import sys
from concurrent.futures import as_completed

from c7n import cli
from c7n.filters import ValueFilter
from c7n.manager import resources
from c7n.query import QueryResourceManager, TypeInfo
from c7n.resources.resource_map import ResourceMap
from c7n.utils import local_session, type_schema


@resources.register("ecr-pull-through-cache-rule")
class PullThroughCacheRule(QueryResourceManager):
    class resource_type(TypeInfo):
        service = "ecr"
        arn_type = "pull-through-cache-rule"
        enum_spec = ("describe_pull_through_cache_rules", "pullThroughCacheRules", None)
        id = name = "ecrRepositoryPrefix"
        permissions_augment = ("ecr:ValidatePullThroughCacheRule",)


@PullThroughCacheRule.filter_registry.register("validation")
class Validation(ValueFilter):
    schema = type_schema("validation", rinherit=ValueFilter.schema)
    permissions = ("ecr:ValidatePullThroughCacheRule",)

    def process(self, rules, event=None):
        client = local_session(self.manager.session_factory).client("ecr")

        def validate(rule):
            rule["c7n:validation"] = client.validate_pull_through_cache_rule(
                ecrRepositoryPrefix=rule["ecrRepositoryPrefix"]
            )

        with self.executor_factory(max_workers=8) as pool:
            for done in as_completed([pool.submit(validate, rule) for rule in rules]):
                done.result()
        return [rule for rule in rules if self.match(rule["c7n:validation"])]


ResourceMap["aws.ecr-pull-through-cache-rule"] = "__main__.PullThroughCacheRule"

if __name__ == "__main__":
    sys.exit(cli.main())
