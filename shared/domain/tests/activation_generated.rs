//! The checks before the first write, over generated packages, configurations and flaws.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeSet;

use domain::activation::{CustomerFacts, check, cut_contract};
use domain::money::{Currency, Money};
use domain::policy::TenantConfig;
use domain::problem::ProblemCode;
use domain::quote::{Quote, QuoteLine};
use domain::sample::{config, milestone_line, quote, rate_line, support_line, usd};
use proptest::prelude::*;

/// What may be wrong, each independent of the others.
const FLAWS: [(ProblemCode, Flaw); 11] = [
    (ProblemCode::QuoteNotApproved, |c| c.quote.approved = false),
    (ProblemCode::CustomerIncomplete, |c| c.quote.customer.street = None),
    (ProblemCode::CurrencyNotAllowed, |c| {
        c.config.legal_entities[0].currencies = vec![Currency::from_code("EUR").expect("EUR")];
    }),
    (ProblemCode::TaxRegistrationMissing, |c| c.quote.customer.tax_registration = None),
    (ProblemCode::PaymentTermsUnknown, |c| c.config.payment_terms.clear()),
    (ProblemCode::CreditHold, |c| c.facts.on_hold = true),
    (ProblemCode::ServiceUnknown, |c| {
        let magic = milestone_line("91", "X1", "Magic", "5000.00");
        c.quote.lines.push(QuoteLine { service: "MAGIC".into(), ..magic });
    }),
    (ProblemCode::PriceBelowPolicy, |c| c.quote.lines.push(milestone_line("92", "X2", "Gift", "1.00"))),
    (ProblemCode::ProjectTemplateMissing, |c| c.config.project_templates.clear()),
    (ProblemCode::BillingModelInvalid, |c| {
        let unclear = milestone_line("93", "X3", "Unclear", "5000.00");
        c.quote.lines.push(QuoteLine { billing_method: None, ..unclear });
    }),
    (ProblemCode::DeliveryOwnerInvalid, |c| c.quote.delivery_owner = None),
];

type Flaw = fn(&mut Case);

/// A quote, what the ERP says of its customer, and the configuration that it is held against.
#[derive(Debug, Clone)]
struct Case {
    quote: Quote,
    facts: CustomerFacts,
    config: TenantConfig,
}

impl Case {
    fn codes(&self) -> BTreeSet<String> {
        check(&self.quote, &self.facts, &self.config).iter().map(|p| p.code.as_str().to_owned()).collect()
    }
}

/// A package of fees, rates and recurring charges in any order, and what it is worth without time.
fn packages() -> impl Strategy<Value = (Vec<QuoteLine>, Money)> {
    let fees = prop::collection::vec(1_000_u32..500_000, 1..6);
    let rates = prop::collection::vec(300_u32..900, 0..5);
    let charges = prop::collection::vec((100_u32..9_000, 1_u32..36), 0..3);
    (fees, rates, charges).prop_flat_map(|(fees, rates, charges)| {
        let mut lines = Vec::new();
        let mut worth: u64 = fees.iter().copied().map(u64::from).sum();
        for (n, fee) in fees.iter().enumerate() {
            lines.push(milestone_line(&format!("1{n}"), &format!("M{n}"), "Fee", &fee.to_string()));
        }
        for (n, rate) in rates.iter().enumerate() {
            lines.push(rate_line(&format!("2{n}"), &format!("role {n}"), &rate.to_string()));
        }
        for (n, (fee, months)) in charges.iter().enumerate() {
            worth += u64::from(*fee) * u64::from(*months);
            let (number, key) = (format!("3{n}"), format!("S{n}"));
            lines.push(support_line(&number, &key, &fee.to_string(), "2027-04-01", *months));
        }
        (Just(lines).prop_shuffle(), Just(usd(&worth.to_string())))
    })
}

proptest! {
    /// Proves WFA-16 in part, WFA-29 in part: whatever is sold and however much of it is wrong, all of it is
    /// found at once and nothing else; and what is found says who corrects it.
    #[test]
    fn exactly_what_is_wrong_is_found(
        (lines, _) in packages(),
        flaws in prop::sample::subsequence(FLAWS.to_vec(), 0..=FLAWS.len()),
    ) {
        let quote = Quote { lines, ..quote() };
        let mut case = Case { quote, facts: CustomerFacts::default(), config: config() };
        for (_, flaw) in &flaws {
            flaw(&mut case);
        }
        let wrong: BTreeSet<String> = flaws.iter().map(|(code, _)| code.as_str().to_owned()).collect();
        prop_assert_eq!(case.codes(), wrong);
        for problem in check(&case.quote, &case.facts, &case.config) {
            prop_assert!(!problem.detail.is_empty() && problem.owner == problem.code.owner());
        }
    }

    /// Proves WFA-22 in part: whatever passes is cut into a contract that carries every line once, and is
    /// worth what was sold.
    #[test]
    fn what_passes_is_carried_whole((lines, worth) in packages()) {
        let quote = Quote { lines, ..quote() };
        prop_assert_eq!(check(&quote, &CustomerFacts::default(), &config()), []);
        let contract = cut_contract(&quote, &config()).expect("a contract");
        prop_assert_eq!(contract.value().expect("adds up"), worth);
        let milestones = contract.milestones.iter().map(|m| &m.quote_line);
        let rates = contract.rate_card.rates.iter().map(|r| &r.quote_line);
        let recurring = contract.recurring.iter().map(|c| &c.quote_line);
        let mut carried: Vec<&String> = milestones.chain(rates).chain(recurring).collect();
        let mut sold: Vec<&String> = quote.lines.iter().map(|l| &l.line).collect();
        carried.sort();
        sold.sort();
        prop_assert_eq!(carried, sold);
    }
}
