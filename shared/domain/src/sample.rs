//! Ready-made objects for tests: the deal that `make run` plays, in the types of this crate.
#![allow(clippy::expect_used)]

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::activation::{Signal, cut_contract};
use crate::contract::{BillingMethod, ChargeTiming, Period};
use crate::deposit::DrawnWhen;
use crate::engagement::{Engagement, EngagementStatus, SystemRecords};
use crate::expense::{Expense, ExpenseStatus};
use crate::id::{CustomerId, EngagementId};
use crate::money::{Currency, Money};
use crate::policy::TenantConfig;
use crate::quote::{
    Advance, Customer, Metered, Opportunity, PassThrough, Quote, QuoteLine, Recurrence, Retained,
};
use crate::setup::{HeldPlan, HeldProject, positions};
use crate::usage::{UsageRecord, UsageTier};
use crate::work::{MilestoneCompletion, TimeEntry};

/// US dollars.
#[must_use]
pub fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::from_code("USD").expect("USD")).expect("amount")
}

/// The configuration that ships with the product.
#[must_use]
pub fn config() -> TenantConfig {
    serde_json::from_str(include_str!("../../../infra/config/northwind.json")).expect("configuration")
}

fn line(number: &str, service: &str, name: &str, price: &str) -> QuoteLine {
    QuoteLine {
        line: number.into(),
        service: service.into(),
        name: name.into(),
        billing_method: None,
        unit_price: usd(price),
        quantity: 1.into(),
        amount: None,
        milestone: None,
        schedule: vec![],
        holdback: None,
        planned_on: None,
        role: None,
        person: None,
        effective_from: None,
        recurrence: None,
        expenses: None,
        usage: None,
        deposit: None,
        statement: None,
    }
}

/// A milestone of a quote.
#[must_use]
pub fn milestone_line(number: &str, key: &str, name: &str, price: &str) -> QuoteLine {
    QuoteLine {
        billing_method: Some(BillingMethod::FixedFee),
        milestone: Some(key.into()),
        ..line(number, "IMPL", name, price)
    }
}

/// A line as it belongs to a statement of work.
#[must_use]
pub fn of_statement(statement: &str, line: QuoteLine) -> QuoteLine {
    QuoteLine { statement: Some(statement.into()), ..line }
}

/// A quote of two statements of work, the names of those that are approved given: the first has a
/// milestone and both rates, the second a milestone and support.
#[must_use]
pub fn quote_of_two(approved: &[&str]) -> Quote {
    let first = [
        milestone_line("1", "M1", "Design", "20000.00"),
        rate_line("3", "consultant", "180.00"),
        rate_line("4", "principal", "260.00"),
    ];
    let second = [
        milestone_line("2", "M2", "Go-live", "30000.00"),
        support_line("5", "S1", "1500.00", "2027-04-01", 12),
    ];
    let first = first.into_iter().map(|line| of_statement("SOW-1", line));
    let second = second.into_iter().map(|line| of_statement("SOW-2", line));
    Quote {
        lines: first.chain(second).collect(),
        approved_statements: approved.iter().map(|name| (*name).to_owned()).collect(),
        ..quote()
    }
}

/// A rate of a quote.
#[must_use]
pub fn rate_line(number: &str, role: &str, price: &str) -> QuoteLine {
    QuoteLine {
        billing_method: Some(BillingMethod::TimeAndMaterials),
        role: Some(role.into()),
        quantity: 100.into(),
        ..line(number, "ADVISORY", role, price)
    }
}

/// A managed service of a quote: a fee every month from a day on.
#[must_use]
pub fn support_line(number: &str, key: &str, fee: &str, starts_on: &str, months: u32) -> QuoteLine {
    QuoteLine {
        billing_method: Some(BillingMethod::Recurring),
        quantity: months.into(),
        recurrence: Some(Recurrence {
            key: Some(key.into()),
            period: Some(Period::Monthly),
            starts_on: Some(starts_on.parse().expect("date")),
            timing: Some(ChargeTiming::Arrears),
            aligned: false,
            ends_on: None,
            retainer: None,
        }),
        ..line(number, "SUPPORT", "Managed support", fee)
    }
}

/// A retainer of a quote: a fee every month from a day on, in advance, for so many hours of some roles.
#[must_use]
pub fn retainer_line(
    number: &str,
    (key, fee): (&str, &str),
    (starts_on, months): (&str, u32),
    (hours, overage_rate): (&str, &str),
    roles: &[&str],
) -> QuoteLine {
    let mut line = support_line(number, key, fee, starts_on, months);
    let recurrence = line.recurrence.as_mut().expect("it recurs");
    recurrence.timing = Some(ChargeTiming::Advance);
    recurrence.retainer = Some(Retained {
        hours: Some(hours.parse().expect("hours")),
        overage_rate: Some(usd(overage_rate)),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Retained::default()
    });
    QuoteLine { service: "RETAINER".into(), name: "Advisory retainer".into(), ..line }
}

/// A line of a quote that passes expenses on: with a markup in percent, and a cap where there is one.
#[must_use]
pub fn expense_line(number: &str, markup_percent: &str, cap: Option<&str>) -> QuoteLine {
    QuoteLine {
        billing_method: Some(BillingMethod::PassThroughExpense),
        expenses: Some(PassThrough {
            markup_percent: Some(markup_percent.parse().expect("percent")),
            cap: cap.map(usd),
            categories: BTreeSet::new(),
        }),
        ..line(number, "EXPENSES", "Travel expenses", "0.00")
    }
}

/// The quote with a line that passes expenses on.
#[must_use]
pub fn quote_with_expenses(markup_percent: &str, cap: Option<&str>) -> Quote {
    let mut sold = quote();
    sold.lines.push(expense_line("6", markup_percent, cap));
    sold
}

/// An approved expense that the customer bears.
#[must_use]
pub fn expense(id: &str, cost: Money) -> Expense {
    Expense {
        connection: "kantata-main".into(),
        expense: id.into(),
        project: "6".into(),
        person: "Ada Lindqvist".into(),
        category: "Lodging".into(),
        incurred_on: "2026-11-03".parse().expect("date"),
        cost,
        pass_through: true,
        status: ExpenseStatus::Approved,
    }
}

/// A line of a quote that bills usage of a meter by its key, from a day on, for so many months: the allowance, then
/// the prices as [`UsageTier`] has them.
#[must_use]
pub fn usage_line(
    number: &str,
    (key, meter): (&str, &str),
    (starts_on, months): (&str, u32),
    allowance: &str,
    tiers: &[(Option<&str>, &str)],
) -> QuoteLine {
    let number_of = |text: &str| text.parse().expect("a number");
    let tier = |(up_to, price): &(Option<&str>, &str)| UsageTier {
        up_to: up_to.map(number_of),
        unit_price: number_of(price),
    };
    QuoteLine {
        billing_method: Some(BillingMethod::Usage),
        quantity: months.into(),
        usage: Some(Metered {
            key: Some(key.into()),
            meter: Some(meter.into()),
            tiers: tiers.iter().map(tier).collect(),
            allowance: Some(number_of(allowance)),
            starts_on: Some(starts_on.parse().expect("date")),
        }),
        ..line(number, "METERED", "API calls", "0.00")
    }
}

/// A deposit of a quote: its key and how much, billed at once and drawn by whatever invoices bill, once it may be.
#[must_use]
pub fn deposit_line(number: &str, (key, amount): (&str, &str), drawn_when: DrawnWhen) -> QuoteLine {
    QuoteLine {
        billing_method: Some(BillingMethod::Deposit),
        deposit: Some(Advance { key: Some(key.into()), drawn_when: Some(drawn_when), share_percent: None }),
        ..line(number, "DEPOSIT", "Deposit", amount)
    }
}

/// A record of usage.
#[must_use]
pub fn usage(record: &str, meter: &str, day: &str, quantity: &str) -> UsageRecord {
    UsageRecord {
        connection: "kantata-main".into(),
        record: record.into(),
        meter: meter.into(),
        quantity: quantity.parse().expect("a number"),
        used_on: day.parse().expect("date"),
        corrects: None,
    }
}

/// An approved quote that passes every check.
#[must_use]
pub fn quote() -> Quote {
    Quote {
        deal: "123".into(),
        opportunity: Opportunity {
            stage: Some("closedwon".into()),
            standing: [Signal::OpportunityWon, Signal::ContractActivated, Signal::SowApproved].into(),
        },
        quote: "900".into(),
        number: "Q-900".into(),
        title: "Implementation and advisory".into(),
        version: 1,
        approved: true,
        approved_at: Some("2026-11-02T15:00:00Z".parse().expect("timestamp")),
        customer: Customer {
            company: "55".into(),
            name: "Globex Corporation".into(),
            tax_registration: Some("12-3456789".into()),
            street: Some("1 Main Street".into()),
            city: Some("Springfield".into()),
            postal_code: Some("62701".into()),
            country: Some("US".into()),
            billing_email: Some("ap@globex.example".into()),
            parent: None,
        },
        legal_entity: Some("NW-US".into()),
        currency: Currency::from_code("USD").expect("USD"),
        payment_terms: Some("net-30".into()),
        purchase_order: Some("PO-77".into()),
        project_template: None,
        delivery_owner: Some("erp-practice".into()),
        time_ceiling: None,
        approved_statements: BTreeSet::new(),
        pending: vec![],
        lines: vec![
            milestone_line("1", "M1", "Design", "20000.00"),
            milestone_line("2", "M2", "Go-live", "30000.00"),
            rate_line("3", "consultant", "180.00"),
            rate_line("4", "principal", "260.00"),
        ],
    }
}

/// The billing plan that an ERP holds of a quote as it was sold.
#[must_use]
pub fn held_plan(quote: &Quote) -> HeldPlan {
    HeldPlan { positions: positions(&cut_contract(quote, &config()).expect("contract")) }
}

/// The project that a PSA holds of a quote as it was sold, with the rates of a day.
#[must_use]
pub fn held_project(quote: &Quote, on: Date) -> HeldProject {
    let contract = cut_contract(quote, &config()).expect("contract");
    let rates = contract.rate_card.rates.iter();
    HeldProject {
        budget: contract.budget().ok(),
        milestones: contract.milestones.iter().map(|m| (m.key.clone(), m.amount)).collect(),
        rates: rates
            .filter_map(|r| Some((r.role.clone(), contract.rate_card.in_force(&r.role, on)?.hourly)))
            .collect(),
    }
}

/// The company that the quote's customer may belong to.
#[must_use]
pub fn parent() -> Customer {
    Customer {
        company: "54".into(),
        name: "Globex Holdings Ltd".into(),
        tax_registration: Some("98-7654321".into()),
        street: Some("9 Harbour Road".into()),
        ..quote().customer
    }
}

/// An active engagement of a quote.
#[must_use]
pub fn active(quote: &Quote) -> Engagement {
    let contract = cut_contract(quote, &config()).expect("contract");
    let id = EngagementId::of_deal("northwind", "hubspot-main", &quote.deal);
    let customer = CustomerId::of_company("northwind", "hubspot-main", &quote.customer.company);
    let mut engagement =
        Engagement::begin(id, quote.deal.clone(), customer, quote.customer.clone(), contract);
    engagement.status = EngagementStatus::Active;
    engagement.records = SystemRecords {
        customer_account: Some("3".into()),
        customer_address: Some("4".into()),
        billing_plan: Some("5".into()),
        project: Some("6".into()),
    };
    engagement
}

/// An approved, billable entry.
#[must_use]
pub fn entry(id: &str, role: &str, day: &str, minutes: u32) -> TimeEntry {
    TimeEntry {
        connection: "kantata-main".into(),
        entry: id.into(),
        project: "6".into(),
        task: Some("7".into()),
        person: "Ada Lovelace".into(),
        role: role.into(),
        worked_on: day.parse().expect("date"),
        minutes,
        billable: true,
        notes: None,
    }
}

/// A completed, accepted milestone.
#[must_use]
pub fn completion(key: &str) -> MilestoneCompletion {
    MilestoneCompletion {
        connection: "kantata-main".into(),
        record: format!("story-{key}"),
        milestone: key.into(),
        completed_at: "2026-11-20T22:30:00Z".parse().expect("timestamp"),
    }
}
