//! Credit memos: what the ERP posted is what was granted, to the cent; no invoice is credited with more than it
//! billed; each line is released by one credit memo at most for each invoice that billed it; and what somebody issued in the ERP by
//! hand is recorded and shown to finance.

use std::collections::{BTreeMap, BTreeSet};

use domain::approval::{Approval, ApprovalStatus, CREDIT_MEMO};
use domain::billing::LineStatus;
use domain::credit_memo::{CreditMemo, CreditMemoStatus};
use domain::invoice::Invoice;
use domain::money::Money;
use domain::problem::ProblemCode;
use journal::Item;

use super::{Ledger, must};
use crate::engine::open;
use crate::products::Books;
use crate::world::World;

/// Every credit memo of an engagement.
pub(super) fn memos(ledger: &Ledger) -> Vec<CreditMemo> {
    ledger.kind("credit-memo").filter_map(|item| item.body().ok()).collect()
}

/// Which invoices released a line, with what became of it.
pub(super) fn released(memos: &[CreditMemo], line: &str) -> Vec<(String, LineStatus)> {
    let posted = memos.iter().filter(|memo| memo.status.is_posted());
    let of = posted.filter(|memo| memo.released().any(|id| id.as_str() == line));
    of.filter_map(|memo| {
        let id = memo.released().find(|id| id.as_str() == line)?;
        Some((memo.invoice.to_string(), memo.releases_to(id)))
    })
    .collect()
}

pub(super) fn broken(world: &World, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let (memos, books) = (memos(ledger), open(&world.books));
    for memo in &memos {
        is_in_the_erp(&mut broken, &books, memo);
    }
    for invoice in &ledger.invoices {
        adds_up(&mut broken, &books, invoice, &memos);
    }
    let mut taken: BTreeSet<(String, String)> = BTreeSet::new();
    for memo in memos.iter().filter(|memo| memo.status.is_posted()) {
        for line in memo.released() {
            must(&mut broken, taken.insert((memo.invoice.to_string(), line.to_string())), || {
                format!("line {line} is credited twice for {}", memo.invoice)
            });
        }
    }
    let asked = ledger.kind("approval").filter_map(|item| item.body::<Approval>().ok());
    for asked in asked.filter(|approval| approval.what == CREDIT_MEMO) {
        let memo = memos.iter().find(|memo| memo.credit_memo.as_str() == asked.content);
        let granted = memo.is_some_and(|memo| memo.status.is_posted());
        must(&mut broken, granted == (asked.status == ApprovalStatus::Approved), || {
            format!("{:?} of {memo:?}", asked.status)
        });
    }
    by_hand(&mut broken, &books, ledger);
    broken
}

fn is_in_the_erp(broken: &mut Vec<String>, books: &Books, memo: &CreditMemo) {
    let found = books.credits.get(&memo.credit_memo);
    if memo.status == CreditMemoStatus::Rejected {
        must(broken, found.is_none(), || format!("{} was rejected and is in the ERP", memo.credit_memo));
        return;
    }
    let Some(found) = found else {
        broken.push(format!("{} is {:?} and not in the ERP", memo.credit_memo, memo.status));
        return;
    };
    let set_off = memo.set_off.unwrap_or(Money::zero(memo.untaxed.currency()));
    let same = memo.untaxed == found.untaxed
        && memo.tax == Some(found.tax())
        && memo.total == Some(found.total())
        && memo.number == found.number
        && memo.record.as_ref() == Some(&found.record)
        && memo.invoice == found.invoice
        && set_off == found.set_off;
    must(broken, same, || format!("{memo:?} differs from {found:?}"));
    let ends = if set_off.is_positive() { CreditMemoStatus::Applied } else { CreditMemoStatus::Posted };
    must(broken, memo.status == ends, || format!("{} is {:?}", memo.credit_memo, memo.status));
}

/// What was credited of an invoice is what its credit memos come to, here and in the ERP.
fn adds_up(broken: &mut Vec<String>, books: &Books, invoice: &Invoice, memos: &[CreditMemo]) {
    let of: Vec<&CreditMemo> =
        memos.iter().filter(|m| m.invoice == invoice.invoice && m.status.is_posted()).collect();
    let sum = |amounts: &dyn Fn(&CreditMemo) -> Money| {
        Money::total(invoice.untaxed.currency(), of.iter().map(|memo| amounts(memo))).ok()
    };
    let (untaxed, set_off) = (sum(&|m| m.untaxed), sum(&|m| m.set_off.unwrap_or(m.untaxed)));
    let (kept, id) = (invoice.credited, &invoice.invoice);
    must(broken, kept.is_some() != of.is_empty(), || format!("{id} keeps {kept:?} of {} memos", of.len()));
    let Some(kept) = kept else { return };
    must(broken, Some(kept.untaxed) == untaxed && Some(kept.set_off) == set_off, || {
        format!("{id} keeps {kept:?}; its credit memos come to {untaxed:?} and {set_off:?}")
    });
    must(broken, !kept.untaxed.exceeds(invoice.untaxed).unwrap_or(true), || {
        format!("{id} of {} is credited with {}", invoice.untaxed, kept.untaxed)
    });
    let zero = Money::zero(invoice.untaxed.currency());
    let in_the_erp = books.invoices.get(id).and_then(|i| i.credited).unwrap_or(zero);
    must(broken, in_the_erp == kept.set_off, || {
        format!("{id}: {} set off, {in_the_erp} in the ERP", kept.set_off)
    });
    let status = invoice.by_balance().ok();
    must(broken, status == Some(invoice.status), || format!("{id} is {:?}, not {status:?}", invoice.status));
}

fn by_hand(broken: &mut Vec<String>, books: &Books, ledger: &Ledger) {
    let ours: BTreeMap<&str, ()> = ledger.invoices.iter().map(|i| (i.invoice.as_str(), ())).collect();
    let about = books.by_hand.iter().filter(|note| ours.contains_key(note.invoice.as_str()));
    let mut count = 0;
    for note in about {
        count += 1;
        let names = |item: &&Item| item.text("record") == Some(&note.record);
        let kept = ledger.kind("adjustment").filter(names).count();
        must(broken, kept == 1, || format!("{note:?} is recorded {kept} times"));
        let told = ledger.kind("exception").any(|e| {
            e.text("code") == Some(ProblemCode::CreditedByHand.as_str())
                && e.text("detail").is_some_and(|d| {
                    d.contains(note.invoice.as_str()) && d.contains(&note.total().to_string())
                })
        });
        must(broken, told, || format!("nobody is told of {note:?}"));
    }
    let kept = ledger.kind("adjustment").count();
    must(broken, kept == count, || format!("{kept} adjustments of {count} by hand"));
}
