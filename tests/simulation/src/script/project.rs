//! What project managers do in the PSA: they move the project from status to status and name people.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::delivery::{PROJECT, RESOURCE};
use domain::event::RecordChanged;
use domain::ownership::Role;

use super::report;
use crate::deal::Deal;
use crate::engine::open;
use crate::world::{PSA, World};

/// Where a project goes, with whether it is archived; in the end it goes on.
const STATUSES: [(&str, bool); 4] =
    [("In Progress", false), ("On Hold", false), ("In Progress", true), ("Almost Done", false)];

/// Reports all of it, some while the engagement is still being set up. The log may show it in another order.
pub(super) async fn tell(world: &Arc<World>, deal: &Deal) {
    if !deal.told {
        return;
    }
    for (status, archived) in STATUSES {
        world.sim.wait(1, 2_400).await;
        let project = open(&world.books).project_of(&deal.engagement).map(|row| row.record.clone());
        let fields = [("status", status.to_owned()), ("archived", archived.to_string())];
        changed(world, deal, PROJECT, &project.unwrap_or_default(), &fields);
        name_somebody(world, deal).await;
    }
}

/// Somebody else is named on a role; now and then nobody is any more.
async fn name_somebody(world: &Arc<World>, deal: &Deal) {
    let prefix = format!("{}/", deal.engagement);
    let roles: Vec<(String, String)> = {
        let books = open(&world.books);
        let ours = books.assignments.iter().filter_map(|row| Some((row, row.key.strip_prefix(&prefix)?)));
        ours.map(|(row, key)| (row.record.clone(), key.to_owned())).collect()
    };
    if roles.is_empty() {
        return;
    }
    world.sim.wait(1, 600).await;
    let (record, key) = world.sim.any(&roles).clone();
    let person = if world.sim.one_in(4) { String::new() } else { (70 + world.sim.below(9)).to_string() };
    let fields = [("role", "consultant".to_owned()), ("person", person), ("planned_role", key)];
    changed(world, deal, RESOURCE, &record, &fields);
}

fn changed(world: &World, deal: &Deal, object: &str, record: &str, fields: &[(&str, String)]) {
    let told = RecordChanged {
        connection: PSA.into(),
        role: Role::Psa,
        object: object.into(),
        record: record.into(),
        fields: fields.iter().map(|(f, v)| ((*f).to_owned(), v.clone())).collect::<BTreeMap<_, _>>(),
        changed_at: world.sim.now(),
    };
    report(world, deal, told.into());
}
