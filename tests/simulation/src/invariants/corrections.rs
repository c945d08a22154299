//! The lines of a corrected entry come to what its latest version is worth.

use domain::billing::{Correction, Evidence};
use domain::money::Money;

use super::{Ledger, Line, must};

pub(super) fn broken(ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let corrections: Vec<Correction> = ledger.kind("correction").filter_map(|i| i.body().ok()).collect();
    for correction in &corrections {
        let is_its = |l: &&Line| match &l.line.evidence {
            Evidence::Adjustment { of, .. } => *of == correction.line,
            _ => l.line.line == correction.line,
        };
        let amounts = ledger.lines.iter().filter(is_its).map(|l| l.line.amount);
        let sum = Money::total(correction.amount.currency(), amounts).ok();
        must(&mut broken, sum == Some(correction.amount), || {
            format!("{} is corrected to {} and has lines of {sum:?}", correction.line, correction.amount)
        });
    }
    let adjusted = |l: &&Line| matches!(l.line.evidence, Evidence::Adjustment { .. });
    let adjustments: u32 = corrections.iter().map(|c| c.adjustments).sum();
    let found = ledger.lines.iter().filter(adjusted).count();
    must(&mut broken, found == adjustments as usize, || {
        format!("{found} lines of {adjustments} corrections")
    });
    broken
}
