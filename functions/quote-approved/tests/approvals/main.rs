//! A price below policy, from the quote's approval in the CRM to the person who allows it or does not.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod products;
mod world;

use domain::Event;
use domain::approval::{ApprovalStatus, Verdict};
use domain::quote::Quote;
use domain::sample::{self, usd};
use jiff::SignedDuration;
use runtime::Outcome;

use world::{World, told};

/// A rate far below the policy's floor.
fn low() -> Quote {
    let mut quote = sample::quote();
    quote.lines[2].unit_price = usd("90.00");
    quote
}

/// Proves WFA-12, WFE-01 and EVT-25 in part: nothing is written anywhere until the one who may has said
/// yes; then the very same quote is set up, once, and the record says who allowed it.
#[tokio::test]
async fn a_price_below_policy_waits_for_its_approval_and_then_goes_on() {
    let world = World::selling(low());
    world.approve("a");
    world.settle().await;
    assert!(world.product.is_untouched());
    assert_eq!((world.codes(), world.engagement()), (vec![], None));
    assert_eq!(world.outcomes(), [Outcome::Parked]);
    let asked = world.approval();
    assert_eq!((asked.status, asked.at_stake), (ApprovalStatus::Requested, Some(usd("85000.00"))));
    assert_eq!(world.on_the_bus("q2c.approval.requested.v1"), 1);
    assert_eq!(world.on_the_bus("q2c.exception.raised.v1"), 0);

    world.decide(&asked.approval, Verdict::Approved);
    world.settle().await;
    assert_eq!(world.outcomes().last(), Some(&Outcome::Applied));
    let engagement = world.engagement().expect("active");
    assert_eq!((engagement.status.as_str(), world.product.written("create project")), ("active", 1));
    assert_eq!(engagement.contract.rate_card.rates[0].hourly, usd("90.00"));
    assert!(world.step("accept").text("summary").unwrap().contains(asked.approval.as_str()));
    assert_eq!((world.kind("parked").len(), world.codes().len()), (0, 0));

    world.approve("a");
    world.approve("b");
    world.decide(&asked.approval, Verdict::Approved);
    world.settle().await;
    assert_eq!(world.product.written("create project"), 1);
    assert_eq!((world.approvals().len(), world.codes().len()), (1, 0), "nobody is asked again");
}

/// Proves WFA-12 and WFE-01 in part: refused, the quote waits for a correction as it does without the rule,
/// with the reason; a corrected price settles it.
#[tokio::test]
async fn a_price_that_is_not_allowed_is_an_exception_with_the_reason() {
    let world = World::selling(low());
    world.approve("a");
    world.settle().await;
    world.decide(&world.approval().approval, Verdict::Rejected);
    world.settle().await;
    assert!(world.product.is_untouched());
    assert_eq!(world.codes(), ["Q2C-0109"]);
    let exception = &world.kind("exception")[0];
    assert_eq!(exception.text("owner"), Some("sales-operations"));
    let detail = exception.text("detail").unwrap();
    assert!(detail.contains("90.00") && detail.contains("rejected by sales-director: too low"), "{detail}");

    world.sell(sample::quote());
    world.approve("b");
    world.settle().await;
    assert_eq!(world.engagement().expect("active").status.as_str(), "active");
    assert_eq!((world.codes().len(), world.kind("parked").len()), (0, 0));
}

/// Proves WFE-01 in part: what nobody answers is reminded of, ends, and is an exception like a no.
#[tokio::test]
async fn an_approval_that_nobody_answers_ends_as_an_exception() {
    let world = World::selling(low());
    world.approve("a");
    world.settle().await;
    world.clock.pass(SignedDuration::from_hours(24));
    world.remind().await;
    world.settle().await;
    assert_eq!((world.on_the_bus("q2c.approval.reminded.v1"), world.codes().len()), (1, 0));
    world.clock.pass(SignedDuration::from_hours(144));
    world.remind().await;
    world.settle().await;
    assert_eq!(world.on_the_bus("q2c.approval.expired.v1"), 1);
    assert_eq!((world.codes(), world.product.is_untouched()), (vec!["Q2C-0109".to_owned()], true));
    assert!(world.kind("exception")[0].text("detail").unwrap().contains("did not answer in time"));
    // The answer stands for this content: approved again in the CRM, it is refused again.
    world.approve("b");
    world.settle().await;
    assert_eq!((world.approvals().len(), world.product.is_untouched()), (1, true));
}

/// Proves WFA-12 in part: an approval is of the price that was shown. Another price is asked for anew, and
/// what was said of the first lets nothing through.
#[tokio::test]
async fn a_changed_quote_needs_another_approval() {
    let world = World::selling(low());
    world.approve("a");
    world.settle().await;
    let first = world.approval().approval;
    let mut lower = low();
    lower.lines[2].unit_price = usd("45.00");
    world.sell(lower);
    world.decide(&first, Verdict::Approved);
    world.settle().await;
    assert!(world.product.is_untouched(), "45 was never allowed");
    let second = world.open_approval();
    assert!(second.approval != first && second.detail.contains("45.00"), "{}", second.detail);
    world.decide(&second.approval, Verdict::Approved);
    world.settle().await;
    assert_eq!(world.engagement().expect("active").contract.rate_card.rates[0].hourly, usd("45.00"));
    assert_eq!((world.product.written("create project"), world.kind("parked").len()), (1, 0));
}

/// While somebody thinks, the quote is approved in the CRM again with another price: the open question is given up, and
/// answering it is an exception for who answered.
#[tokio::test]
async fn an_open_question_is_given_up_for_a_changed_quote() {
    let world = World::selling(low());
    world.approve("a");
    world.settle().await;
    let first = world.approval().approval;
    let mut other = low();
    other.lines[2].unit_price = usd("100.00");
    world.sell(other);
    world.approve("b");
    world.settle().await;
    let status = world.approvals().into_iter().find(|a| a.approval == first).unwrap().status;
    assert_eq!(status, ApprovalStatus::Superseded);
    assert_eq!(world.kind("parked").len(), 2, "both wait for the new answer");
    world.decide(&first, Verdict::Approved);
    world.settle().await;
    assert_eq!((world.codes(), world.product.is_untouched()), (vec!["Q2C-0202".to_owned()], true));
    world.decide(&world.open_approval().approval, Verdict::Approved);
    world.settle().await;
    assert_eq!((world.product.written("create project"), world.kind("parked").len()), (1, 0));
}

/// A price that was corrected needs nobody: the question is given up with the activation.
#[tokio::test]
async fn a_corrected_price_needs_no_approval_any_more() {
    let world = World::selling(low());
    world.approve("a");
    world.settle().await;
    world.sell(sample::quote());
    world.approve("b");
    world.settle().await;
    assert_eq!(world.engagement().expect("active").status.as_str(), "active");
    assert_eq!(world.approval().status, ApprovalStatus::Superseded);
    assert_eq!((world.kind("parked").len(), world.codes().len()), (0, 0));
    world.clock.pass(SignedDuration::from_hours(1_000));
    world.remind().await;
    assert_eq!(world.on_the_bus("q2c.approval.expired.v1"), 0);
}

/// Beside any other finding the quote is refused as a whole, and nobody is asked to allow half of it.
#[tokio::test]
async fn beside_another_finding_nobody_is_asked() {
    let mut quote = low();
    quote.customer.tax_registration = None;
    let world = World::selling(quote);
    world.approve("a");
    world.settle().await;
    assert_eq!(world.codes(), ["Q2C-0105", "Q2C-0109"]);
    assert!(world.approvals().is_empty() && world.product.is_untouched());
    // The other one is put right: now the price alone is in the way, and what was held for is settled.
    world.sell(low());
    world.approve("b");
    world.settle().await;
    assert_eq!((world.codes().len(), world.approvals().len()), (0, 1));
}

/// Proves WFE-01 in part: somebody of another function allows nothing.
#[tokio::test]
async fn the_wrong_role_lets_nothing_through() {
    let world = World::selling(low());
    world.approve("a");
    world.settle().await;
    let asked = world.approval().approval;
    world.decide_as(&asked, Verdict::Approved, domain::Owner::Tax);
    world.settle().await;
    assert_eq!((world.codes(), world.product.is_untouched()), (vec!["Q2C-0202".to_owned()], true));
    assert_eq!(world.approval().status, ApprovalStatus::Requested);
    world.decide(&asked, Verdict::Approved);
    world.settle().await;
    assert_eq!(world.product.written("create project"), 1);
}

/// A deal that is withdrawn while somebody thinks asks nobody any more, and leaves nothing for a person.
#[tokio::test]
async fn a_withdrawn_deal_asks_nobody_any_more() {
    let world = World::selling(low());
    world.approve("a");
    world.settle().await;
    let asked = world.approval().approval;
    world.withdraw();
    world.settle().await;
    assert_eq!(world.approval().status, ApprovalStatus::Superseded);
    assert_eq!((world.codes().len(), world.kind("parked").len(), world.product.is_untouched()), (0, 0, true));
    world.decide(&asked, Verdict::Approved);
    world.settle().await;
    assert_eq!((world.codes(), world.product.is_untouched()), (vec!["Q2C-0202".to_owned()], true));
}

/// Proves WFE-01 and RES-15 in part: whichever call to the table is the last of an attempt, in whichever
/// function, the deal waits for one answer and is set up once with it.
#[tokio::test]
async fn killed_at_any_call_it_waits_once_and_is_set_up_once() {
    for after in [false, true] {
        for call in 0.. {
            let world = World::selling(low());
            world.dies_at(call, after);
            world.approve("a");
            world.settle().await;
            assert!(world.product.is_untouched(), "call {call}");
            let asked = world.approval();
            assert_eq!(
                (world.on_the_bus("q2c.approval.requested.v1"), world.kind("parked").len()),
                (1, 1),
                "call {call}"
            );
            world.decide(&asked.approval, Verdict::Approved);
            world.settle().await;
            let engagement = world.engagement().unwrap_or_else(|| panic!("call {call}, {after}: not set up"));
            assert_eq!(engagement.status.as_str(), "active", "call {call}, {after}");
            assert_eq!(
                (world.approvals().len(), world.codes().len(), world.kind("parked").len()),
                (1, 0, 0),
                "call {call}"
            );
            let activated = told(&world, |e| matches!(e, Event::EngagementActivated(_)));
            assert_eq!(activated, 1, "call {call}, {after}");
            if !world.died() {
                break;
            }
        }
    }
}
