"""Approvals: who may answer, once and in time, and that whatever waits is let go with the answer and not before."""

from __future__ import annotations

from ..mutation import Mutation

RULES = "shared/domain/src/approval.rs"
PRICES = "shared/domain/src/activation/approval.rs"
CHECKS = "shared/domain/src/activation/checks.rs"
STEP = "shared/workflow/src/approval.rs"
KEPT = "shared/journal/src/approvals.rs"
FLOW = "shared/runtime/src/flow.rs"
DECIDED = "functions/approval-decided/src/lib.rs"
REMIND = "functions/remind/src/lib.rs"
WITHDRAW = "functions/quote-approved/src/withdraw.rs"
ACTIVATE = "functions/quote-approved/src/activate.rs"
DOMAIN = "-p domain --test approval"
APPROVABLE = "-p domain --test approvable"
TESTS = "-p workflow --test approval"
DECIDE = "-p approval-decided --test decide"
CLOCK = "-p remind --test remind"
WHOLE = "-p quote-approved --test approvals"

MUTATIONS = (
    Mutation(
        "whoever answers is believed",
        "The tax desk could allow a price that sales operations was asked about.",
        RULES,
        (("if decided.role != self.asked_of {", "if false {"),),
        (DOMAIN, DECIDE),
    ),
    Mutation(
        "a late answer is an answer",
        "What had ended would go on, depending on whether the clock's run had come by.",
        RULES,
        (("self.status == ApprovalStatus::Requested && now >= self.expires_at;", "false;"),),
        (DOMAIN, DECIDE),
    ),
    Mutation(
        "an answer can be changed",
        "A refused price would be set up after a second opinion that nobody asked for.",
        RULES,
        (("if !self.status.may_become(to) {", "if false {"),),
        (DOMAIN, DECIDE),
    ),
    Mutation(
        "a reminder does not move the next one",
        "People would be reminded every quarter of an hour, and learn not to look.",
        RULES,
        (("Self { reminders: self.reminders + 1, remind_at, ..self.clone() }",
          "Self { reminders: self.reminders + u32::from(remind_at > now), ..self.clone() }"),),
        (DOMAIN, CLOCK),
    ),
    Mutation(
        "what is approved leaves the prices out",
        "A price once allowed would let any other price of the same quote through.",
        PRICES,
        (("        &quote.lines,\n    );", "        quote.lines.len(),\n    );"),),
        (APPROVABLE, WHOLE),
    ),
    Mutation(
        "what is no price can be approved",
        "A negative price would be set up once somebody said yes to it.",
        CHECKS,
        (("price.currency() == quote.currency && (price.is_positive() || (estimated && price.is_zero()))",
          "price.currency() == quote.currency"),),
        (APPROVABLE,),
    ),
    Mutation(
        "a question is asked by whoever once held the run",
        "A function that lived too long would ask about a quote that its successor is setting up.",
        STEP,
        (("self.journal.commit(commit.write(self.fence())).await?", "self.journal.commit(commit).await?"),),
        (TESTS,),
    ),
    Mutation(
        "another event waits without a word to the approval",
        "An answer that was given at the same moment would leave it waiting for ever.",
        STEP,
        (("Ok(Commit::default().write(parking(asking.event, &condition, now)?).write(touch))",
          "drop(touch);\n        Ok(Commit::default().write(parking(asking.event, &condition, now)?))"),),
        (TESTS,),
    ),
    Mutation(
        "an earlier question stays open beside the new one",
        "Somebody would be reminded of a price that nobody offers any more.",
        STEP,
        (("commit.writes.extend(given_up.writes);", "drop(given_up.writes);"),),
        (TESTS, WHOLE),
    ),
    Mutation(
        "an answered approval stays listed as open",
        "People would be shown, and the clock would read, what was decided long ago.",
        KEPT,
        (("| ApprovalStatus::Superseded => item,\n",
          '| ApprovalStatus::Superseded => item.with("status_key", open_key(tenant)),\n'),),
        (TESTS, DECIDE),
    ),
    Mutation(
        "waiting for a person is a failure",
        "The message would be tried until it is a dead letter, while somebody thinks.",
        FLOW,
        (("if let StepError::AwaitsApproval { .. } = error {", "if let StepError::NotBegun { .. } = error {"),),
        (WHOLE,),
    ),
    Mutation(
        "an answer lets nothing go",
        "An approved deal would wait for ever.",
        DECIDED,
        (("commit.release.push(Condition::ApprovalSettled(next.approval));", "drop(next);"),),
        (DECIDE, WHOLE),
    ),
    Mutation(
        "a decision under a known ID is taken as the first",
        "A sender that reuses an ID would see its second decision vanish without a word.",
        "shared/runtime/src/repeated.rs",
        (('if entry.text("body_hash") == Some(event.body_hash().as_str()) {', "if entry.0.len() > 1 {"),),
        (DECIDE,),
    ),
    Mutation(
        "an end without an answer lets nothing go",
        "A deal whose approval timed out would be forgotten without an exception.",
        REMIND,
        (("commit.release.extend(release);", "drop(release);"),),
        (CLOCK, WHOLE),
    ),
    Mutation(
        "a withdrawn deal leaves its question open",
        "Somebody would be asked about a deal that is no more.",
        WITHDRAW,
        (("        commit.writes.extend(given_up.writes);\n        commit.release.extend(given_up.release);\n", ""),),
        (WHOLE,),
    ),
    Mutation(
        "an active deal leaves its question open",
        "A price that was corrected would be asked about until it expires as an exception.",
        ACTIVATE,
        (("    commit.writes.extend(given_up.writes);\n    commit.release.extend(given_up.release);\n    Ok(commit)",
          "    Ok(commit)"),),
        (WHOLE,),
    ),
)
