//! Nothing stays held in the end, what is counted as held is, and nothing of it is listed any more.

use domain::invoice::Invoice;

use super::{Ledger, must};

pub(super) fn broken(ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let held = ledger.kind("line").filter(|l| l.text("status") == Some("held")).count();
    must(&mut broken, held == 0, || format!("{held} lines are held in the end"));
    let counted = ledger.engagement.as_ref().map_or(0, |e| e.held_lines);
    must(&mut broken, counted == 0, || format!("{counted} lines are counted as held"));
    for line in ledger.kind("line") {
        // What comes to less than nothing stays ready until more is billed.
        let may_wait = line.text("status") == Some("ready");
        let listed = line.text("status_key").is_some_and(|key| !may_wait || key.ends_with("#held"));
        must(&mut broken, !listed && !line.0.contains_key("hold"), || {
            format!("line {:?} is listed or held", line.text("line"))
        });
    }
    for item in ledger.kind("invoice") {
        let free = item.body::<Invoice>().is_ok_and(|i| !i.is_held());
        must(
            &mut broken,
            free && item.text("status_key").is_none_or(|key| key.ends_with("#invoice#open")),
            || format!("invoice {:?} is held in the end", item.text("invoice")),
        );
    }
    broken
}
