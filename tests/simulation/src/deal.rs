//! A deal as it is drawn: what is sold, what is delivered, how it is paid.

mod deposit;
mod retainer;
mod usage;

use domain::contract::{ChargeTiming, Period};
use domain::expense::{Expense, ExpenseStatus};
use domain::id::EngagementId;
use domain::money::{Currency, Money};
use domain::quote::{PassThrough, Quote, QuoteLine};
use domain::sample;
use domain::usage::UsageRecord;
use domain::work::TimeEntry;
use jiff::Span;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::engine::Sim;
use crate::world::{CRM, TENANT};

/// A role for which nothing was sold: such an entry waits for a person.
pub(crate) const UNSOLD_ROLE: &str = "architect";

/// A subcontractor of another legal entity: such an entry is charged for and costs something.
pub(crate) const SUPPLIER: &str = "Edith Clarke";

/// One deal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deal {
    pub(crate) quote: Quote,
    pub(crate) engagement: EngagementId,
    /// The quote lacks the customer's tax registration when it is first approved.
    pub(crate) flawed: bool,
    /// The customer changes his mind right after the approval.
    pub(crate) withdrawn: bool,
    /// A price below the policy, and what the one who may allow it says.
    #[serde(default)]
    pub(crate) price: Price,
    /// The CRM reports changes of the customer while work is done.
    #[serde(default)]
    pub(crate) reported: bool,
    /// The PSA reports where the project stands and who is on it, while work is done.
    #[serde(default)]
    pub(crate) told: bool,
    /// Its first entry is corrected once it is billed.
    #[serde(default)]
    pub(crate) corrected: bool,
    /// Finance writes off the first line that is ready.
    #[serde(default)]
    pub(crate) written_off: bool,
    /// Whether, in a recording, the customer contests its first posted invoice.
    #[serde(default)]
    pub(crate) contested: bool,
    /// How often finance takes something off an invoice.
    #[serde(default)]
    pub(crate) credits: u64,
    /// Time to be approved.
    pub(crate) time: Vec<TimeEntry>,
    /// Expenses that the PSA tells of.
    #[serde(default)]
    pub(crate) expenses: Vec<Expense>,
    /// Time on a retainer.
    #[serde(default)]
    pub(crate) retained: Vec<TimeEntry>,
    /// Usage that is recorded.
    #[serde(default)]
    pub(crate) usage: Vec<UsageRecord>,
    /// Milestones to be completed.
    pub(crate) completed: Vec<String>,
    /// A further version of the quote, or the same with a further statement of work, approved while work goes on.
    #[serde(default)]
    pub(crate) change_order: Option<Quote>,
}

/// Whether a deal is sold below the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Price {
    /// It is not.
    #[default]
    Fair,
    /// It is, and that is allowed.
    Allowed,
    /// It is at first. That is not allowed, and the price is corrected.
    Refused,
}

/// The same quote with its first price far below the policy.
pub(crate) fn cheap(sim: &Sim, mut quote: Quote) -> Quote {
    if let Some(line) = quote.lines.first_mut() {
        line.unit_price = dollars(sim, 20, 100);
    }
    quote
}

fn dollars(sim: &Sim, from: u64, to: u64) -> Money {
    let cents = from * 100 + sim.below((to - from) * 100);
    Money::rounded(Decimal::new(i64::try_from(cents).unwrap_or(100_000), 2), sample::usd("0").currency())
}

impl Deal {
    /// The quote of a version.
    pub(crate) fn version(&self, version: u32) -> &Quote {
        self.change_order.as_ref().filter(|q| q.version == version).unwrap_or(&self.quote)
    }

    /// The same deal each time: a milestone, and some time.
    pub(crate) fn fixed() -> Self {
        let mut quote = sample::quote();
        quote.lines.retain(|line| line.milestone.as_deref() != Some("M2"));
        quote.customer.parent = Some(Box::new(sample::parent()));
        Self {
            engagement: EngagementId::of_deal(TENANT, CRM, &quote.deal),
            flawed: false,
            withdrawn: false,
            price: Price::Fair,
            reported: true,
            told: false,
            corrected: false,
            written_off: false,
            contested: false,
            credits: 0,
            time: vec![
                sample::entry("12300", "consultant", "2026-11-16", 450),
                sample::entry("12301", "principal", "2026-11-17", 90),
            ],
            expenses: vec![],
            retained: vec![],
            usage: vec![],
            completed: vec!["M1".into()],
            change_order: Some(with_designer(changed(
                &quote,
                None,
                Some(sample::milestone_line("92", "M2", "Go-live", "30000.00")),
            ))),
            quote,
        }
    }

    /// The same, of two statements of work of which the second is approved while work goes on.
    pub(crate) fn of_two_statements() -> Self {
        let of = |approved: &[&str]| {
            let mut quote = sample::quote_of_two(approved);
            quote.lines.retain(|line| line.role.is_none() && line.recurrence.is_none());
            quote
        };
        let change_order = Some(of(&["SOW-1", "SOW-2"]));
        Self { quote: of(&["SOW-1"]), time: vec![], change_order, ..Self::fixed() }
    }

    /// The same, with expenses under a cap, a PSA that reports what becomes of the project, a charge that is
    /// due, usage that is corrected, a deposit that is drawn, and a line that is billed anew.
    pub(crate) fn told() -> Self {
        let expenses = [("12302", "240.00"), ("12303", "18.50")];
        let expenses = expenses.map(|(id, cost)| sample::expense(id, sample::usd(cost))).into();
        let mut deal = Self { told: true, credits: 1, expenses, ..Self::cheap() };
        for quote in [Some(&mut deal.quote), deal.change_order.as_mut()].into_iter().flatten() {
            quote.lines.push(sample::expense_line("98", "7.5", Some("1000.00")));
            quote.lines.push(sample::support_line("71", "S7", "900.00", "2026-10-20", 2));
        }
        deal.metered().paid_in_advance()
    }

    /// The same with expenses under a cap, and nothing else.
    pub(crate) fn spent(mut self) -> Self {
        self.time.clear();
        self.quote.lines.push(sample::expense_line("98", "7.5", Some("1000.00")));
        let expenses = [("12302", "240.00"), ("12303", "18.50")];
        self.expenses = expenses.map(|(id, cost)| sample::expense(id, sample::usd(cost))).into();
        self
    }

    /// The same, sold too cheaply, which somebody allows.
    pub(crate) fn cheap() -> Self {
        let mut deal = Self { price: Price::Allowed, ..Self::fixed() };
        for quote in [Some(&mut deal.quote), deal.change_order.as_mut()].into_iter().flatten() {
            if let Some(line) = quote.lines.first_mut() {
                line.unit_price = sample::usd("900.00");
            }
        }
        deal
    }

    /// The deal of a number.
    pub(crate) fn draw(sim: &Sim, number: u64) -> Self {
        let deal = (500 + number).to_string();
        let milestones = sim.below(4);
        let by_time = milestones == 0 || !sim.one_in(3);
        let mut quote = Quote {
            deal: deal.clone(),
            quote: format!("9{deal}"),
            number: format!("Q-{deal}"),
            time_ceiling: (by_time && sim.one_in(3)).then(|| dollars(sim, 500, 9_000)),
            lines: lines(sim, milestones, by_time),
            ..sample::quote()
        };
        if sim.one_in(2) {
            quote.lines.push(expense_line(sim));
        }
        if sim.one_in(2) {
            quote.lines.push(recurring(sim));
        }
        if sim.one_in(2) {
            quote.lines.push(usage::metered(sim));
        }
        if sim.one_in(3) {
            quote.lines.push(retainer::line(sim));
        }
        if sim.one_in(3) {
            quote.lines.push(deposit::line(sim));
        }
        // Some customers buy again: their deals share an account.
        let company = sim.below(3);
        quote.customer.company = (55 + company).to_string();
        quote.customer.tax_registration = Some(format!("12-34567{company}9"));
        let price = match sim.below(12) {
            0 | 1 => Price::Allowed,
            2 => Price::Refused,
            _ => Price::Fair,
        };
        if price == Price::Allowed {
            quote = cheap(sim, quote);
        }
        quote.customer.name = format!("Globex {company}");
        // One of them belongs to a holding.
        quote.customer.parent = (company == 1).then(|| Box::new(sample::parent()));
        let keys = quote.lines.iter().filter_map(|l| l.milestone.clone());
        let completed: Vec<String> = keys.filter(|_| !sim.one_in(4)).collect();
        let withdrawn = sim.one_in(10);
        let (flawed, reported) = (sim.one_in(6), sim.one_in(3));
        let change_order = (!withdrawn && sim.one_in(3)).then(|| {
            if sim.one_in(3) { further_statement(sim, &mut quote) } else { draw_change(sim, &quote) }
        });
        Self {
            engagement: EngagementId::of_deal(TENANT, CRM, &deal),
            flawed,
            withdrawn,
            reported,
            told: sim.one_in(2),
            corrected: false,
            written_off: false,
            contested: false,
            credits: sim.below(3),
            change_order,
            price,
            completed,
            expenses: expenses(sim, &deal),
            retained: retainer::entries(sim, &deal),
            usage: usage::records(sim, &deal),
            time: if by_time { time(sim, &deal) } else { vec![] },
            quote,
        }
    }
}

/// A change order on a quote: some milestone costs something else or is dropped, one is added, support is sold, and
/// rates rise after the last day that anybody works.
fn draw_change(sim: &Sim, quote: &Quote) -> Quote {
    let keys: Vec<String> = quote.lines.iter().filter_map(|l| l.milestone.clone()).collect();
    let touched = (!keys.is_empty() && !sim.one_in(3)).then(|| {
        let amount = (!sim.one_in(3)).then(|| dollars(sim, 1_000, 60_000));
        (sim.any(&keys).clone(), amount)
    });
    let price = dollars(sim, 1_000, 9_000).amount().to_string();
    let added = sim.one_in(2).then(|| sample::milestone_line("92", "M9", "Added", &price));
    let next = changed(quote, touched, added);
    let mut next = if sim.one_in(2) { ended(sim, next) } else { next };
    let by_time = next.lines.iter().any(|l| l.role.is_some());
    for terms in next.lines.iter_mut().filter_map(|l| l.expenses.as_mut()) {
        *terms = other_terms(sim, terms);
    }
    // One that has begun goes on as it is; one that has not may be dropped.
    let future = |l: &QuoteLine| {
        l.recurrence
            .as_ref()
            .and_then(|r| r.starts_on)
            .is_some_and(|day| day >= jiff::civil::date(2027, 1, 1))
    };
    if sim.one_in(3) {
        next.lines.retain(|l| l.line != "71" || !future(l));
    }
    usage::other(sim, &mut next);
    if by_time && sim.one_in(2) { with_designer(next) } else { next }
}

/// A charge of which some periods are over, some are due while the history lasts, or none has begun.
fn recurring(sim: &Sim) -> QuoteLine {
    let fee = dollars(sim, 100, 2_000).amount().to_string();
    let first = if sim.one_in(5) { jiff::civil::date(2027, 1, 5) } else { jiff::civil::date(2026, 11, 22) };
    let back = Span::new().days(i64::try_from(sim.below(80)).unwrap_or(0));
    let starts_on = if first.year() == 2027 { first } else { first.saturating_sub(back) };
    let term = 1 + u32::try_from(sim.below(6)).unwrap_or(0);
    let mut line = sample::support_line("71", "S7", &fee, &starts_on.to_string(), term);
    if let Some(terms) = &mut line.recurrence {
        terms.aligned = sim.one_in(2);
        terms.timing = Some(if sim.one_in(2) { ChargeTiming::Advance } else { ChargeTiming::Arrears });
        terms.period = Some(if sim.one_in(4) { Period::Quarterly } else { Period::Monthly });
    }
    line
}

/// The same quote with its charge ended early, now and then within a period that was billed in advance.
fn ended(sim: &Sim, mut quote: Quote) -> Quote {
    let days = Span::new().days(i64::try_from(sim.below(40)).unwrap_or(0));
    let day = jiff::civil::date(2026, 12, 1).saturating_add(days);
    for terms in quote.lines.iter_mut().filter(|l| l.line == "71").filter_map(|l| l.recurrence.as_mut()) {
        terms.ends_on = terms.starts_on.filter(|first| *first <= day).map(|_| day);
    }
    quote
}

/// The same quote with a role more.
fn with_designer(mut quote: Quote) -> Quote {
    quote.lines.push(sample::rate_line("97", "designer", "150.00"));
    quote
}

/// A statement of work that is sold with the quote and approved later; now and then what else it sells is one too.
fn further_statement(sim: &Sim, quote: &mut Quote) -> Quote {
    if sim.one_in(2) {
        quote.lines.iter_mut().for_each(|line| line.statement = Some("SOW-1".into()));
        quote.approved_statements = ["SOW-1".to_owned()].into();
    }
    let price = dollars(sim, 1_000, 9_000).amount().to_string();
    let sold = [
        sample::milestone_line("92", "M9", "Added", &price),
        sample::support_line("95", "S1", "1500.00", "2027-04-01", 12),
    ];
    quote.lines.extend(sold.map(|line| sample::of_statement("SOW-2", line)));
    let mut both = quote.clone();
    both.approved_statements.insert("SOW-2".into());
    both
}

/// The next version of a quote.
fn changed(quote: &Quote, touched: Option<(String, Option<Money>)>, added: Option<QuoteLine>) -> Quote {
    let mut next = Quote { quote: format!("8{}", quote.deal), version: 2, ..quote.clone() };
    if let Some((key, amount)) = touched {
        let is_touched = |l: &QuoteLine| l.milestone.as_deref() == Some(&key);
        match amount {
            Some(amount) => {
                next.lines.iter_mut().filter(|l| is_touched(l)).for_each(|l| l.unit_price = amount);
            }
            None if next.lines.len() > 1 => next.lines.retain(|l| !is_touched(l)),
            None => {}
        }
    }
    for rate in next.lines.iter().filter(|l| l.role.is_some()).cloned().collect::<Vec<_>>() {
        let raised = rate.unit_price.plus(sample::usd("200.00")).unwrap_or(rate.unit_price);
        next.lines.push(QuoteLine {
            line: format!("8{}", rate.line),
            unit_price: raised,
            effective_from: Some(jiff::civil::date(2027, 1, 1)),
            ..rate
        });
    }
    next.lines.extend(added);
    next.lines.push(sample::support_line("95", "S1", "1500.00", "2027-04-01", 12));
    next
}

fn lines(sim: &Sim, milestones: u64, by_time: bool) -> Vec<QuoteLine> {
    let fixed = (1..=milestones).map(|n| {
        let price = dollars(sim, 1_000, 60_000).amount().to_string();
        sample::milestone_line(&format!("1{n}"), &format!("M{n}"), &format!("Milestone {n}"), &price)
    });
    let mut lines: Vec<QuoteLine> = fixed.collect();
    if by_time {
        for (number, role, from) in [("21", "consultant", 120), ("22", "principal", 200)] {
            let rate = dollars(sim, from, from + 200).amount().to_string();
            lines.push(sample::rate_line(number, role, &rate));
        }
    }
    lines
}

/// A line that passes expenses on, now and then at cost, now and then without a cap.
fn expense_line(sim: &Sim) -> QuoteLine {
    let cap = (!sim.one_in(3)).then(|| dollars(sim, 50, 900).amount().to_string());
    sample::expense_line("98", sim.any::<&str>(&["0", "7.5", "10"]), cap.as_deref())
}

/// Other terms of expenses: a higher markup or a lower cap. What waited for a person would fit under better terms, and
/// be billed when it is told again; and a cap that is put on later is refused.
fn other_terms(sim: &Sim, terms: &PassThrough) -> PassThrough {
    let markup_percent = terms.markup_percent.map(|m| m + Decimal::from(*sim.any(&[0, 2, 5])));
    let lower = |cap: Money| {
        let other = dollars(sim, 50, 900);
        if other.exceeds(cap).unwrap_or(true) { cap } else { other }
    };
    PassThrough { markup_percent, cap: terms.cap.map(lower), ..terms.clone() }
}

/// Expenses, most of them approved and for the customer to bear, one or the other in euros.
fn expenses(sim: &Sim, deal: &str) -> Vec<Expense> {
    (0..sim.below(7))
        .map(|n| {
            let cost = match sim.below(20) {
                0 => Money::parse("80.00", Currency::from_code("EUR").expect("EUR")).expect("an amount"),
                _ => dollars(sim, 1, 300),
            };
            Expense {
                pass_through: !sim.one_in(8),
                status: if sim.one_in(10) { ExpenseStatus::Submitted } else { ExpenseStatus::Approved },
                ..sample::expense(&format!("{deal}9{n:02}"), cost)
            }
        })
        .collect()
}

fn time(sim: &Sim, deal: &str) -> Vec<TimeEntry> {
    // Now and then a month is approved at once.
    let entries = if sim.one_in(60) { 150 } else { sim.below(12) };
    (0..entries)
        .map(|n| {
            let role = match sim.below(25) {
                0 => UNSOLD_ROLE,
                1..=15 => "consultant",
                _ => "principal",
            };
            let minutes = *sim.any(&[7, 15, 30, 50, 60, 90, 450, 480]);
            let day = format!("2026-11-{:02}", 2 + sim.below(18));
            let billable = !sim.one_in(20);
            let entry = sample::entry(&format!("{deal}{n:03}"), role, &day, minutes);
            let person = if n % 5 == 3 { SUPPLIER.into() } else { entry.person.clone() };
            TimeEntry { billable, person, ..entry }
        })
        .collect()
}
