//! How a line item says that its fee is billed in parts, that a part is kept back, and what usage costs.

use domain::contract::Holdback;
use domain::quote::ScheduledPart;
use domain::usage::UsageTier;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// `M1 Design 30%; M2 Go-live 70% 2027-03-01`: of each part the milestone's key, its name, how much of the
/// fee, and when it is planned.
pub(super) fn parts(said: &str) -> Option<Vec<ScheduledPart>> {
    said.split(';').map(str::trim).filter(|part| !part.is_empty()).map(part).collect()
}

fn part(said: &str) -> Option<ScheduledPart> {
    let mut words: Vec<&str> = said.split_whitespace().collect();
    let planned_on: Option<Date> = words.last().and_then(|last| last.parse().ok());
    if planned_on.is_some() {
        words.pop();
    }
    let percent = percent(words.pop()?)?;
    let (milestone, name) = words.split_first()?;
    (!name.is_empty()).then(|| ScheduledPart {
        milestone: (*milestone).to_owned(),
        name: name.join(" "),
        percent,
        planned_on,
    })
}

/// `10% until M3`.
pub(super) fn holdback(said: &str) -> Option<Holdback> {
    let (kept, until) = said.split_once(" until ")?;
    let (percent, until) = (percent(kept.trim())?, until.trim());
    let is_key = !until.is_empty() && !until.contains(char::is_whitespace);
    is_key.then(|| Holdback { percent, until: until.to_owned() })
}

/// `1000 at 0.50; 5000 at 0.40; 0.30`: of each tier where it ends and the price of a unit, the last without an end.
pub(super) fn tiers(said: &str) -> Option<Vec<UsageTier>> {
    said.split(';').map(str::trim).filter(|tier| !tier.is_empty()).map(tier).collect()
}

fn tier(said: &str) -> Option<UsageTier> {
    let (up_to, price) = match said.split_once(" at ") {
        Some((end, price)) => (Some(end.trim().parse().ok()?), price),
        None => (None, said),
    };
    Some(UsageTier { up_to, unit_price: price.trim().parse().ok()? })
}

fn percent(said: &str) -> Option<Decimal> {
    said.strip_suffix('%')?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_names_key_name_percent_and_day() {
        let read = parts("M1 Design and build 33.5%; M2 Go-live 66.5 % 2027-03-01;");
        assert_eq!(read, None, "the percent is one word");
        let read = parts("M1 Design and build 33.5%; M2 Go-live 66.5% 2027-03-01;").expect("is read");
        let of = |p: &ScheduledPart| {
            (p.milestone.clone(), p.name.clone(), p.percent.to_string(), p.planned_on.map(|d| d.to_string()))
        };
        assert_eq!(
            read.iter().map(of).collect::<Vec<_>>(),
            [
                ("M1".into(), "Design and build".into(), "33.5".into(), None),
                ("M2".into(), "Go-live".into(), "66.5".into(), Some("2027-03-01".into()))
            ]
        );
        for odd in ["M1 30%", "M1 Design", "M1 Design thirty%", "Design"] {
            assert_eq!(parts(odd), None, "{odd}");
        }
    }

    #[test]
    fn tiers_name_where_they_end_and_what_a_unit_costs() {
        let read = tiers("1000 at 0.50; 5000.5 at 0.0004; 0.30;").expect("is read");
        let of = |t: &UsageTier| (t.up_to.map(|end| end.to_string()), t.unit_price.to_string());
        assert_eq!(
            read.iter().map(of).collect::<Vec<_>>(),
            [
                (Some("1000".into()), "0.50".into()),
                (Some("5000.5".into()), "0.0004".into()),
                (None, "0.30".into())
            ]
        );
        for odd in ["1000 for 0.50", "many at 0.50", "1000 at little", "1000 at"] {
            assert_eq!(tiers(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_holdback_names_its_percent_and_its_end() {
        let read = holdback("10% until M3").expect("is read");
        assert_eq!((read.percent.to_string().as_str(), read.until.as_str()), ("10", "M3"));
        for odd in ["10% M3", "ten% until M3", "10% until ", "10% until M3 or M4"] {
            assert_eq!(holdback(odd), None, "{odd}");
        }
    }
}
