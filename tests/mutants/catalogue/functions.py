"""What the event functions hold together: activation, invoice, posting, payment."""

from __future__ import annotations

from ..mutation import Mutation

ACTIVATE = "functions/quote-approved/src/activate.rs"
SUBMIT = "functions/invoice-requested/src/submit.rs"
COLLECT = "functions/invoice-requested/src/collect.rs"
POSTED = "functions/invoice-posted/src/lib.rs"
PAYMENT = "functions/payment-received/src/lib.rs"
DECIDE = "functions/payment-received/src/decide.rs"
KEEP = "functions/payment-received/src/commit.rs"
MEETING = "-p invoice-posted --test meeting"
POSTED_TESTS = "-p invoice-posted --test named_cases"

GATE = "functions/quote-approved/src/gate.rs"
TRIGGERS = "-p quote-approved --test triggers"

MUTATIONS = (
    Mutation(
        "a signal that begins is not kept",
        "After a hold the next approval would wait for a signature that has long come.",
        GATE,
        (("Verdict::Begins if policy.requires.is_empty() =>", "Verdict::Begins if !policy.triggers.is_empty() =>"),),
        (TRIGGERS,),
    ),
    Mutation(
        "an event that waited is taken again",
        "A late copy of an announcement would begin a run that can never be journalled under its name.",
        GATE,
        (("if !known.begun && had_no_effect(context, event).await? {", "if false {"),),
        (TRIGGERS,),
    ),
    Mutation(
        "what was announced is not asked of the CRM",
        "A deal that is not won any more would be set up.",
        "functions/quote-approved/src/accept.rs",
        (("    findings.extend(unconfirmed(&quote, &config.activation.claimed(trigger.signal)));\n", ""),),
        (TRIGGERS,),
    ),
    Mutation(
        "the checks of a quote are not heeded",
        "A customer without a tax registration would be set up everywhere.",
        "functions/quote-approved/src/accept.rs",
        (("    if !findings.is_empty() {\n", "    if findings.len() > 100 {\n"),),
    ),
    Mutation(
        "activation without its fence",
        "A function that lost the run would activate what its successor is taking back.",
        ACTIVATE,
        ((".await?.write(run.fence())", ".await?"),),
    ),
    Mutation(
        "a run is completed although its commit met another writer",
        "An activation would end without the engagement ever becoming active.",
        ACTIVATE,
        (
            (
                "            Committed::Rejected(_) if active => return Ok(()),\n",
                "            Committed::Rejected(_) | Committed::Contended => return Ok(()),\n",
            ),
        ),
    ),
    Mutation(
        "setting up begins without its fence",
        "A function that lost the run would bring back the state that its successor withdrew.",
        ACTIVATE,
        ((".write(write).write(run.fence())", ".write(write)"),),
    ),
    Mutation(
        "an activation releases nothing",
        "Time that was approved before its engagement was active would wait for ever.",
        ACTIVATE,
        (("    commit.release.push(Condition::EngagementActive);\n", ""),),
    ),
    Mutation(
        "an activation settles nothing",
        "The exception about the first, incomplete quote would stay open after the correction.",
        ACTIVATE,
        (
            (
                "    if outcome == Outcome::Applied {\n        settle(context, event).await?;\n    }\n",
                "",
            ),
        ),
    ),
    Mutation(
        "a customer of an earlier deal is linked again",
        "The second deal of a customer could never be activated: its link stands already.",
        ACTIVATE,
        (
            (
                "            .await?\n            .is_none()\n"
                "            && linked_elsewhere(context, tenant, &entry).await?.is_none()\n",
                "            .await?\n            .is_none_or(|known| known == entry)\n"
                "            || linked_elsewhere(context, tenant, &entry).await?.is_some()\n",
            ),
        ),
    ),
    Mutation(
        "an invoice is known to nobody before it leaves us",
        "The ERP's report of the posting would find no engagement that the invoice belongs to.",
        COLLECT,
        (("                .write(journal.write_owner(tenant, requested.invoice.as_str(), id, event.id)?)", ""),),
    ),
    Mutation(
        "an invoice goes to the ERP before its lines are fixed",
        "Lines that become ready meanwhile would be on our invoice and not on the ERP's.",
        COLLECT,
        (
            (
                "            let Some(taken) = collected.body.filter(Invoice::is_collecting) else { continue };\n",
                "            if let Some(body) = collected.body.as_ref().filter(|i| i.line_count > 0) {\n"
                "                return Ok(Collected::Invoice(Box::new(body.clone())));\n            }\n"
                "            let Some(taken) = collected.body.filter(Invoice::is_collecting) else { continue };\n",
            ),
        ),
    ),
    Mutation(
        "what is drawn is not kept with its deposit",
        "Each invoice would find the whole deposit left, and draw it again.",
        "shared/journal/src/deposits.rs",
        (
            (
                "            writes.push(self.write_invoice(tenant, engagement, from, read, now)?);\n",
                "            let _ = (read, from);\n",
            ),
        ),
        ("-p invoice-requested --test deposits",),
    ),
    Mutation(
        "a submission overwrites what was posted meanwhile",
        "A fast ERP's posting, even its payment, would be undone by our own late note.",
        SUBMIT,
        (
            (
                "        if let Ok(next) = invoice.submit(&posted.record) {\n",
                "        {\n            let next = Invoice { status: InvoiceStatus::Submitted, ..invoice };\n",
            ),
        ),
    ),
    Mutation(
        "a submission's lost version counts as recorded",
        "The invoice would be in the ERP without our journal saying so.",
        SUBMIT,
        (
            (
                "            Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(()),\n"
                "            Committed::Rejected(_) | Committed::Contended => {}",
                "            Committed::Rejected(_) => return Ok(()),\n            Committed::Contended => {}",
            ),
        ),
    ),
    Mutation(
        "any rejection of a posting counts as a duplicate",
        "A posting that met a payment or the submission would be dropped: no number, no tax, no cash.",
        POSTED,
        (
            (
                "Committed::Rejected(r) if r.iter().any(|x| x.position == 0) => return Ok(Outcome::Duplicate),",
                "Committed::Rejected(_) => return Ok(Outcome::Duplicate),",
            ),
        ),
        (MEETING,),
    ),
    Mutation(
        "a posting releases nothing",
        "A payment that came before its invoice was read back would wait for ever.",
        POSTED,
        (("    commit.release.push(Condition::InvoicePosted(next.invoice.clone()));\n", ""),),
        (POSTED_TESTS,),
    ),
    Mutation(
        "a number that is another invoice's is not noticed",
        "Two invoices under one number would be tried again and again instead of shown to a person.",
        POSTED,
        (
            (
                "holder.is_some_and(|holder| holder != invoice.as_str())",
                "holder.is_some_and(|holder| holder.is_empty())",
            ),
        ),
        (MEETING,),
    ),
    Mutation(
        "a payment is applied before the invoice was read back",
        "Cash would be applied against a total that the ERP has not confirmed.",
        DECIDE,
        (
            (
                "c.invoice.body.as_ref().is_some_and(Invoice::is_posted)",
                "c.invoice.body.as_ref().is_some_and(|i| i.line_count > 0)",
            ),
        ),
        (MEETING,),
    ),
    Mutation(
        "a payment is parked without touching its invoice",
        "A posting could overlook a payment that was parked while it was deciding.",
        KEEP,
        (("Commit::default().write(waits).write(touch)", "Commit::default().write(waits)"),),
        (MEETING,),
    ),
    Mutation(
        "a payment applied in the journal alone counts as done",
        "After a crash between the commit and the call, the ERP would never hear of the payment.",
        PAYMENT,
        (("        Outcome::Parked => Ok(outcome),\n", "        Outcome::Parked | Outcome::Duplicate => Ok(outcome),\n"),),
    ),
    Mutation(
        "a payment's conflicting content is not noticed",
        "Another amount under a known payment would be dropped as a duplicate.",
        DECIDE,
        (("        if amount == told.amount {\n", "        if amount.currency() == told.amount.currency() {\n"),),
        (MEETING,),
    ),
    Mutation(
        "a number known to two ERPs is taken from the first",
        "Money would be applied to whichever invoice happens to be found first.",
        "functions/payment-received/src/find.rs",
        (
            (
                "let (Some(invoice), None) = (matched.next(), matched.next()) else { return Ok(None) };",
                "let Some(invoice) = matched.next() else { return Ok(None) };",
            ),
        ),
        (MEETING,),
    ),
)
