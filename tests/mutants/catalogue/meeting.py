"""Two writers that meet: whoever read before the other wrote does not write over it."""

from __future__ import annotations

from ..mutation import Mutation

MUTATIONS = (
    Mutation(
        "what is corrected meanwhile is written off whole",
        "Its difference would stay alone: a credit for what nobody paid.",
        "shared/journal/src/write_offs.rs",
        (("            without: CORRECTED,", '            without: "nothing",'),),
        ("-p write-off-requested --test write_off",),
    ),
    Mutation(
        "versions of a retained entry do not meet",
        "The same hour would be billed and drawn from the retainer.",
        "shared/journal/src/batch.rs",
        (("if independent(event, &effects) && !(retained && drawdown_key(event).is_some()) =>", "if independent(event, &effects) =>"),),
        ("-p time-approved --test retained",),
    ),
    Mutation(
        "how far a schedule was told is read last",
        "A writer that stood still would hide the month that a milestone made due, and nobody would tell it.",
        "shared/runtime/src/revenue.rs",
        (
            ("        let stored = journal.recognition(tenant, id).await?;\n        let known", "        let known"),
            (
                "        let (earlier, completed_on) = ",
                "        let stored = journal.recognition(tenant, id).await?;\n        let (earlier, completed_on) = ",
            ),
        ),
        ("-p revenue-earned --test overtaken",),
    ),
)
