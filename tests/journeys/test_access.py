"""IAM is enforced on the stack that every journey runs on: what a role does not name, its function cannot do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.instance import REGION

from .conftest import Journey

Session = Callable[[str], Any]


@pytest.fixture
def as_webhook(journey: Journey) -> Session:
    """Clients with the credentials of the webhook's role."""
    function = journey.stack.stack.function("webhook")
    role = journey.stack.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    given = journey.stack.client("sts").assume_role(RoleArn=role, RoleSessionName="journey")["Credentials"]

    def client(service: str) -> Any:
        return boto3.client(
            service, endpoint_url=journey.stack.instance.endpoint, region_name=REGION,
            aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
    return client


def test_a_role_may_do_its_function_s_work(journey: Journey, as_webhook: Session) -> None:
    """Proves SEC-04 in part: the allowed side, so that a denial below means a policy and not a broken client."""
    key = {"pk": {"S": "connection#hubspot-main"}, "sk": {"S": "config"}}
    found = as_webhook("dynamodb").get_item(TableName=journey.stack.table, Key=key)
    assert found["Item"]["tenant"] == {"S": "northwind"}


@pytest.mark.parametrize(("service", "call", "arguments"), [
    ("dynamodb", "scan", {"TableName": "{table}"}),
    ("dynamodb", "delete_table", {"TableName": "{table}"}),
    ("sqs", "list_queues", {}),
    ("secretsmanager", "create_secret", {"Name": "stolen", "SecretString": "x"}),
    ("lambda", "list_functions", {}),
    ("events", "put_rule", {"Name": "copy", "EventPattern": "{{}}"}),
])
def test_a_role_may_do_nothing_else(
    journey: Journey, as_webhook: Session, service: str, call: str, arguments: dict[str, str],
) -> None:
    """Proves SEC-04 in part: least privilege is in force while the journeys run."""
    filled = {name: value.format(table=journey.stack.table) for name, value in arguments.items()}
    with pytest.raises(ClientError) as refused:
        getattr(as_webhook(service), call)(**filled)
    assert "AccessDenied" in refused.value.response["Error"]["Code"]
