"""What the emulator's CloudFormation drops from the template without a word, put in by API.

The template is the truth; each function here reads it or repeats one fact of
it. When a later emulator does it by itself, the call changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import apply_openapi, paths

if TYPE_CHECKING:
    from .stack import Stack


def close(stack: Stack) -> None:
    """Bring a deployed stack to what the template says."""
    _expire_items(stack)
    _archive_events(stack)
    apply_openapi.apply(
        stack.instance.client("apigateway"), stack.outputs["ApiId"], stack.api_url.rpartition("/")[2],
        paths.TEMPLATE, "Api",
    )


def _expire_items(stack: Stack) -> None:
    """The table's time to live."""
    dynamodb = stack.instance.client("dynamodb")
    described = dynamodb.describe_time_to_live(TableName=stack.table)["TimeToLiveDescription"]
    if described["TimeToLiveStatus"] != "ENABLED":
        dynamodb.update_time_to_live(
            TableName=stack.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
        )


def _archive_events(stack: Stack) -> None:
    """The bus's archive, a resource type the emulator does not know."""
    events = stack.instance.client("events")
    if not events.list_archives(NamePrefix=stack.name)["Archives"]:
        bus = events.describe_event_bus(Name=stack.bus)["Arn"]
        events.create_archive(ArchiveName=stack.name, EventSourceArn=bus, EventPattern='{"source":["q2c"]}')
