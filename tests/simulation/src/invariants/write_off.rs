//! What is written off is on no invoice, by exactly one write-off, and at what its lines come to.

use domain::id::LineId;
use domain::money::Money;
use domain::write_off::WriteOff;

use super::{Ledger, must};

pub(super) fn broken(ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let write_offs: Vec<WriteOff> = ledger.kind("write-off").filter_map(|i| i.body().ok()).collect();
    for line in &ledger.lines {
        let id = &line.line.line;
        let by = write_offs.iter().filter(|w| w.lines.contains(id)).count();
        must(&mut broken, by == usize::from(line.is_written_off()), || {
            format!("line {id} is in {by} write-offs, written off: {}", line.is_written_off())
        });
        must(&mut broken, !line.is_written_off() || line.invoice.is_none(), || {
            format!("line {id} is written off and on {:?}", line.invoice)
        });
    }
    for write_off in &write_offs {
        let amount = |id: &LineId| ledger.lines.iter().find(|l| l.line.line == *id).map(|l| l.line.amount);
        let amounts: Option<Vec<Money>> = write_off.lines.iter().map(amount).collect();
        let sum = amounts.and_then(|all| Money::total(write_off.amount.currency(), all).ok());
        must(&mut broken, sum == Some(write_off.amount), || {
            format!("{} of {} has lines of {sum:?}", write_off.write_off, write_off.amount)
        });
    }
    broken
}
