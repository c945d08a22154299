"""Disputes of an invoice: what can be contested, by whom at once, and how it ends."""

from __future__ import annotations

from ..mutation import Mutation

REQUEST = "shared/domain/src/dispute/request.rs"
RESOLVE = "shared/domain/src/dispute/resolve.rs"
RECORD = "functions/dispute-requested/src/record.rs"
DOMAIN_TESTS = "-p domain --test dispute"
FUNCTION_TESTS = "-p dispute-requested --test dispute"

MUTATIONS = (
    Mutation(
        "what others contest is not counted",
        "Together more than the invoice would be contested, and collections would ask for less than nothing.",
        REQUEST,
        (("let left = not_credited(invoice, total)?.minus(others)?;", "let left = not_credited(invoice, total)?;"),),
        (DOMAIN_TESTS,),
    ),
    Mutation(
        "a line is contested twice at once",
        "Two people would decide on the same line, and credit it twice.",
        REQUEST,
        (("    nobody_else_contests(asked, &lines, &disputes)?;\n", "    let _ = nobody_else_contests(asked, &lines, &disputes);\n"),),
        (DOMAIN_TESTS, FUNCTION_TESTS),
    ),
    Mutation(
        "a dispute that has ended ends again",
        "What was told to the customer would be turned round, and less would be contested than is.",
        RESOLVE,
        (("        if !self.is_open() {", "        if !self.is_open() && self.resolution.is_none() {"),),
        (DOMAIN_TESTS, FUNCTION_TESTS),
    ),
    Mutation(
        "the invoice does not say what is contested",
        "It would be dunned as if nobody had said a word.",
        RECORD,
        ((".write(journal.write_invoice(tenant, owner, &next, invoice.version, now)?)",
          ".write(journal.write_invoice(tenant, owner, body, invoice.version, now)?)"),),
        (FUNCTION_TESTS,),
    ),
)
