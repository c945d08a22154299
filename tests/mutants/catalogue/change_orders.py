"""Change orders: history stays, every system or none, one at a time, and differences are found."""

from __future__ import annotations

from ..mutation import Mutation

RULES = "shared/domain/src/change_order.rs"
RATES = "shared/domain/src/change_order/rates.rs"
SETUP = "shared/domain/src/setup.rs"
CARRY_OUT = "functions/change-order-approved/src/carry_out.rs"
CLAIM = "functions/change-order-approved/src/claim.rs"
IN_FORCE = "functions/change-order-approved/src/in_force.rs"
TAKE_BACK = "functions/change-order-approved/src/take_back.rs"
READINESS = "functions/quote-approved/src/readiness.rs"
ACTIVATE = "functions/quote-approved/src/activate.rs"
DOMAIN = "-p domain --features sample --test change_order"
COMPARED = "-p domain --features sample --test setup"
BEGUN = "-p quote-approved --test triggers"
QUOTE = "shared/domain/src/quote.rs"
STANDING = "shared/domain/src/change_order/standing.rs"
STATEMENTS = "shared/domain/src/change_order/statements.rs"
GATE = "functions/quote-approved/src/gate.rs"
STATED = "-p domain --features sample --test statement_of_work"
APPROVED = "-p quote-approved --test statements"

MUTATIONS = (
    Mutation(
        "a billed milestone may change",
        "The customer would have an invoice of an amount that no contract version has.",
        RULES,
        (("Some(is) if is.amount != was.amount => ", "Some(is) if is.amount.currency() != was.amount.currency() => "),),
        (DOMAIN,),
    ),
    Mutation(
        "what is kept back of a billed milestone may change",
        "Its holdback would be billed twice, or never.",
        RULES,
        (("if (&is.holdback, &is.service) != (&was.holdback, &was.service) =>", "if is.key != was.key =>"),),
        (DOMAIN,),
    ),
    Mutation(
        "a ceiling may sink below what is billed",
        "More would be billed by time than the customer agreed to.",
        RULES,
        (("if billed.exceeds(to).unwrap_or(true) =>", "if billed.exceeds(to).is_err() =>"),),
        (DOMAIN,),
    ),
    Mutation(
        "what is billed counts twice against the credit limit",
        "A customer within its limit could not sign a change order.",
        RULES,
        (("check_beside(quote, facts, config, billed_fees(engagement), &agreed)",
          "check_beside(quote, facts, config, Money::zero(quote.currency), &agreed)"),),
        (DOMAIN,),
    ),
    Mutation(
        "a new rate is dated back",
        "Work that was approved late would be charged at a rate that was agreed after it was done.",
        RATES,
        (("rate.effective_from.map_or(today, |d| d.max(today))", "rate.effective_from.unwrap_or(today)"),),
        (DOMAIN,),
    ),
    Mutation(
        "a rate that ends is forgotten",
        "Work done before the change order could not be billed after it.",
        RATES,
        (("    begins.then(|| Rate", "    (begins && until > until).then(|| Rate"),),
        (DOMAIN,),
    ),
    Mutation(
        "a task of another order is taken for this one's",
        "After an order was taken back the next one would find its task under another title.",
        RULES,
        (("let key = format!(\"T-{}\", derive(&[&element.title]).simple());",
          "let key = format!(\"T-{}\", derive(&[\"\"]).simple());"),),
        (DOMAIN,),
    ),
    Mutation(
        "a difference in the billing plan is overlooked",
        "A milestone would be invoiced with an amount that was never sold.",
        SETUP,
        (("if held.get(key) != Some(amount) {", "if held.get(key).is_none() {"),),
        (COMPARED,),
    ),
    Mutation(
        "what was not sold may be set up",
        "Somebody could add a position by hand and have it billed.",
        SETUP,
        (("for (key, amount) in held.iter().filter(|(key, _)| !sold.contains_key(*key)) {",
          "for (key, amount) in held.iter().filter(|(key, _)| key.is_empty()) {"),),
        (COMPARED,),
    ),
    Mutation(
        "the gate does not compare",
        "Delivery would start on what was set up otherwise than it was sold.",
        READINESS,
        (("    if let Some(problem) = compare(contract, &plan.into(), &project.into(), today) {",
          "    if let Some(problem) = compare(contract, &plan.into(), &project.into(), today).filter(|_| contract.version == 0) {"),),
        (BEGUN,),
    ),
    Mutation(
        "a change order that came during the activation is forgotten",
        "The version that the customer signed last would never come into force.",
        ACTIVATE,
        (("        let commit = commit.emit(run.recorded::<Envelope>(FOLLOWED_BY)?);\n", ""),),
    ),
    Mutation(
        "nobody claims the engagement",
        "Two change orders would be half in every system at once.",
        CLAIM,
        (("            Some(other) => return Ok(Claim::Another(other.clone())),",
          "            Some(other) if other.run.is_empty() => return Ok(Claim::Another(other.clone())),\n            Some(_) => {}"),),
    ),
    Mutation(
        "an order comes into force over what was billed meanwhile",
        "A milestone would be billed with the amount of one version and stand in the contract with another's.",
        IN_FORCE,
        (("        if !standing.is_empty() {\n            return Ok(InForce::Refused(standing));\n        }\n", ""),),
    ),
    Mutation(
        "a refusal is not taken back",
        "The billing plan would have the new amounts and the project the old ones.",
        CARRY_OUT,
        (("            Some(problem) => return Ok(End::TakeBack(refusal(&[problem]))),",
          "            Some(problem) => return Ok(End::NotPossible(vec![problem])),"),),
    ),
    Mutation(
        "an order that was taken back keeps the engagement",
        "No further change order could be carried out, ever.",
        TAKE_BACK,
        (("            engagement.change_order = None;\n", "            engagement.time_billed = engagement.time_billed.take();\n"),),
    ),
    Mutation(
        "an order comes into force twice",
        "A crash after the commit would raise an exception about an order that is in force.",
        CARRY_OUT,
        (
            (
                "    if let Some(entry) = entry(context, event).await? {\n",
                "    if let Some(entry) = entry(context, event).await?.filter(|_| recorded.is_none()) {\n",
            ),
        ),
    ),
    Mutation(
        "lines of a statement that nobody approved are in force",
        "Work would be set up and billed that the customer has not agreed to.",
        QUOTE,
        (("Some(name) => self.approved_statements.contains(name),", "Some(_) => true,"),),
        (STATED, APPROVED),
    ),
    Mutation(
        "a mark that is cleared takes a statement out of force",
        "A slip in the CRM would drop milestones that are being worked on.",
        STANDING,
        (("if quote.quote == contract.quote && quote.version", "if quote.quote != contract.quote && quote.version"),),
        (STATED,),
    ),
    Mutation(
        "what was edited comes into force beside a statement",
        "An amount that nobody approved would be billed.",
        STATEMENTS,
        (("statement.is_none_or(|name| from.statements.contains(name))",
          "statement.is_none() && statement.is_some_and(|name| from.statements.contains(name))"),),
        (STATED,),
    ),
    Mutation(
        "a statement is approved in vain where it begins no activation",
        "Its milestones would never be set up, and nobody would know before the next comparison.",
        GATE,
        (("(signal == Signal::SowApproved || !matches!", "(signal != Signal::SowApproved && !matches!"),),
        (APPROVED,),
    ),
)
