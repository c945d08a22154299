"""Credit memos: what they hold, what they release, and what is set off."""

from __future__ import annotations

from ..mutation import Mutation

REQUEST = "shared/domain/src/credit_memo/request.rs"
INVOICE = "shared/domain/src/invoice.rs"
RELEASE = "shared/journal/src/credits.rs"
REGISTER = "functions/credit-memo-requested/src/register.rs"
RECORD = "shared/runtime/src/credit.rs"
DOMAIN_TESTS = "-p domain --test credit_memo"
NAMED = "-p credit-memo-issued --test named_cases"

MUTATIONS = (
    Mutation(
        "an invoice is credited with more than it billed",
        "The customer would get back money that was never billed.",
        REQUEST,
        (("if credited.plus(asked)?.exceeds(self.invoice.untaxed)? {", "if asked.exceeds(self.invoice.untaxed)? {"),),
        (DOMAIN_TESTS,),
    ),
    Mutation(
        "a line that was taken off is taken off again",
        "It would be credited twice, and released under the invoice that bills it anew.",
        REQUEST,
        ((".find(|(part, _)| part.whole) {", ".find(|(part, _)| part.whole && part.amount.is_zero()) {"),),
        (DOMAIN_TESTS,),
    ),
    Mutation(
        "more is set off than is open",
        "A paid invoice would show as overpaid, and the ERP would refuse the booking.",
        INVOICE,
        (("let set_off = if total.exceeds(unpaid)? { unpaid } else { total };", "let set_off = total;"),),
        (DOMAIN_TESTS,),
    ),
    Mutation(
        "a released line still names its invoice",
        "A second credit memo of the same invoice would release it again, away from the invoice that bills it anew.",
        RELEASE,
        (('        remove: vec!["invoice"],', "        remove: vec![],"),),
        (NAMED,),
    ),
    Mutation(
        "a reduction releases its line",
        "What is credited in part would be billed again in full.",
        "shared/domain/src/credit_memo.rs",
        (("self.parts.iter().filter(|part| part.whole)", "self.parts.iter().filter(|part| !part.amount.is_zero())"),),
        (DOMAIN_TESTS,),
    ),
    Mutation(
        "a refused request may be granted later",
        "A message that comes again after another request was turned down would credit what was refused.",
        REGISTER,
        (("if journal.store().get(&entry).await.map_err(JournalError::from)?.is_some() {", "if false {"),),
        (NAMED,),
    ),
    Mutation(
        "a posting is taken off twice",
        "The workflow and the ERP's word would each take it off the invoice.",
        RECORD,
        (("        if body.status.is_posted() {", "        if body.status.is_posted() && body.total.is_none() {"),),
        (NAMED,),
    ),
)
