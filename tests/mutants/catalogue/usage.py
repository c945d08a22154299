"""Usage: what is counted, how often, at which price, and what a change order may make of it."""

from __future__ import annotations

from ..mutation import Mutation

TERMS = "shared/domain/src/usage.rs"
RECORD = "shared/domain/src/usage/record.rs"
ORDER = "shared/domain/src/change_order/usage.rs"
ENTRY = "shared/journal/src/entry.rs"
FUNCTION = "functions/usage-recorded/src/lib.rs"
TESTS = "-p domain --test usage"
OF_TERMS = "-p domain --test usage_terms"
TAKEN = "-p usage-recorded --test recorded"

MUTATIONS = (
    Mutation(
        "an allowance is billed",
        "The customer would pay for what is free each month.",
        TERMS,
        (("micros(quantity)?.checked_sub(micros(self.allowance)?)", "micros(quantity)?.checked_sub(0)"),),
        (TESTS,),
    ),
    Mutation(
        "a tier begins where the first one does",
        "What was priced in one tier would be priced again in the next.",
        TERMS,
        (("            rated = until;\n", ""),),
        (TESTS,),
    ),
    Mutation(
        "a record is rated alone",
        "Each record would have the month's allowance and the first tier to itself.",
        RECORD,
        (("let before = known.cloned().unwrap_or(nothing);", "let before = known.cloned().map_or(nothing.clone(), |_| nothing);"),),
        (TESTS,),
    ),
    Mutation(
        "a month falls below nothing",
        "More would be taken back than was ever used.",
        RECORD,
        (("    if quantity < Decimal::ZERO {\n        let detail = format!(\n            \"usage {}: {} of {} in",
          "    if quantity < Decimal::ZERO && record.corrects.is_none() {\n        let detail = format!(\n            \"usage {}: {} of {} in"),),
        (TESTS,),
    ),
    Mutation(
        "usage that has not come is counted",
        "A month could be billed before it begins, at prices that may still change.",
        RECORD,
        (("    if *used_on > told_on {", "    if *used_on > told_on && used_on.year() > 9000 {"),),
        (TESTS,),
    ),
    Mutation(
        "a change order moves the prices of a month that has begun",
        "Late records of a month would be rated otherwise than early ones.",
        ORDER,
        (("terms(is) == terms(was) && is.term >= begun", "is.term >= begun"),),
        (OF_TERMS,),
    ),
    Mutation(
        "a change order ends terms before what was counted",
        "What was counted of a month would have no terms any more.",
        ORDER,
        ((".max(counted);", ";"),),
        (OF_TERMS,),
    ),
    Mutation(
        "a record of usage is known by its event",
        "A record that came again with another quantity would be passed over.",
        ENTRY,
        (("            Some(Key::usage(&event.tenant, &event.subject, usage.as_str()))", "            None.filter(|_: &Key| usage.as_str().is_empty())"),),
        (TAKEN,),
    ),
    Mutation(
        "a correction is taken before what it corrects",
        "In one batch with it, it would wait for a person.",
        FUNCTION,
        (("        group.sort_by_key(takes_back);\n", "        group.sort_by_key(|event| !takes_back(event));\n"),),
        (TAKEN,),
    ),
)
