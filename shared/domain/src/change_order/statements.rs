//! Statements of work from one version of the contract to the next.

use std::collections::BTreeSet;

use super::{Change, refused};
use crate::contract::{Contract, Milestone, Rate, RateCard, RecurringCharge};
use crate::problem::Problem;

/// The next version with the statement of each line that it still cites: also of those that an earlier
/// version of the quote sold. `sold` are the rates as the quote has them.
pub(super) fn succeed(before: &Contract, sold: &RateCard, mut next: Contract) -> Contract {
    let lines = next.statement_of.clone();
    let known = |line: &str| lines.get(line).or_else(|| before.statement_of.get(line));
    // A rate that goes on unchanged names the line that sold it first. Where that line's statement does not
    // sell it any more, the one that does has it.
    for rate in next.rate_card.rates.iter_mut().filter(|rate| rate.effective_until.is_none()) {
        let same = |line: &&Rate| line.prices() == rate.prices() && line.hourly == rate.hourly;
        let mut sellers = sold.rates.iter().filter(same).peekable();
        let first = sellers.peek().map(|line| line.quote_line.clone());
        let owner = known(&rate.quote_line);
        if let Some(first) = first
            && !sellers.any(|line| known(&line.quote_line) == owner)
        {
            rate.quote_line = first;
        }
    }
    let cited = next.milestones.iter().map(|m| &m.quote_line);
    let cited = cited.chain(next.recurring.iter().map(|c| &c.quote_line));
    let cited = cited.chain(next.expenses.iter().map(|e| &e.quote_line));
    let cited = cited.chain(next.usage.iter().map(|u| &u.quote_line));
    let cited = cited.chain(next.deposits.iter().map(|d| &d.quote_line));
    let cited: BTreeSet<&String> = cited.chain(next.rate_card.rates.iter().map(|r| &r.quote_line)).collect();
    let of = cited.into_iter().filter_map(|line| Some((line.clone(), known(line)?.clone())));
    next.statement_of = of.collect();
    next
}

/// What was changed without a further version of the quote, beside the statements that come in: an
/// approval of one statement must not bring into force what was edited elsewhere.
pub(super) fn edited(from: &Contract, to: &Contract, changes: &[Change]) -> Vec<Problem> {
    let stays = |statement: Option<&str>| statement.is_none_or(|name| from.statements.contains(name));
    let before = elements(from).into_iter().filter(|e| stays(from.statement_of(e.line)));
    let after = elements(to).into_iter().filter(|e| stays(to.statement_of(e.line)));
    let (before, after): (Vec<Element<'_>>, Vec<Element<'_>>) = (before.collect(), after.collect());
    let differs = |one: &[Element<'_>], other: &[Element<'_>]| -> BTreeSet<String> {
        let terms: Vec<&String> = other.iter().map(|e| &e.terms).collect();
        one.iter().filter(|e| !terms.contains(&&e.terms)).map(|e| e.name.clone()).collect()
    };
    let mut names = differs(&before, &after);
    names.extend(differs(&after, &before));
    names.extend(changes.iter().filter_map(|change| match change {
        Change::TimeCeiling { .. } => Some("the ceiling on time".to_owned()),
        Change::Term { term, .. } if term == "payment-terms" => Some("the payment terms".to_owned()),
        _ => None,
    }));
    names
        .into_iter()
        .map(|name| {
            refused(format!(
                "{name} changed in quote {} without a further version; only a statement of work comes in \
                 within one",
                to.quote_number
            ))
        })
        .collect()
}

/// Something that a contract sells: what people call it, the line that sells it, and on which terms.
struct Element<'a> {
    name: String,
    line: &'a str,
    terms: String,
}

fn elements(contract: &Contract) -> Vec<Element<'_>> {
    let milestones = contract.milestones.iter().map(|m| {
        let Milestone { key, name, amount, planned_on, service, holdback, .. } = m;
        let terms = format!("{key}|{name}|{amount}|{planned_on:?}|{service}|{holdback:?}");
        Element { name: format!("milestone {key}"), line: &m.quote_line, terms }
    });
    let charges = contract.recurring.iter().map(|c| {
        let RecurringCharge { key, fee, term, starts_on, service, aligned, ends_on, .. } = c;
        let begins = format!("{key}|{fee}|{term}|{starts_on}|{:?}|{:?}|{service}", c.period, c.timing);
        let retained = contract.retainer(key).map(ToString::to_string);
        let terms = format!("{begins}|{aligned}|{ends_on:?}|{retained:?}");
        Element { name: format!("recurring charge {key}"), line: &c.quote_line, terms }
    });
    // What has ended is history, and a role has one price whichever statement it is shown with.
    let rates = contract.rate_card.rates.iter().filter(|rate| rate.effective_until.is_none()).map(|r| {
        let terms = format!("{:?}|{}|{:?}", r.prices(), r.hourly, r.effective_from);
        let whose = r.person.as_ref().map(|person| format!("{person}, ")).unwrap_or_default();
        Element { name: format!("the rate of {whose}{}", r.role), line: &r.quote_line, terms }
    });
    let expenses = contract.expenses.iter().map(|e| {
        let terms = format!("{e}|{}", e.service);
        Element { name: "the terms of expenses".to_owned(), line: &e.quote_line, terms }
    });
    let usage = contract.usage.iter().map(|u| {
        let terms = format!("{u}|{}|{}", u.key, u.service);
        Element { name: format!("usage {}", u.key), line: &u.quote_line, terms }
    });
    let deposits = contract.deposits.iter().map(|d| {
        let terms = format!("{d}|{}|{}", d.key, d.service);
        Element { name: format!("deposit {}", d.key), line: &d.quote_line, terms }
    });
    milestones.chain(charges).chain(rates).chain(expenses).chain(usage).chain(deposits).collect()
}
