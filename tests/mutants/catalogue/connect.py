"""Calls to products: what an answer that is no success says, and whose record it is."""

from __future__ import annotations

from ..mutation import Mutation

OUTCOME = "shared/connectors/src/http/outcome.rs"
LIB = "-p connectors --lib"
SUITE = "-p connectors --test suite"
COMPARED = "-p connectors --test compared"
HOSTILE = "-p connectors --test hostile"

MUTATIONS = (
    Mutation(
        "a server error says that nothing happened",
        "A call that failed after its effect would be sent again without asking.",
        OUTCOME,
        (("        408 | 500..=599 if effect == Effect::Once => CallErrorKind::Unknown,\n", ""),),
        (LIB,),
    ),
    Mutation(
        "a lost answer says that nothing happened",
        "A call whose answer was lost would be sent again without asking.",
        OUTCOME,
        (
            (
                "Effect::Keyed | Effect::Once => (CallErrorKind::Unknown, detail),",
                "Effect::Keyed | Effect::Once => (CallErrorKind::Transient { retry_after: None }, detail),",
            ),
        ),
        (LIB, SUITE, HOSTILE),
    ),
    Mutation(
        "a gateway's 503 is the product's",
        "A gateway that gave up waiting would make us send again what was done.",
        OUTCOME,
        (("503 if retry_after.is_some() =>", "503 =>"),),
        (LIB,),
    ),
    Mutation(
        "a product may ask us to wait for ever",
        "A message would be hidden for longer than the queue keeps it.",
        OUTCOME,
        (("    Some(wait.min(MAX_RETRY_AFTER))\n", "    Some(wait)\n"),),
        (LIB,),
    ),
    Mutation(
        "what a product says is kept with addresses in it",
        "E-mail addresses would end in logs and exceptions.",
        OUTCOME,
        (("    if word.contains('@') {\n", "    if word.starts_with('@') {\n"),),
        (LIB,),
    ),
    Mutation(
        "our own credentials are kept with what a product says",
        "A product that quotes the token would put it into an exception for everyone to read.",
        "shared/connectors/src/http.rs",
        (("        let detail = self.own.removed_from(&detail);\n", ""),),
        (LIB, HOSTILE),
    ),
    Mutation(
        "an invoice of another amount is the one that was asked for",
        "What the ERP made of our lines would be posted although it is another sum.",
        "shared/connectors/src/operation/erp.rs",
        (
            (
                "    fn verify(&self, record: &PostedInvoice) -> Result<(), String> {\n"
                "        if record.untaxed == self.untaxed {",
                "    fn verify(&self, record: &PostedInvoice) -> Result<(), String> {\n"
                "        if record.untaxed.currency() == self.untaxed.currency() {",
            ),
        ),
        (SUITE,),
    ),
    Mutation(
        "an invoice that stayed a draft counts as posted",
        "The customer would never get it, and we wait for the payment.",
        "shared/connectors/src/operation/erp.rs",
        (("        if !record.posted {\n", "        if record.record.is_empty() {\n"),),
        (COMPARED,),
    ),
)
