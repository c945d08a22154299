"""Recurring charges: each period once, on its day, and never more than was sold."""

from __future__ import annotations

from ..mutation import Mutation

PERIODS = "shared/domain/src/recurring.rs"
DUE = "shared/domain/src/recurring/due.rs"
ORDERS = "shared/domain/src/change_order/charges.rs"
OF_PERIODS = "-p domain --features sample --test recurring"
OF_CHARGES = "-p domain --features sample --test charges"

MUTATIONS = (
    Mutation(
        "a period that was told is told again",
        "Each run would announce the same month once more, and the months after it never.",
        DUE,
        (("period.index.saturating_add(1)", "period.index"),),
        (OF_CHARGES,),
    ),
    Mutation(
        "a period is billed without holding the state",
        "A change order that comes into force meanwhile would overlook what was billed too much.",
        DUE,
        (("state: Some(engagement.clone()),", "state: None,"),),
        (OF_CHARGES,),
    ),
    Mutation(
        "a period is billed before it is due",
        "An event that came too early would be an invoice for what is not delivered yet.",
        DUE,
        (("if period.due_on > told_on {", "if period.due_on > told_on && period.due_on < told_on {"),),
        (OF_CHARGES,),
    ),
    Mutation(
        "parts of months may come to more than was sold",
        "The customer would be billed more than the quote shows.",
        PERIODS,
        (("if amount.exceeds(left)? { left } else { amount };", "if left.exceeds(left)? { left } else { amount };"),),
        (OF_PERIODS,),
    ),
    Mutation(
        "a charge ends in the past",
        "A change order would take back days that are over and billed.",
        ORDERS,
        (("is_some_and(|last| last >= since)", "is_some_and(|last| last >= since || last < since)"),),
        (OF_CHARGES,),
    ),
)
