"""The deal that is played: what is sold, worked, spent and credited, and what that must come to.

The amounts are worked out here from what people agree and do, and not from any system that is compared later, so an
error that the systems share is found too.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CURRENCY = "USD"
CENT = Decimal("0.01")
TAX_RATE = Decimal("0.10")
MILESTONE, MILESTONE_FEE = "M1", Decimal("20000.00")
RATES = {"consultant": Decimal("180.00"), "principal": Decimal("260.00")}
NEW_RATE = Decimal("200.00")
"""A consultant's hour from the day of the change order on; earlier work keeps its price."""
SERVICE, SERVICE_FEE = "S2", Decimal("1200.00")
"""A service that runs from the first day of last month on: one month of it is over, whenever it is played."""
MARKUP_PERCENT = Decimal("7.5")
CHANGES = {
    "lines": {
        "M2": {"name": "Deployment with data migration", "price": "36000.00", "amount": "36000.00"},
        "consultant": {"price": f"{NEW_RATE}", "amount": f"{NEW_RATE}"},
        "S1": {"price": "1800.00", "amount": "21600.00"},
    },
}
FIRST_VALUE = Decimal("82400.00")
"""What is sold at first: 20,000 + 30,000 + 12 × 1,500 + 12 × 1,200."""
VALUE = Decimal("92000.00")
"""What is sold after the change order: 20,000 + 36,000 + 12 × 1,800 + 12 × 1,200."""
TASK = "Delivery"
WORK = (
    (4, "Ada Lindqvist", "principal", 120, "Kick-off with the customer"),
    (3, "Ben Okafor", "consultant", 450, "Process workshop, day 1"),
    (2, "Ben Okafor", "consultant", 480, "Process workshop, day 2"),
    (1, "Cleo Martin", "consultant", 390, "Interface design"),
    (0, "Ada Lindqvist", "principal", 90, "Design review"),
    (0, "Cleo Martin", "consultant", 240, "Plan of the data migration"),
)
"""How many days ago who worked, in which role, how many minutes, on what."""
SPENT = (
    (3, "Ben Okafor", "Lodging", 24_000, True),
    (3, "Ben Okafor", "Travel", 4_430, True),
    (3, "Ben Okafor", "Food", 3_100, False),
)
"""How many days ago who spent how many cents on what, and whether the customer bears it."""
CREDITED = 4
"""The entry in `WORK` that is billed and then credited."""
PART = Decimal("15000.00")
"""What the customer pays at first of the invoice for delivery."""


@dataclass(frozen=True)
class Bill:
    """One invoice: what it must come to, and what a credit memo takes off it, both before tax."""

    untaxed: Decimal
    taken_off: Decimal = Decimal("0.00")

    @property
    def tax(self) -> Decimal:
        """Its tax."""
        return tax(self.untaxed)

    @property
    def total(self) -> Decimal:
        """What it comes to with tax."""
        return self.untaxed + self.tax

    @property
    def credited(self) -> Decimal:
        """What is taken off it, with tax."""
        return self.taken_off + tax(self.taken_off)

    @property
    def payable(self) -> Decimal:
        """What the customer pays of it in the end."""
        return self.total - self.credited


def rate(role: str, age: int) -> Decimal:
    """What an hour costs that was worked that many days ago."""
    return NEW_RATE if role == "consultant" and age == 0 else RATES[role]


def tax(untaxed: Decimal) -> Decimal:
    """The tax on an amount."""
    return rounded(untaxed * TAX_RATE)


def rounded(amount: Decimal) -> Decimal:
    """An amount in whole cents, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def of_entry(age: int, role: str, minutes: int) -> Decimal:
    """What a time entry is billed with."""
    return rounded(rate(role, age) * minutes / 60)


def of_expense(cents: int) -> Decimal:
    """What an expense is charged with."""
    return rounded(Decimal(cents) / 100 * (100 + MARKUP_PERCENT) / 100)


EARNED = {
    "charge": SERVICE_FEE,
    "milestone": MILESTONE_FEE,
    "time": sum((of_entry(age, role, minutes) for age, _, role, minutes, _ in WORK), Decimal(0)),
    "expense": sum((of_expense(cents) for _, _, _, cents, borne in SPENT if borne), Decimal(0)),
}
"""What is earned, by its evidence, before tax."""
MONTH = Bill(SERVICE_FEE)
"""The invoice for the month of the service."""
DELIVERY = Bill(
    EARNED["milestone"] + EARNED["time"] + EARNED["expense"],
    taken_off=of_entry(*(WORK[CREDITED][part] for part in (0, 2, 3))),
)
"""The invoice for what was delivered, with its credit memo."""


def beside_the_template(today: datetime.date) -> list[dict[str, Any]]:
    """The quote lines sold beside the template: a service that began with last month, and expenses."""
    begins = (today.replace(day=1) - datetime.timedelta(days=1)).replace(day=1)
    return [
        {
            "hs_sku": "SUPPORT", "name": "Service desk", "price": f"{SERVICE_FEE}", "quantity": "12",
            "amount": f"{SERVICE_FEE * 12}", "q2c_billing_method": "recurring", "q2c_charge": SERVICE,
            "q2c_period": "monthly", "q2c_starts_on": begins.isoformat(), "q2c_charge_timing": "arrears",
        },
        {
            "hs_sku": "EXPENSES", "name": "Travel expenses", "price": "0", "quantity": "1", "amount": "0",
            "q2c_billing_method": "pass-through-expense", "q2c_markup_percent": f"{MARKUP_PERCENT}",
            "q2c_expense_cap": "1000.00",
        },
    ]
