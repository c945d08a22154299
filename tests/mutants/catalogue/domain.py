"""Money and time: rates, rounding, ceilings, and what may become of an invoice."""

from __future__ import annotations

from ..mutation import Mutation

BILLING = "shared/domain/src/billing.rs"
MILESTONES = "shared/domain/src/billing/milestone.rs"
CONTRACT = "shared/domain/src/contract.rs"
MONEY = "shared/domain/src/money.rs"
INVOICE = "shared/domain/src/invoice.rs"
PRINTING = "shared/domain/src/invoice/printing.rs"
SMALL = "shared/domain/src/invoice/small.rs"
TOLD = "shared/domain/src/collections/told.rs"
EXPOSURE = "shared/domain/src/collections/exposure.rs"
COLLECTIONS_TESTS = "-p domain --test collections"
KEPT = "shared/domain/src/cash/small.rs"
APPLYING = "shared/domain/src/cash/apply.rs"
RECEIPT = "shared/domain/src/cash/receipt.rs"
TESTS = "-p domain --test billing"
CASH_TESTS = "-p domain --test cash"
POSTED_TESTS = "-p domain --test invoice_posted"
LIB = "-p domain --lib"

MUTATIONS = (
    Mutation(
        "time is priced at the latest rate",
        "A raise from July would be charged for the work of June.",
        CONTRACT,
        (("self.effective_from.is_none_or(|from| from <= on)", "self.effective_from <= Some(Date::MAX)"),),
        (LIB,),
    ),
    Mutation(
        "an amount is rounded twice",
        "An entry just under half a cent would be charged a cent more than was sold.",
        BILLING,
        (
            (
                "Ok(Money::rounded(product / Decimal::from(60), hourly.currency()))",
                "Ok(Money::rounded((product / Decimal::from(60)).round_dp(3), hourly.currency()))",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "the price of a minute is rounded",
        "Sixty minutes would not cost an hour.",
        BILLING,
        (
            (
                "Ok(Money::rounded(product / Decimal::from(60), hourly.currency()))",
                "let minute = Money::rounded(hourly.amount() / Decimal::from(60), hourly.currency());\n"
                "    let _ = product;\n    minute.times(Decimal::from(minutes))",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "halves are rounded to the even cent",
        "Our sums would differ by a cent from the ERP's, and every such invoice be an exception.",
        MONEY,
        (("RoundingStrategy::MidpointAwayFromZero);", "RoundingStrategy::MidpointNearestEven);"),),
        (LIB, TESTS),
    ),
    Mutation(
        "an amount finer than its currency is rounded silently",
        "A product's answer with half a cent would be taken for another amount.",
        MONEY,
        (("if money.amount == amount { Ok(money) }", "if money.amount.trunc() == amount.trunc() { Ok(money) }"),),
        (LIB,),
    ),
    Mutation(
        "currencies are added up",
        "A thousand yen would pay a thousand dollars.",
        MONEY,
        (("        self.same_currency(other)?;\n        let sum =", "        let sum ="),),
        (LIB,),
    ),
    Mutation(
        "time does not use up the ceiling",
        "The contract's ceiling would hold for each entry alone.",
        BILLING,
        (("    Ok(Some(after))", "    Ok(Some(billed))"),),
        (TESTS,),
    ),
    Mutation(
        "the ceiling is looked at before the entry counts",
        "The last entry could exceed the ceiling by any amount.",
        BILLING,
        (("if after.exceeds(ceiling).map_err(|e| broken(entry, &e))? {", "if billed.exceeds(ceiling).map_err(|e| broken(entry, &e))? {"),),
        (TESTS,),
    ),
    Mutation(
        "what is not billable is billed",
        "Internal time would be on the customer's invoice.",
        BILLING,
        (("if !entry.billable || entry.minutes == 0 {", "if entry.minutes == 0 {"),),
        (TESTS,),
    ),
    Mutation(
        "a milestone is billed each time that it is completed",
        "A milestone that was reopened and accepted again would be charged twice.",
        MILESTONES,
        (
            (
                "engagement.completed_milestones.get(key) {",
                "engagement.completed_milestones.get(key).filter(|r| **r == completion.record) {",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "an entry of one PSA hides that of another",
        "Where two PSAs number their entries alike, one of two would never be billed.",
        BILLING,
        (("LineId::derive(&[connection, kind, record])", "LineId::derive(&[kind, record])"),),
        (TESTS,),
    ),
    Mutation(
        "work on a withdrawn engagement waits silently",
        "It would stay parked for ever instead of being shown to a person.",
        BILLING,
        (
            (
                "EngagementStatus::Held | EngagementStatus::Activating => early,\n"
                "        EngagementStatus::Withdrawn => Err(",
                "EngagementStatus::Held | EngagementStatus::Activating | EngagementStatus::Withdrawn => early,\n"
                "        #[allow(unreachable_patterns)]\n        EngagementStatus::Withdrawn => Err(",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "an overpayment is applied whole",
        "An invoice would be paid with more than it is, and the rest missing on the customer's account.",
        APPLYING,
        (("let wanted = least(least(one.amount.unwrap_or(unpaid), unpaid)?, left)?;", "let wanted = least(one.amount.unwrap_or(left), left)?;"),),
        (CASH_TESTS,),
    ),
    Mutation(
        "an overpayment tells nobody",
        "The customer's money would lie unapplied, and nobody give it back.",
        RECEIPT,
        (
            (
                "if let Some(unapplied) = self.unapplied.filter(|u| u.is_positive()) {",
                "if let Some(unapplied) = self.unapplied.filter(|u| u.is_positive() && self.home.is_none()) {",
            ),
        ),
        (CASH_TESTS,),
    ),
    Mutation(
        "a refund that is told under two names counts twice",
        "An invoice would be open again with twice what was given back.",
        RECEIPT,
        (("let refunded = if in_all.exceeds(live)? { in_all } else { live };", "let refunded = live.plus(in_all)?;"),),
        (CASH_TESTS,),
    ),
    Mutation(
        "an attempt that failed before the receipt takes the money back",
        "A card that was refused at first and charged then would leave its invoice open.",
        RECEIPT,
        (("if failed > received)", "if failed != received)"),),
        (CASH_TESTS,),
    ),
    Mutation(
        "what comes back pays more than is open",
        "A dispute that is won after somebody else paid would pay the invoice twice.",
        APPLYING,
        (("delta = if unpaid.is_positive() { least(delta, unpaid)? } else { none };", "delta = if unpaid.is_positive() { delta } else { none };"),),
        (CASH_TESTS,),
    ),
    Mutation(
        "what a credit memo leaves is written off",
        "An invoice that nobody paid anything of would lose cents that nobody granted.",
        SMALL,
        (("            && next.applied.is_positive()\n", ""),),
        (CASH_TESTS,),
    ),
    Mutation(
        "a tolerance is as large as its amount alone",
        "Of an invoice of ten dollars five would be written off.",
        SMALL,
        (("difference.amount() <= self.amount.amount() && within", "difference.amount() <= self.amount.amount()"),),
        (CASH_TESTS,),
    ),
    Mutation(
        "what is kept of several payments is not counted",
        "An invoice would have as many small differences as payments that are a little too much.",
        KEPT,
        ((" || invoice.small_difference.is_some() {", " {"),),
        (CASH_TESTS,),
    ),
    Mutation(
        "a clock that is behind tells an invoice back",
        "An account team would see an invoice fall overdue, and be current again.",
        TOLD,
        (("self.as_of.map_or(today, |known| known.max(today))", "today"),),
        (COLLECTIONS_TESTS,),
    ),
    Mutation(
        "every look at an invoice is a change",
        "Account teams would be told each hour that nothing has happened.",
        TOLD,
        (("if same {", "if false {"),),
        (COLLECTIONS_TESTS,),
    ),
    Mutation(
        "what is contested counts as overdue",
        "A customer with a dispute would be called a risk, and dunned.",
        EXPOSURE,
        (("let asked_for = invoice.asked_for()?;", "let asked_for = invoice.open;"),),
        (COLLECTIONS_TESTS,),
    ),
    Mutation(
        "a posting below what was submitted is taken",
        "The ERP's invoice could be a hundred dollars short, and nobody would notice.",
        INVOICE,
        (("if posted.untaxed != self.untaxed {", "if posted.untaxed.exceeds(self.untaxed).unwrap_or(true) {"),),
        (POSTED_TESTS,),
    ),
    Mutation(
        "a posted total is not recomputed",
        "A total that is not the sum of amount and tax would be shown and waited for.",
        INVOICE,
        (("Ok(total) if total == posted.total => {}", "Ok(_) => {}"),),
        (POSTED_TESTS,),
    ),
    Mutation(
        "a draft in the ERP counts as posted",
        "An invoice that the customer never got would be waited for.",
        INVOICE,
        (("        if !posted.posted {\n", "        if posted.record.is_empty() {\n"),),
        (POSTED_TESTS,),
    ),
    Mutation(
        "a late report of the posting undoes a payment",
        "A paid invoice would be open again, and be dunned.",
        INVOICE,
        (
            (
                "InvoiceStatus::PartPaid | InvoiceStatus::Paid | InvoiceStatus::Credited => self.status,",
                "InvoiceStatus::PartPaid | InvoiceStatus::Paid | InvoiceStatus::Credited => InvoiceStatus::Posted,",
            ),
        ),
        (POSTED_TESTS,),
    ),
    Mutation(
        "an invoice without lines goes to the ERP",
        "The customer would get an invoice over nothing.",
        INVOICE,
        (
            (
                "let status = if self.line_count == 0 { InvoiceStatus::Empty } else { InvoiceStatus::Drafted };",
                "let status = InvoiceStatus::Drafted;",
            ),
        ),
        ("-p domain --test invoice",),
    ),
    Mutation(
        "hours times rate is printed although it is not the sum",
        "The ERP's invoice would differ by cents from the lines that it bills.",
        PRINTING,
        (("if exact && hourly.times(hours)? == amount {", "if exact {"),),
        (TESTS,),
    ),
    Mutation(
        "a finished engagement may become anything",
        "An active engagement could be withdrawn under its running project.",
        "shared/domain/src/engagement.rs",
        (
            (
                "            Self::Active | Self::Withdrawn => &[],\n",
                "            Self::Active => &[Self::Withdrawn],\n            Self::Withdrawn => &[],\n",
            ),
        ),
        ("-p domain --test transitions",),
    ),
    Mutation(
        "any status may follow any other",
        "A late or doubled event would move an object back.",
        "shared/domain/src/transition.rs",
        (("self == next || self.followed_by().contains(&next)", "self == next || !self.followed_by().is_empty()"),),
        ("-p domain --test transitions",),
    ),
)
