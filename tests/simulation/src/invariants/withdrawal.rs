//! A withdrawn engagement stands nowhere: what was made is gone or harmless, nothing is billed, and
//! whoever worked on it in the meantime is told.

use domain::problem::ProblemCode;

use super::{Ledger, must};
use crate::deal::Deal;
use crate::engine::open;
use crate::world::World;

pub(crate) fn broken(world: &World, deal: &Deal, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    let books = open(&world.books);
    must(&mut broken, books.project_of(&deal.engagement).is_none(), || "its project is in use".into());
    must(&mut broken, !books.plans.contains_key(&deal.engagement), || "its billing plan is there".into());
    must(&mut broken, ledger.lines.is_empty() && ledger.invoices.is_empty(), || {
        "something of it is billed".into()
    });
    for run in ledger.kind("workflow") {
        let status = run.text("status").unwrap_or_default();
        must(&mut broken, status == "compensated", || format!("its run is {status}"));
    }
    let told = books.work.iter().filter(|c| c.change.subject.as_str() == deal.engagement.as_str());
    let told = told.map(|c| c.change.delivery.clone()).collect::<std::collections::BTreeSet<_>>().len();
    let waiting = ledger.kind("exception").filter(|e| {
        e.text("code") == Some(ProblemCode::IllegalEvent.as_str()) && e.text("stage") == Some("time-approved")
    });
    let waiting = waiting.count();
    must(&mut broken, waiting == told, || format!("{waiting} of {told} entries wait for a person"));
    broken
}
