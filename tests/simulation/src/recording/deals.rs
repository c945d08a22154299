//! Deals that recordings play: little of everything, so that their files are small.

use domain::sample;

use crate::deal::{Deal, SUPPLIER};

/// The deal whose quote has one version.
pub(super) fn unchanged() -> Deal {
    Deal { change_order: None, ..Deal::fixed() }
}

/// The deal of one version, sold too cheaply, which somebody allows.
pub(super) fn cheap() -> Deal {
    Deal { change_order: None, ..Deal::cheap() }
}

/// A change order on a deal of which nothing else is worth a line in the file.
pub(super) fn changed() -> Deal {
    let mut deal = Deal::fixed();
    deal.time.clear();
    deal.quote.lines.truncate(2);
    if let Some(order) = &mut deal.change_order {
        order.lines.retain(|line| line.line != "4" && line.line != "84");
    }
    deal
}

pub(super) fn withdrawn() -> Deal {
    Deal { withdrawn: true, ..unchanged() }
}

/// The quote lacks something when it is first approved.
pub(super) fn flawed() -> Deal {
    Deal { flawed: true, ..unchanged() }
}

/// Little work, so that what comes late in a deal is a small file.
pub(super) fn small() -> Deal {
    let mut deal = unchanged();
    deal.time.truncate(1);
    deal
}

/// Nothing but a little time is sold, to a customer that belongs to nobody.
pub(super) fn of_time_alone() -> Deal {
    let mut deal = small();
    deal.completed.clear();
    deal.quote.lines.retain(|line| line.milestone.is_none());
    deal.quote.customer.parent = None;
    deal
}

/// The same, with support over a quarter, which is recognised month by month.
pub(super) fn with_support() -> Deal {
    let mut deal = of_time_alone();
    let worked: Vec<String> = deal.time.iter().map(|entry| entry.role.clone()).collect();
    deal.quote.lines.retain(|line| line.role.as_ref().is_some_and(|role| worked.contains(role)));
    deal.quote.lines.push(sample::support_line("95", "S1", "1500.00", "2027-04-01", 3));
    deal
}

/// A little time alone, of which a line is credited; the CRM reports nothing.
pub(super) fn credited() -> Deal {
    Deal { credits: 1, reported: false, ..of_time_alone() }
}

/// A little time alone; the CRM reports nothing.
pub(super) fn of_little() -> Deal {
    Deal { reported: false, ..of_time_alone() }
}

/// A little time alone, of which finance writes a line off.
pub(super) fn written_off() -> Deal {
    Deal { written_off: true, reported: false, ..of_time_alone() }
}

/// A little time alone, of which the customer contests the invoice.
pub(super) fn contested() -> Deal {
    Deal { contested: true, reported: false, ..of_time_alone() }
}

/// A little time alone, which is corrected after it was billed.
pub(super) fn corrected() -> Deal {
    Deal { corrected: true, reported: false, ..of_time_alone() }
}

/// The same, which accounts credit by hand.
pub(super) fn credited_by_hand() -> Deal {
    Deal { credits: 2, ..credited() }
}

/// Little time, and a PSA that reports what becomes of the project; the CRM reports nothing.
pub(super) fn told_of_little() -> Deal {
    Deal { told: true, reported: false, ..of_time_alone() }
}

/// The same, with support of which two months are over.
pub(super) fn supported() -> Deal {
    let mut deal = of_time_alone();
    deal.time.clear();
    deal.reported = false;
    deal.quote.lines = vec![sample::support_line("71", "S7", "900.00", "2026-09-20", 3)];
    deal
}

/// A subcontractor of another legal entity did the work.
pub(super) fn supplied() -> Deal {
    let mut deal = unchanged();
    // All of it: whichever entry is the first to be billed.
    deal.time.iter_mut().for_each(|entry| entry.person = SUPPLIER.into());
    deal
}

/// Time may not be billed beyond a ceiling that one of its entries exceeds.
pub(super) fn with_a_ceiling() -> Deal {
    let mut deal = unchanged();
    deal.quote.time_ceiling = Some(sample::usd("1500.00"));
    deal
}
