//! Holds beside what else becomes of a line: it is corrected, or written off.

use domain::Event;
use domain::billing::LineStatus;
use domain::billing::hold::{HoldReason, HoldTarget};
use domain::id::{LineId, WriteOffId};
use domain::sample::{config, entry, usd};
use domain::write_off::WriteOffRequested;
use events::Envelope;
use runtime::Outcome;

use crate::world::{TENANT, World, epoch};

/// Proves WFC-05 in part: a held line may be written off. Nobody is asked to settle it any more, and nothing looks
/// for what is held.
#[tokio::test]
async fn a_held_line_is_written_off() {
    let world = World::new(World::closed()).await;
    let (hour, line) = world.hour("1");
    assert_eq!(world.deliver(&hour).await, Ok(Outcome::Applied));
    assert_eq!((world.held_lines().await, world.open().len()), (1, 1));
    let write_off = write_off(&world, &line);
    for expected in [Outcome::Applied, Outcome::Duplicate] {
        assert_eq!(world.deliver(&write_off).await, Ok(expected));
    }
    let record = world.line(&line).await;
    assert_eq!((record.status, record.hold), (LineStatus::WrittenOff, None));
    assert_eq!((world.held_lines().await, world.open()), (0, vec![]));
    let listed = world.journal().held_lines(TENANT, world.engagement.as_str(), 10).await.unwrap();
    assert_eq!(listed, []);
    let release = world.release("r1", HoldTarget::Line(line.clone()));
    assert_eq!(world.deliver(&release).await, Ok(Outcome::NoEffect), "too late");
    assert_eq!(world.status(&line).await, LineStatus::WrittenOff);
}

fn write_off(world: &World, line: &LineId) -> Envelope {
    let asked = WriteOffRequested {
        write_off: WriteOffId::derive(&[line.as_str()]),
        lines: vec![line.clone()],
        requested_by: "finance".into(),
        reason: "goodwill".into(),
    };
    world.about(line.as_str(), Event::WriteOffRequested(asked))
}

/// An hour, 180.00, is corrected to an hour and a half; the 90.00 more are written off. Corrected back to an hour it is
/// shown to a person: a difference of −90.00 would take off once more what was written off, and bill 90.00 in all.
#[tokio::test]
async fn what_was_written_off_is_not_given_back_by_a_correction() {
    let world = World::new(config()).await;
    let (hour, line) = world.hour("1");
    assert_eq!(world.deliver(&hour).await, Ok(Outcome::Applied));
    let more = changed(&world, 90, "2026-11-22T09:00:00Z");
    assert_eq!(world.deliver(&more).await, Ok(Outcome::Applied));
    let ready = world.journal().ready_lines(TENANT, world.engagement.as_str(), 10).await.unwrap();
    let beside = ready.iter().find(|l| l.line != line).unwrap().line.clone();
    assert_eq!(world.deliver(&write_off(&world, &beside)).await, Ok(Outcome::Applied));
    let back = changed(&world, 60, "2026-11-23T09:00:00Z");
    assert_eq!(world.deliver(&back).await, Ok(Outcome::Held));
    assert_eq!(world.open(), ["Q2C-0303"]);
    let ready = world.journal().ready_lines(TENANT, world.engagement.as_str(), 10).await.unwrap();
    assert_eq!(ready.iter().map(|l| l.amount).collect::<Vec<_>>(), [usd("180.00")]);
}

/// The first line of a corrected entry is not written off without its corrections: 180.00 written off beside −90.00 would
/// leave the customer 90.00. The entry is made not billable instead, and comes to nothing.
#[tokio::test]
async fn the_line_of_a_corrected_entry_is_not_written_off() {
    let world = World::new(config()).await;
    let (hour, line) = world.hour("1");
    assert_eq!(world.deliver(&hour).await, Ok(Outcome::Applied));
    let less = changed(&world, 30, "2026-11-22T09:00:00Z");
    assert_eq!(world.deliver(&less).await, Ok(Outcome::Applied));
    assert_eq!(world.deliver(&write_off(&world, &line)).await, Ok(Outcome::Held));
    assert_eq!((world.open(), world.status(&line).await), (vec!["Q2C-0331".into()], LineStatus::Ready));
    let nothing = changed(&world, 0, "2026-11-23T09:00:00Z");
    assert_eq!(world.deliver(&nothing).await, Ok(Outcome::Applied));
    let ready = world.journal().ready_lines(TENANT, world.engagement.as_str(), 10).await.unwrap();
    let amounts = ready.iter().map(|l| l.amount);
    assert_eq!(domain::Money::total(usd("0").currency(), amounts).unwrap(), usd("0.00"));
}

/// The entry of `World::hour`, approved anew with other minutes.
fn changed(world: &World, minutes: u32, at: &str) -> Envelope {
    let told = entry("1", "consultant", "2026-11-16", minutes);
    let event = world.about(at, Event::TimeApproved(told));
    Envelope { time: at.parse().unwrap(), ..event }
}

/// Proves WFC-05 in part: an entry that changes while it can't be billed has its difference held beside it, and both
/// are ready when the cause is corrected: 60 min at 180.00 are 180.00, 90 min are 270.00, 90.00 more.
#[tokio::test]
async fn the_correction_of_what_is_held_is_held_too() {
    let mut world = World::new(World::closed()).await;
    let (hour, line) = world.hour("1");
    assert_eq!(world.deliver(&hour).await, Ok(Outcome::Applied));
    let later = changed(&world, 90, "2026-11-22T09:00:00Z");
    for expected in [Outcome::Applied, Outcome::Duplicate] {
        assert_eq!(world.deliver(&later).await, Ok(expected));
    }
    let held = world.journal().held_lines(TENANT, world.engagement.as_str(), 10).await.unwrap();
    assert_eq!((held.len(), world.held_lines().await, world.open().len()), (2, 2, 2));
    let beside = held.into_iter().find(|h| h.line.line != line).unwrap();
    let hold = beside.hold.unwrap();
    assert_eq!((hold.reason, hold.at_stake), (HoldReason::CostCentre, usd("90.00")));
    let (request, invoice) = world.request("too early");
    assert_eq!(world.deliver(&request).await, Ok(Outcome::NoEffect));
    assert_eq!(world.invoice(&invoice).await.unwrap().line_count, 0);
    world.config = config();
    let (next, _) = world.hour("2");
    assert_eq!(world.deliver(&next).await, Ok(Outcome::Applied));
    assert_eq!((world.held_lines().await, world.open()), (0, vec![]));
    let (request, invoice) = world.request("now");
    assert_eq!(world.deliver(&request).await, Ok(Outcome::Applied));
    assert_eq!(world.invoice(&invoice).await.unwrap().untaxed, usd("450.00"), "270.00 and 180.00");
}

/// A correction that changes nothing of the price holds nothing, whatever the entry is held for.
#[tokio::test]
async fn a_correction_to_the_same_price_holds_nothing() {
    let world = World::new(World::closed()).await;
    let (hour, _) = world.hour("1");
    assert_eq!(world.deliver(&hour).await, Ok(Outcome::Applied));
    let mut later = changed(&world, 60, "2026-11-22T09:00:00Z");
    if let Event::TimeApproved(entry) = &mut later.event {
        entry.notes = Some("the same hour in other words".into());
    }
    assert_eq!(world.deliver(&later).await, Ok(Outcome::Applied));
    assert_eq!((world.held_lines().await, world.open().len()), (1, 1));
    assert_eq!(epoch(), hour.time, "approved before it was changed");
}
