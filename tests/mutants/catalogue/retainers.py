"""Retainers: what is drawn down, in which order, and what is billed beyond it."""

from __future__ import annotations

from ..mutation import Mutation

BALANCE = "shared/domain/src/retainer/balance.rs"
DRAW = "shared/domain/src/retainer/draw.rs"
ORDER = "shared/domain/src/change_order/retainers.rs"
BATCH = "shared/journal/src/batch.rs"
TESTS = "-p domain --test retainer"
TAKEN = "-p time-approved --test retained"

MUTATIONS = (
    Mutation(
        "what is left never expires",
        "What the customer did not use in time would be worked for nothing.",
        BALANCE,
        (("*until > period && !lot.is_zero()", "!lot.is_zero()"),),
        (TESTS,),
    ),
    Mutation(
        "more rolls over than was agreed",
        "The cap on what rolls over would not hold.",
        BALANCE,
        (("            take(&mut left, excess.max(Decimal::ZERO));\n", "            take(&mut left, excess.min(Decimal::ZERO));\n"),),
        (TESTS,),
    ),
    Mutation(
        "what is beyond a retainer is not counted under the ceiling",
        "More than the ceiling could be billed by time.",
        DRAW,
        (("within_ceiling(engagement, entry, amount)?.or(engagement.time_billed)", "engagement.time_billed"),),
        (TESTS,),
    ),
    Mutation(
        "a change order moves what a fee bought",
        "Hours that were paid for could be taken away.",
        ORDER,
        (("            .filter(begun)\n", "            .filter(|charge| begun(charge) && charge.is_empty())\n"),),
        (TESTS,),
    ),
    Mutation(
        "an entry that was drawn down is billed under other terms",
        "The same hours would be drawn down and billed.",
        BATCH,
        (("let drawn = match drawdown_key(event).filter(|_| retained) {", "let drawn = match drawdown_key(event).filter(|_| false) {"),),
        (TAKEN,),
    ),
)
