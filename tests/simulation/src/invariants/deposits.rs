//! Deposits: each is billed once, what invoices draw of it is never more than it is and never more than they bill, and
//! what was drawn is what the live drawdowns take off.

use domain::billing::{BillableLine, Evidence};
use domain::credit_memo::CreditMemo;
use domain::deposit::{BilledDeposit, DepositBalance, deposit_line};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::money::Money;

use super::credits::memos;
use super::{Ledger, Line, must};
use crate::world::World;

pub(super) fn broken(world: &World, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(engagement) = &ledger.engagement else { return broken };
    let memos = memos(ledger);
    for terms in &engagement.contract.deposits {
        let wanted = deposit_line(&engagement.engagement, &terms.key);
        let lines: Vec<&Line> = of(
            ledger,
            |evidence| matches!(evidence, Evidence::Deposit { deposit, .. } if *deposit == terms.key),
        );
        let is_told = world.charges_told_on().is_some_and(|day| terms.due_on.is_none_or(|due| due <= day));
        let right = lines.iter().all(|l| l.line.line == wanted && l.line.amount == terms.amount);
        must(&mut broken, right && lines.len() <= 1 && (!is_told || lines.len() == 1), || {
            format!("deposit {} of {} is on {} lines", terms.key, terms.amount, lines.len())
        });
        let Some(line) = lines.first() else { continue };
        let owner = ledger.invoices.iter().find(|i| Some(i.invoice.as_str()) == line.invoice.as_deref());
        let live = live(ledger, &line.line);
        let kept = ledger.invoices.iter().map(|i| i.drawn_of(&wanted));
        let kept = Money::total(terms.amount.currency(), kept).expect("one currency");
        must(&mut broken, live == kept, || format!("{live} of {} is drawn, {kept} is kept", terms.key));
        let Some(owner) = owner else {
            must(&mut broken, live.is_zero(), || format!("{live} of {} is drawn of no invoice", terms.key));
            continue;
        };
        let its: Vec<CreditMemo> = memos.iter().filter(|m| m.invoice == owner.invoice).cloned().collect();
        let (terms, line, invoice) = (terms.clone(), line.line.clone(), owner.clone());
        let billed = BilledDeposit { terms, line, invoice, memos: its };
        let DepositBalance { amount, drawn, returned, left } = billed.balance().expect("one currency");
        let sum = drawn.plus(returned).and_then(|sum| sum.plus(left)).expect("one currency");
        let none_below = [drawn, returned, left].iter().all(|part| part.is_zero() || part.is_positive());
        must(&mut broken, sum == amount && drawn == live && none_below, || format!("{:?}", billed.balance()));
        must(&mut broken, drawn.is_zero() || owner.is_posted(), || {
            format!("{drawn} is drawn of {}, which is {}", owner.invoice, owner.status.as_str())
        });
    }
    for invoice in &ledger.invoices {
        covers(&mut broken, ledger, invoice);
    }
    broken
}

fn of(ledger: &Ledger, is: impl Fn(&Evidence) -> bool) -> Vec<&Line> {
    ledger.lines.iter().filter(|line| is(&line.line.evidence)).collect()
}

/// What drawdowns that an invoice owns take off for a deposit.
fn live(ledger: &Ledger, deposit: &BillableLine) -> Money {
    let nothing = Money::zero(deposit.amount.currency());
    let its = of(ledger, |e| matches!(e, Evidence::Drawdown { of, .. } if *of == deposit.line));
    let owned = its.into_iter().filter(|line| line.invoice.is_some());
    let amounts = owned.map(|line| nothing.minus(line.line.amount).expect("one currency"));
    Money::total(nothing.currency(), amounts).expect("one currency")
}

/// An invoice draws no more than it bills of work, and says how much.
fn covers(broken: &mut Vec<String>, ledger: &Ledger, invoice: &Invoice) {
    let nothing = Money::zero(invoice.untaxed.currency());
    let prefix = format!("invoice-page#{}#", invoice.invoice);
    let pages = ledger.kind("invoice-page").filter(|i| i.key().sk.starts_with(&prefix));
    let lines: Vec<BillableLine> =
        pages.filter_map(|i| i.body::<journal::LinePage>().ok()).flat_map(|page| page.lines).collect();
    let total = |is: &dyn Fn(&Evidence) -> bool| {
        let those = lines.iter().filter(|line| is(&line.evidence)).map(|line| line.amount);
        Money::total(nothing.currency(), those).expect("one currency")
    };
    let drawn = nothing.minus(total(&|e| matches!(e, Evidence::Drawdown { .. }))).expect("one currency");
    let work = total(&|e| !matches!(e, Evidence::Drawdown { .. } | Evidence::Deposit { .. }));
    must(broken, invoice.taken_off() == drawn, || {
        format!("{} draws {drawn} and says {}", invoice.invoice, invoice.taken_off())
    });
    must(broken, drawn.is_zero() || !drawn.exceeds(work).expect("one currency"), || {
        format!("{} draws {drawn} for work of {work}", invoice.invoice)
    });
    let withdrawn = invoice.status == InvoiceStatus::Withdrawn;
    for line in of(ledger, |e| matches!(e, Evidence::Drawdown { .. })) {
        let its = lines.iter().any(|l| l.line == line.line.line);
        must(broken, !its || withdrawn == (line.status.as_deref() == Some("withdrawn")), || {
            format!("{} of {} is {:?}", line.line.line, invoice.invoice, line.status)
        });
    }
}
