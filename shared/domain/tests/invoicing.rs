//! When invoices are asked for, of what, and what fits on one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::{BillableLine, Evidence, line_of};
use domain::consistency::faults;
use domain::event::InvoiceRequested;
use domain::id::{CreditMemoId, InvoiceId};
use domain::invoice::PaymentTolerance;
use domain::invoicing::{
    Ask, Header, InvoicePolicy, Invoicing, PolicyScope, asked_by, asked_by_rebill, asked_by_run, choose,
    due_run, next_run,
};
use domain::sample::{active, config, entry, quote, usd};
use domain::{Currency, Engagement, Money, TenantConfig};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;

fn line(n: usize, amount: &str, earned_on: Date, version: u32) -> BillableLine {
    let entry = entry(&n.to_string(), "consultant", &earned_on.to_string(), 60);
    let contract = active(&quote()).contract;
    let id = line_of("kantata-main", "time", &entry.entry);
    let evidence = Evidence::Time { entry, hourly: usd("180.00") };
    let sold = BillableLine::sold(&contract, id, ("3", "ADVISORY"), (usd(amount), earned_on), evidence);
    BillableLine { contract_version: version, ..sold }
}

fn monthly(on_day: u8, minimum: Option<Money>) -> InvoicePolicy {
    InvoicePolicy { ask: Ask::Monthly { on_day }, minimum, ..InvoicePolicy::default() }
}

fn with(policies: Vec<InvoicePolicy>) -> TenantConfig {
    TenantConfig { invoicing: Invoicing { policies, ..Invoicing::default() }, ..config() }
}

/// The first of a month invoices the month before; the last day of February stands for the 31st, in a leap year too.
#[test]
fn a_monthly_run_falls_on_its_day_and_cuts_off_the_day_before() {
    let run = |on_day, today| {
        let due = due_run(Ask::Monthly { on_day }, today).unwrap();
        (due.day, due.cut_off, due.month())
    };
    let case = |day: Date, cut_off: Date, month: &str| (day, cut_off, month.to_owned());
    assert_eq!(run(1, date(2026, 12, 1)), case(date(2026, 12, 1), date(2026, 11, 30), "2026-12"));
    assert_eq!(run(1, date(2026, 11, 30)), case(date(2026, 11, 1), date(2026, 10, 31), "2026-11"));
    assert_eq!(run(31, date(2028, 2, 28)), case(date(2028, 1, 31), date(2028, 1, 30), "2028-01"));
    assert_eq!(run(31, date(2028, 2, 29)), case(date(2028, 2, 29), date(2028, 2, 28), "2028-02"));
    assert_eq!(run(30, date(2027, 2, 28)), case(date(2027, 2, 28), date(2027, 2, 27), "2027-02"));
    assert_eq!(run(15, date(2027, 1, 14)), case(date(2026, 12, 15), date(2026, 12, 14), "2026-12"));
    assert_eq!(due_run(Ask::PerMilestone, date(2027, 1, 1)), None);
}

/// Proves SCN-18 in part: a month is asked for once, whenever the run comes; what was earned later waits.
#[test]
fn a_month_is_one_invoice_of_what_was_earned_in_it() {
    let (engagement, policy) = (active(&quote()), monthly(1, None));
    let lines = [line(1, "180.00", date(2026, 11, 30), 1), line(2, "90.00", date(2026, 12, 1), 1)];
    let asked = |today, lines: &[BillableLine]| {
        let run = due_run(policy.ask, today).unwrap();
        asked_by_run(&engagement, &policy, run, lines).unwrap()
    };
    let first = asked(date(2026, 12, 1), &lines).unwrap();
    assert_eq!((first.earned_until, &first.lines), (Some(date(2026, 11, 30)), &vec![lines[0].line.clone()]));
    let late = asked(date(2026, 12, 28), &lines).unwrap();
    assert_eq!(late.invoice, first.invoice, "late or again, it is the same invoice");
    let next = asked(date(2027, 1, 1), &lines).unwrap();
    assert_ne!(next.invoice, first.invoice);
    assert_eq!(next.lines.len(), 2);
    assert_eq!(asked(date(2026, 12, 1), &lines[1..]), None, "nothing was earned in time");
}

/// What is credited to be billed anew is one invoice, asked for where the policy lets one of the lines ask by itself:
/// work at once, and by milestones only beside a milestone.
#[test]
fn what_is_billed_anew_is_one_invoice() {
    let engagement = active(&quote());
    let work = [line(1, "180.00", date(2026, 11, 30), 1), line(2, "90.00", date(2026, 12, 1), 1)];
    let charge = Evidence::Charge {
        charge: "S1".into(),
        name: "Support".into(),
        period: 0,
        from: date(2026, 11, 1),
        until: date(2026, 12, 1),
        prorated: None,
    };
    let with_a_charge = [work[0].clone(), BillableLine { evidence: charge, ..work[1].clone() }];
    let memo = CreditMemoId::derive(&["m"]);
    let asked = |ask, lines: &[BillableLine]| {
        let policy = InvoicePolicy { ask, ..InvoicePolicy::default() };
        asked_by_rebill(&engagement, &policy, &memo, lines).map(|asked| asked.lines.len())
    };
    assert_eq!((asked(Ask::AtOnce, &work), asked(Ask::AtOnce, &with_a_charge)), (Some(2), Some(2)));
    assert_eq!((asked(Ask::PerMilestone, &work), asked(Ask::PerMilestone, &with_a_charge)), (None, Some(2)));
    assert_eq!((asked(Ask::Manual, &work), asked(Ask::Monthly { on_day: 1 }, &with_a_charge)), (None, None));
    assert_eq!(asked(Ask::AtOnce, &[]), None);
}

/// Below the minimum nothing is asked for: 180.00 waits for 200.00, 180.00 and 20.00 do not.
#[test]
fn what_is_less_than_the_minimum_waits() {
    let (engagement, policy) = (active(&quote()), monthly(1, Some(usd("200.00"))));
    let run = due_run(policy.ask, date(2026, 12, 1)).unwrap();
    let mut lines = vec![line(1, "180.00", date(2026, 11, 2), 1)];
    assert_eq!(asked_by_run(&engagement, &policy, run, &lines), Ok(None));
    lines.push(line(2, "20.00", date(2026, 11, 3), 1));
    assert!(asked_by_run(&engagement, &policy, run, &lines).unwrap().is_some());
    // Asked for by hand, there is no least.
    let by_hand = InvoiceRequested::of(InvoiceId::derive(&["1"]), vec![], "now".into());
    let header = Header::of(&engagement.contract);
    let headers = BTreeMap::from([(1, header.clone())]);
    let chosen = choose(&by_hand, (1, &header), &headers, &lines[..1]).unwrap();
    assert_eq!((chosen.too_little, chosen.take.len()), (None, 1));
    let by_policy = InvoiceRequested { minimum: policy.minimum, ..by_hand };
    let chosen = choose(&by_policy, (1, &header), &headers, &lines[..1]).unwrap();
    assert_eq!(chosen.too_little, Some(usd("180.00")));
}

#[test]
fn the_most_specific_policy_counts() {
    let engagement = active(&quote());
    let when = |when, ask| InvoicePolicy { when, ask, ..InvoicePolicy::default() };
    let entity = PolicyScope { legal_entity: Some("NW-US".into()), ..PolicyScope::default() };
    let customer = PolicyScope { customer: Some("55".into()), ..entity.clone() };
    let other = PolicyScope { customer: Some("56".into()), ..customer.clone() };
    let of_line = PolicyScope { service_line: Some("consulting".into()), ..PolicyScope::default() };
    let config = with(vec![
        when(PolicyScope::default(), Ask::Manual),
        when(other, Ask::AtOnce),
        when(customer, Ask::Monthly { on_day: 5 }),
        when(entity, Ask::AtOnce),
        when(of_line, Ask::AtOnce),
    ]);
    let ask = |e: &Engagement| config.invoicing.policy_of(e, &config).ask;
    assert_eq!(ask(&engagement), Ask::Monthly { on_day: 5 });
    let mut elsewhere = engagement.clone();
    elsewhere.customer_record.company = "57".into();
    elsewhere.contract.legal_entity = "NW-EU".into();
    // It sells delivery beside consulting: the policy of consulting alone does not speak about it.
    assert_eq!(ask(&elsewhere), Ask::Manual);
    elsewhere.contract.milestones.clear();
    assert_eq!(ask(&elsewhere), Ask::AtOnce);
    assert_eq!(Invoicing::default().policy_of(&engagement, &config).ask, Ask::PerMilestone);
}

#[test]
fn policies_that_contradict_each_other_are_refused() {
    let usd_only =
        PolicyScope { currency: Some(Currency::from_code("USD").unwrap()), ..PolicyScope::default() };
    let entity = |code: &str| PolicyScope { legal_entity: Some(code.into()), ..PolicyScope::default() };
    let policy = |when| InvoicePolicy { when, ..InvoicePolicy::default() };
    let found = |policies| faults(&with(policies)).into_iter().map(|f| f.rule).collect::<Vec<_>>();
    assert_eq!(found(vec![policy(PolicyScope::default()), policy(entity("NW-US"))]), [] as [&str; 0]);
    assert!(found(vec![policy(usd_only.clone()), policy(entity("NW-US"))])[0].contains("equally specific"));
    assert!(found(vec![policy(entity("NOBODY"))])[0].contains("no legal entity"));
    assert!(found(vec![monthly(32, None)])[0].contains("1 to 31"));
    assert!(found(vec![monthly(0, None)])[0].contains("1 to 31"));
    assert!(found(vec![monthly(1, Some(usd("10.00")))])[0].contains("needs that currency"));
    let least = |amount| InvoicePolicy { minimum: Some(usd(amount)), ..policy(usd_only.clone()) };
    assert_eq!(found(vec![least("10.00")]), [] as [&str; 0]);
    assert!(found(vec![least("0.00")])[0].contains("above nought"));
    let mut dated = config();
    (dated.cost_centres[0].from, dated.cost_centres[0].until) =
        (Some(date(2026, 2, 1)), Some(date(2026, 1, 31)));
    assert_eq!(faults(&dated)[0].place, "cost_centres[0].until");
}

/// Work of a contract version with another purchase order is not put under this one's.
#[test]
fn an_invoice_takes_what_fits_its_header() {
    let contract = active(&quote()).contract;
    let mut amended = contract.clone();
    amended.purchase_order = Some("PO-78".into());
    let (old, new) = (Header::of(&contract), Header::of(&amended));
    let headers = BTreeMap::from([(1, old.clone()), (2, new.clone()), (3, new.clone())]);
    let lines = [
        line(1, "1.00", date(2026, 11, 2), 1),
        line(2, "2.00", date(2026, 11, 3), 2),
        line(3, "4.00", date(2026, 11, 4), 3),
        line(4, "8.00", date(2026, 11, 5), 1),
        // Of a version that nobody kept: it fits, as it always did.
        line(5, "16.00", date(2026, 11, 6), 9),
    ];
    let requested = InvoiceRequested::of(InvoiceId::derive(&["1"]), vec![], "by hand".into());
    let chosen = choose(&requested, (3, &new), &headers, &lines).unwrap();
    let named = |of: &[usize]| of.iter().map(|i| lines[*i].line.clone()).collect::<BTreeSet<_>>();
    assert_eq!(chosen.take, named(&[1, 2, 4]));
    let beside = chosen.beside.unwrap();
    assert_eq!((beside.contract_version, beside.lines.iter().cloned().collect()), (Some(1), named(&[0, 3])));
    assert_ne!(beside.invoice, requested.invoice);
    let rest: Vec<BillableLine> = [0, 3].map(|i| lines[i].clone()).into();
    let second = choose(&beside, (1, &old), &headers, &rest).unwrap();
    assert_eq!((second.take, second.beside), (named(&[0, 3]), None));
}

#[test]
fn a_line_always_asks_for_the_same_invoice() {
    let engagement = active(&quote());
    let policy = InvoicePolicy { ask: Ask::AtOnce, ..InvoicePolicy::default() };
    let (one, other) = (line(1, "1.00", date(2026, 11, 2), 1), line(2, "1.00", date(2026, 11, 2), 1));
    let asked = |line| asked_by(&engagement, &policy, line).unwrap();
    assert_eq!(asked(&one), asked(&one));
    assert_ne!(asked(&one).invoice, asked(&other).invoice);
    assert_eq!(asked(&one).lines.first(), Some(&one.line));
}

/// Where lines come to nothing or less, as after corrections, no run asks for an invoice, and
/// the month's can still be asked for when more was earned: 100.00 less 100.00, then 30.00 more.
#[test]
fn a_run_that_comes_to_nothing_asks_later() {
    let engagement = active(&quote());
    let policy = InvoicePolicy { ask: Ask::Monthly { on_day: 1 }, ..InvoicePolicy::default() };
    let run = due_run(policy.ask, date(2026, 12, 3)).unwrap();
    let mut ready = vec![line(1, "100.00", date(2026, 11, 2), 1), line(2, "-100.00", date(2026, 11, 3), 1)];
    assert_eq!(asked_by_run(&engagement, &policy, run, &ready).unwrap(), None);
    ready.push(line(3, "30.00", date(2026, 11, 4), 1));
    let asked = asked_by_run(&engagement, &policy, run, &ready).unwrap().expect("30.00 to bill");
    assert_eq!(asked.lines.len(), 3);
}

proptest! {
    /// Runs follow each other without gap or overlap, and none is due before its day.
    #[test]
    fn runs_follow_each_other(offset in 0_i32..4_000, on_day in 1_u8..=31) {
        let (ask, today) = (Ask::Monthly { on_day }, date(2024, 1, 1) + offset.days());
        let (due, next) = (due_run(ask, today).unwrap(), next_run(ask, today).unwrap());
        prop_assert!(due.day <= today && today < next.day);
        prop_assert_eq!(due.cut_off.tomorrow().unwrap(), due.day);
        prop_assert_eq!(due_run(ask, next.day).unwrap(), next);
        prop_assert_eq!(due_run(ask, next.cut_off).unwrap(), due);
        prop_assert!(due.month() < next.month());
    }

    /// However versions are mixed, a request and those beside it take each line once, each under its own terms.
    #[test]
    fn each_line_is_taken_once_under_its_own_terms(
        lines in proptest::collection::vec((1_u32..5, 1_i8..28), 0..40),
        orders in proptest::collection::vec(0_u8..3, 4),
        until in proptest::option::of(1_i8..28),
    ) {
        let contract = active(&quote()).contract;
        let header = |version: u32| {
            let mut of = contract.clone();
            of.purchase_order = Some(format!("PO-{}", orders[version as usize - 1]));
            Header::of(&of)
        };
        let headers: BTreeMap<u32, Header> = (1..5).map(|v| (v, header(v))).collect();
        let mut left: Vec<BillableLine> = lines
            .iter()
            .enumerate()
            .map(|(n, (version, day))| line(n, "10.00", date(2026, 11, *day), *version))
            .collect();
        let due = left.iter().filter(|l| until.is_none_or(|u| l.earned_on.day() <= u)).count();
        let mut next = Some(InvoiceRequested {
            earned_until: until.map(|day| date(2026, 11, day)),
            ..InvoiceRequested::of(InvoiceId::derive(&["1"]), vec![], "all".into())
        });
        let (mut taken, mut invoices) = (0, BTreeSet::new());
        while let Some(request) = next {
            prop_assert!(invoices.insert(request.invoice.clone()), "asked for twice");
            let version = request.contract_version.unwrap_or(4);
            let chosen = choose(&request, (version, &headers[&version]), &headers, &left).unwrap();
            let (mine, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|l| chosen.take.contains(&l.line));
            prop_assert!(mine.iter().all(|l| headers[&l.contract_version] == headers[&version]));
            taken += mine.len();
            left = others;
            next = chosen.beside;
        }
        prop_assert_eq!(taken, due);
        prop_assert!(invoices.len() <= 4);
    }
}

/// What is too little to be asked for is said once for a currency that somebody sells in, and is never all there is.
#[test]
fn tolerances_that_are_not_sound_are_refused() {
    let found = |tolerances: &[(Money, i64)]| {
        let of = |(amount, percent): &(Money, i64)| PaymentTolerance {
            amount: *amount,
            percent: (*percent).into(),
        };
        let config = TenantConfig { payment_tolerances: tolerances.iter().map(of).collect(), ..config() };
        faults(&config).into_iter().map(|f| format!("{}: {}", f.place, f.rule)).collect::<Vec<_>>()
    };
    assert_eq!(found(&[(usd("5.00"), 100)]), [] as [&str; 0]);
    for percent in [0, 101] {
        assert!(found(&[(usd("5.00"), percent)])[0].contains("above nought and at most 100"));
    }
    assert!(found(&[(usd("0.00"), 1)])[0].contains("amount: must be above nought"));
    assert!(found(&[(usd("5.00"), 1), (usd("6.00"), 1)])[0].contains("`USD` appears twice"));
    let yen = Money::parse("5", Currency::from_code("JPY").unwrap()).unwrap();
    assert!(found(&[(yen, 1)])[0].contains("no legal entity sells in JPY"));
}
