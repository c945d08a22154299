//! Which invoices a payment may be for.

use domain::cash::matching::{Candidate, Reason, alike, suggestions};
use domain::id::{CustomerId, EngagementId, InvoiceId};
use domain::money::{Currency, Money};
use domain::sample::usd;
use proptest::prelude::*;

fn candidate(number: &str, open: &str, customer: &str) -> Candidate {
    Candidate {
        engagement: EngagementId::derive(&[number]),
        invoice: InvoiceId::derive(&[number]),
        number: number.into(),
        customer: CustomerId::derive(&[customer]),
        open: usd(open),
    }
}

/// Proves WFD-02 in part: a missing prefix, other case, swapped or wrong digits.
#[test]
fn a_number_is_like_another() {
    let like = |written: &str| alike(written, "INV2026-00042");
    assert_eq!(like("inv2026 00042"), Some(Reason::SameNumber));
    assert_eq!(like("2026-00042"), Some(Reason::SameDigits));
    assert_eq!(like("00042"), Some(Reason::SameDigits));
    assert_eq!(like("RE2026-00042"), Some(Reason::SameDigits));
    assert_eq!(like("INV2026-00024"), Some(Reason::SwappedDigits));
    assert_eq!(like("INV2026-00047"), Some(Reason::OneDigitOff));
    for other in ["INV2026-00017", "42", "", "—", "INV", "INV2026-000420"] {
        assert_eq!(like(other), None, "{other}");
    }
}

/// 1,100 paid "for 00024": the swapped number with the very amount (30 + 50) comes before the very amount alone (50).
#[test]
fn number_and_amount_come_first() {
    let candidates = [
        candidate("INV2026-00007", "1100.00", "b"),
        candidate("INV2026-00042", "1100.00", "a"),
        candidate("INV2026-00099", "10.00", "b"),
    ];
    let found = suggestions(usd("1100.00"), Some("INV2026-00024"), None, false, &candidates);
    let shown: Vec<_> = found.iter().map(|s| (s.number.as_str(), s.score, s.reasons.clone())).collect();
    assert_eq!(
        shown,
        [
            ("INV2026-00042", 80, vec![Reason::SwappedDigits, Reason::ExactAmount]),
            ("INV2026-00007", 50, vec![Reason::ExactAmount]),
        ]
    );
}

#[test]
fn a_matched_payment_is_only_suggested_invoices_of_its_customer() {
    let candidates = [candidate("INV2026-00001", "5.00", "a"), candidate("INV2026-00002", "5.00", "b")];
    let customer = CustomerId::derive(&["b"]);
    let found = suggestions(usd("5.00"), None, Some(&customer), true, &candidates);
    assert_eq!(found.iter().map(|s| s.number.as_str()).collect::<Vec<_>>(), ["INV2026-00002"]);
    let eur = Money::parse("5.00", Currency::from_code("EUR").expect("EUR")).expect("euros");
    assert!(suggestions(eur, Some("INV2026-00001"), None, false, &candidates).is_empty(), "nothing converts");
}

proptest! {
    /// Each suggestion has reasons that add up to its score, is open and of the currency, comes once, likeliest
    /// first; which invoices there are in which order changes nothing.
    #[test]
    fn suggestions_are_sound(
        paid in 1_i64..50, named in "[A-Z]{0,3}[0-9]{0,6}",
        open in prop::collection::vec((0_i64..50, 0_u32..300), 0..30),
    ) {
        let money = |units| Money::from_minor_units(units, usd("0").currency()).expect("an amount");
        let candidates: Vec<Candidate> = open
            .iter()
            .map(|(units, n)| Candidate { open: money(*units), ..candidate(&format!("INV{n:05}"), "1.00", "a") })
            .collect();
        let found = suggestions(money(paid), Some(&named), None, false, &candidates);
        prop_assert!(found.len() <= 5);
        for pair in found.windows(2) {
            prop_assert!(pair[0].score >= pair[1].score);
        }
        for one in &found {
            prop_assert!(one.open.is_positive());
            prop_assert_eq!(one.score, one.reasons.iter().map(|r| r.weight()).sum::<u32>());
            prop_assert_eq!(one.reasons.contains(&Reason::ExactAmount), one.open == money(paid));
        }
        let distinct: Vec<Candidate> = {
            let mut seen = std::collections::BTreeSet::new();
            candidates.iter().filter(|c| seen.insert(c.invoice.clone())).cloned().collect()
        };
        let mut reversed = distinct.clone();
        reversed.reverse();
        prop_assert_eq!(
            suggestions(money(paid), Some(&named), None, false, &distinct),
            suggestions(money(paid), Some(&named), None, false, &reversed)
        );
    }
}
