"""List prices in US dollars, us-east-1, without free tiers or discounts."""

from __future__ import annotations

from collections.abc import Mapping

# https://aws.amazon.com/dynamodb/pricing/on-demand/ (standard table class)
WRITE_UNIT = 0.625 / 1_000_000
READ_UNIT = 0.125 / 1_000_000
# https://aws.amazon.com/eventbridge/pricing/ (custom events, each started 64 KB)
BUS_ENTRY = 1.00 / 1_000_000
# https://aws.amazon.com/secrets-manager/pricing/
SECRET_CALL = 0.05 / 10_000
# https://aws.amazon.com/sqs/pricing/ (standard queues)
QUEUE_CALL = 0.40 / 1_000_000


def of(used: Mapping[str, int]) -> float:
    """The price of what was used, in dollars."""
    return (
        (used["write_units"] + used["index_write_units"]) * WRITE_UNIT
        + used["half_read_units"] / 2 * READ_UNIT
        + used["bus_entries"] * BUS_ENTRY
        + used["secret_calls"] * SECRET_CALL
        + used["queue_calls"] * QUEUE_CALL
    )


def listed() -> dict[str, float]:
    """The prices per million, to stand beside the figures."""
    return {
        "write unit": WRITE_UNIT * 1_000_000,
        "read unit": READ_UNIT * 1_000_000,
        "event on the bus": BUS_ENTRY * 1_000_000,
        "call for a secret": SECRET_CALL * 1_000_000,
        "call of a queue": QUEUE_CALL * 1_000_000,
    }
