//! Whoever invoices: by a policy that is drawn, holding and releasing lines and invoices, and correcting the
//! configuration late.

use std::sync::Arc;

use domain::billing::LineStatus;
use domain::billing::hold::{HoldRequested, HoldTarget, ReleaseRequested};
use domain::id::EngagementId;
use domain::invoice::Invoice;
use domain::invoicing::{Ask, InvoicePolicy, Invoicing, Release};
use domain::problem::Owner;
use domain::{Event, Status, sample};
use events::{Envelope, Traceparent};
use journal::Item;

use crate::world::{TENANT, World};

/// Draws how a tenant invoices: half of them as everybody did before there were policies. In some a cost centre
/// is closed too early.
pub(crate) fn draw(world: &World) {
    let sim = &world.sim;
    let ask = match sim.below(8) {
        0 | 1 => Ask::AtOnce,
        2 => Ask::Monthly { on_day: 15 },
        3 => Ask::Manual,
        _ => Ask::PerMilestone,
    };
    let release = if sim.one_in(5) { Release::Manual } else { Release::Automatic };
    let closed = sim.one_in(5);
    world.configure(|config| {
        let policy = InvoicePolicy { ask, release, ..InvoicePolicy::default() };
        config.invoicing = Invoicing { policies: vec![policy], tell_after_minutes: Some(240) };
        if closed {
            config.cost_centres.iter_mut().filter(|c| c.code == "4200").for_each(|centre| {
                centre.until = Some(jiff::civil::date(2026, 11, 10));
            });
        }
    });
    sim.note(|| format!("invoices: {ask:?}, {release:?}, closed: {closed}"));
}

/// Somebody puts the configuration right.
pub(crate) fn correct(world: &World) {
    world.configure(|config| config.cost_centres = sample::config().cost_centres);
}

/// Holds something now and then.
pub(crate) fn hold(world: &Arc<World>) {
    if !world.sim.one_in(3) {
        return;
    }
    let may_be_held = |item: &Item| match item.text("kind") {
        Some("line") => item.text("status") == Some(LineStatus::Ready.name()),
        Some("invoice") => item.body::<Invoice>().is_ok_and(|i| i.has_gone().is_none()),
        _ => false,
    };
    let found = world.table.matching(may_be_held);
    if found.is_empty() {
        return;
    }
    if let Some((engagement, target)) = target(world.sim.any(&found)) {
        let asked = HoldRequested {
            target: target.clone(),
            requested_by: "controller".into(),
            owner: Owner::FinanceOperations,
            reason: "to be looked at".into(),
        };
        say(world, &engagement, &format!("hold:{target}:{}", world.sim.below(2)), asked.into());
    }
}

/// Releases all that is held, of which nobody knows better. Gives how much that was.
pub(crate) fn release(world: &Arc<World>) -> usize {
    let held = world.table.matching(|item| match item.text("kind") {
        Some("line") => item.text("status") == Some(LineStatus::Held.name()),
        Some("invoice") => item.body::<Invoice>().is_ok_and(|i| i.is_held()),
        _ => false,
    });
    let targets: Vec<_> = held.iter().filter_map(target).collect();
    for (engagement, target) in &targets {
        let asked = ReleaseRequested {
            target: target.clone(),
            requested_by: "controller".into(),
            reason: "looked at".into(),
        };
        // Each round of releases is another wish.
        let delivery = format!("release:{target}:{}", world.sim.now());
        say(world, engagement, &delivery, asked.into());
    }
    targets.len()
}

fn target(item: &Item) -> Option<(EngagementId, HoldTarget)> {
    let partition = item.text("pk")?;
    let engagement = partition.rsplit('#').next()?.to_owned().try_into().ok()?;
    let target = match item.text("kind")? {
        "line" => HoldTarget::Line(item.text("line")?.to_owned().try_into().ok()?),
        _ => HoldTarget::Invoice(item.text("invoice")?.to_owned().try_into().ok()?),
    };
    Some((engagement, target))
}

fn say(world: &Arc<World>, engagement: &EngagementId, delivery: &str, event: Event) {
    world.sim.note(|| format!("the controller: {delivery}"));
    let (now, trace) = (world.sim.now(), Traceparent::start());
    world.take(Envelope::reported(
        TENANT,
        "callers/controller",
        delivery,
        engagement.as_str(),
        now,
        event,
        trace,
    ));
}
