//! What of a quote's statements of work can't be carried out.

use std::collections::{BTreeMap, BTreeSet};

use super::WHOLE;
use crate::problem::{Problem, ProblemCode};
use crate::quote::Quote;

/// Most statements of one quote. All of them are written in one commit.
const MOST: usize = 20;
/// Longest name.
const LONGEST: usize = 40;

/// Every finding about the statements that a quote's lines name.
pub(crate) fn findings(quote: &Quote) -> Vec<Problem> {
    let mut found = Vec::new();
    let invalid = |what: String| {
        Problem::new(ProblemCode::BillingModelInvalid, format!("quote {} {what}", quote.number))
    };
    let lines = || quote.lines.iter().chain(&quote.pending);
    let names: BTreeSet<&str> = lines().filter_map(|line| line.statement.as_deref()).collect();
    for name in names.iter().filter(|name| !is_name(name)) {
        found.push(invalid(format!("names a statement of work `{name}`, which is no name")));
    }
    if names.len() > MOST {
        found.push(invalid(format!("has {} statements of work, more than {MOST}", names.len())));
    }
    if quote.lines.is_empty() && !quote.pending.is_empty() {
        let names: Vec<&str> = names.into_iter().collect();
        found.push(Problem::new(
            ProblemCode::QuoteNotApproved,
            format!("no statement of work of quote {} is approved: {}", quote.number, names.join(", ")),
        ));
    }
    found.extend(priced_twice(quote).into_iter().map(|role| {
        invalid(format!(
            "sells role `{role}` at another price or from another day in each statement of work; time does not say which"
        ))
    }));
    found
}

/// Letters, digits and a few marks, beginning with a letter or digit: a name is part of a key.
fn is_name(name: &str) -> bool {
    let marks = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && name != WHOLE && name.len() <= LONGEST && name.chars().all(marks)
}

/// Roles that two statements sell on different terms. Approved time names a role and no statement.
fn priced_twice(quote: &Quote) -> BTreeSet<String> {
    let mut prices: BTreeMap<_, BTreeMap<Option<&str>, BTreeSet<_>>> = BTreeMap::new();
    for line in &quote.lines {
        if let Some(role) = &line.role {
            let price = (line.unit_price.amount(), line.effective_from);
            let of_role = prices.entry((role, &line.person)).or_default();
            of_role.entry(line.statement.as_deref()).or_default().insert(price);
        }
    }
    let differ = |of_role: &BTreeMap<_, BTreeSet<_>>| of_role.values().collect::<BTreeSet<_>>().len() > 1;
    let twice = prices.into_iter().filter(|(_, of_role)| differ(of_role));
    twice.map(|((role, _), _)| role.to_owned()).collect()
}
