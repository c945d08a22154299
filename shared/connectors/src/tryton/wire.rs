//! Tryton's JSON: typed values are objects that name their class.

use domain::money::{Currency, Money};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// `{"__class__": "Decimal", "decimal": "1100.00"}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "__class__", rename = "Decimal")]
pub(super) struct Amount {
    /// The amount.
    pub(super) decimal: Decimal,
}

/// `{"__class__": "date", "year": 2026, …}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "__class__", rename = "date")]
pub(super) struct Day {
    year: i16,
    month: i8,
    day: i8,
}

/// `{"__class__": "datetime", "year": 2026, …}`, in UTC though it doesn't say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "__class__", rename = "datetime")]
pub(super) struct Moment {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    #[serde(default)]
    microsecond: i32,
}

impl Day {
    /// The day, if it is one.
    pub(super) fn date(&self) -> Option<Date> {
        Date::new(self.year, self.month, self.day).ok()
    }
}

impl Moment {
    /// The moment, if it is one.
    pub(super) fn timestamp(&self) -> Option<Timestamp> {
        let nanosecond = self.microsecond.checked_mul(1_000)?;
        let local =
            DateTime::new(self.year, self.month, self.day, self.hour, self.minute, self.second, nanosecond)
                .ok()?;
        local.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
    }

    /// A moment as Tryton's searches take it.
    pub(super) fn of(moment: Timestamp) -> Self {
        let at = moment.to_zoned(TimeZone::UTC);
        Self {
            year: at.year(),
            month: at.month(),
            day: at.day(),
            hour: at.hour(),
            minute: at.minute(),
            second: at.second(),
            microsecond: at.subsec_nanosecond() / 1_000,
        }
    }
}

/// Body of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Error {
    /// Tryton's own words.
    pub(super) message: String,
}

/// A record of which only its ID is of interest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    /// Tryton's ID.
    pub(super) id: i64,
}

/// A record that carries a code: currency, identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Coded {
    /// The code.
    pub(super) code: String,
}

/// `party.party`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Party {
    pub(super) id: i64,
    pub(super) external_id: Option<String>,
    #[serde(default)]
    pub(super) addresses: Vec<Address>,
    pub(super) tax_identifier: Option<Coded>,
    pub(super) credit_limit_amount: Option<Amount>,
    pub(super) receivable: Option<Amount>,
    pub(super) currency: Option<Coded>,
}

/// The fields of a [`Party`].
pub(super) const PARTY: [&str; 6] = [
    "external_id",
    "addresses.invoice",
    "tax_identifier.code",
    "credit_limit_amount",
    "receivable",
    "currency.code",
];

/// `party.address`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) id: i64,
    /// Whether invoices go there.
    #[serde(default, deserialize_with = "flag")]
    pub(super) invoice: bool,
}

/// `party.party`, as far as it tells which firm it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Firm {
    pub(super) id: i64,
    pub(super) name: Option<String>,
    pub(super) code: Option<String>,
    pub(super) external_id: Option<String>,
    #[serde(default)]
    pub(super) identifiers: Vec<Coded>,
    #[serde(default)]
    pub(super) addresses: Vec<Location>,
    pub(super) parent_party: Option<Row>,
}

/// The fields of a [`Firm`].
pub(super) const FIRM: [&str; 8] = [
    "name",
    "code",
    "external_id",
    "identifiers.code",
    "addresses.street",
    "addresses.postal_code",
    "addresses.country.code",
    "parent_party.name",
];

/// `party.address`, as far as it tells where a firm is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Location {
    pub(super) street: Option<String>,
    pub(super) postal_code: Option<String>,
    pub(super) country: Option<Coded>,
}

/// `party.party`, as far as it tells whom it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Belonging {
    pub(super) id: i64,
    pub(super) parent_party: Option<Row>,
}

/// The fields of a [`Belonging`].
pub(super) const BELONGING: [&str; 1] = ["parent_party.name"];

/// `account.invoice`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Invoice {
    pub(super) id: i64,
    pub(super) external_id: Option<String>,
    pub(super) state: String,
    pub(super) number: Option<String>,
    pub(super) invoice_date: Option<Day>,
    pub(super) currency: Coded,
    pub(super) untaxed_amount: Amount,
    pub(super) tax_amount: Amount,
    pub(super) total_amount: Amount,
    pub(super) amount_to_pay: Amount,
}

/// The fields of an [`Invoice`].
pub(super) const INVOICE: [&str; 9] = [
    "external_id",
    "state",
    "number",
    "invoice_date",
    "currency.code",
    "untaxed_amount",
    "tax_amount",
    "total_amount",
    "amount_to_pay",
];

/// `account.invoice` of negative amounts: a credit note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Credit {
    pub(super) id: i64,
    pub(super) external_id: Option<String>,
    pub(super) state: String,
    pub(super) number: Option<String>,
    pub(super) invoice_date: Option<Day>,
    pub(super) currency: Coded,
    pub(super) untaxed_amount: Amount,
    pub(super) tax_amount: Amount,
    pub(super) total_amount: Amount,
}

/// The fields of a [`Credit`].
pub(super) const CREDIT: [&str; 8] = [
    "external_id",
    "state",
    "number",
    "invoice_date",
    "currency.code",
    "untaxed_amount",
    "tax_amount",
    "total_amount",
];

/// What a credit note belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) id: i64,
    /// The invoices to whose lines its lines are tied.
    #[serde(default)]
    pub(super) origin_invoices: Vec<External>,
    pub(super) party: Option<External>,
}

/// The fields of an [`Origin`].
pub(super) const ORIGIN: [&str; 2] = ["origin_invoices.external_id", "party.external_id"];

/// A record of which its ID and ours are of interest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct External {
    pub(super) id: i64,
    pub(super) external_id: Option<String>,
}

/// The fields of an `account.invoice.line` that a credit note is tied to.
pub(super) const LINE: [&str; 1] = ["external_id"];

/// What a poll reads of an `account.invoice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changed {
    pub(super) id: i64,
    pub(super) external_id: Option<String>,
    pub(super) create_date: Moment,
    pub(super) write_date: Option<Moment>,
    pub(super) total_amount: Option<Amount>,
}

/// The fields of a [`Changed`].
pub(super) const CHANGED: [&str; 4] = ["external_id", "create_date", "write_date", "total_amount"];

/// `project.work` of the type `project`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) id: i64,
    pub(super) name: String,
    #[serde(default)]
    pub(super) children: Vec<Position>,
}

/// The fields of a [`Plan`].
pub(super) const PLAN: [&str; 4] = ["name", "children.external_id", "children.name", "children.list_price"];

/// `project.work` of the type `task`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) id: i64,
    pub(super) external_id: Option<String>,
    pub(super) name: String,
    pub(super) list_price: Option<Amount>,
}

/// `account.statement`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Statement {
    pub(super) id: i64,
    pub(super) state: String,
    pub(super) total_amount: Option<Amount>,
}

/// The fields of a [`Statement`].
pub(super) const STATEMENT: [&str; 2] = ["state", "total_amount"];

/// What our module in Tryton posts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notification {
    /// `invoice.posted` and others.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The record.
    pub(super) data: Notified,
}

/// The record that a notification is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notified {
    pub(super) id: i64,
    pub(super) external_id: Option<String>,
    pub(super) write_date: Timestamp,
}

impl Amount {
    /// The amount in a currency.
    ///
    /// # Errors
    /// In words, when it is finer than the currency's minor unit.
    pub(super) fn money(&self, currency: Currency) -> Result<Money, String> {
        Money::exact(self.decimal, currency).map_err(|e| e.to_string())
    }
}

/// SQLite answers 0 and 1 where PostgreSQL answers false and true.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Number(i64),
    }
    Ok(match Option::<Flag>::deserialize(deserializer)? {
        Some(Flag::Bool(set)) => set,
        Some(Flag::Number(n)) => n != 0,
        None => false,
    })
}

/// `[["create", [{…}, …]]]`: records to be created with the one they belong to.
pub(super) fn create(rows: &[Value]) -> Value {
    json!([["create", rows]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{round_trip, vendor};

    #[test]
    fn every_payload_is_parsed_written_and_parsed_again() {
        let parties = round_trip::<Vec<Party>>(vendor!("tryton/party.json"));
        round_trip::<Vec<Firm>>(vendor!("tryton/firms.json"));
        let flags: Vec<bool> = parties[0].addresses.iter().map(|a| a.invoice).collect();
        assert_eq!(flags, [false, true], "0 and 1 are false and true");
        round_trip::<Invoice>(vendor!("tryton/invoice_draft.json"));
        let posted = round_trip::<Invoice>(vendor!("tryton/invoice_posted.json"));
        assert_eq!(posted.invoice_date.and_then(|d| d.date()), "2026-11-21".parse().ok());
        round_trip::<Credit>(vendor!("tryton/credit_draft.json"));
        round_trip::<Credit>(vendor!("tryton/credit_posted.json"));
        round_trip::<Vec<Origin>>(vendor!("tryton/credit_origin.json"));
        round_trip::<Vec<External>>(vendor!("tryton/invoice_lines.json"));
        let plan = round_trip::<Plan>(vendor!("tryton/plan.json"));
        assert_eq!(plan.children.len(), 4, "with one that a person added");
        round_trip::<Statement>(vendor!("tryton/statement.json"));
        round_trip::<Notification>(vendor!("tryton/notification.json"));
        for error in [
            vendor!("tryton/not_unique.json"),
            vendor!("tryton/not_called.json"),
            vendor!("tryton/not_valid.json"),
            vendor!("tryton/no_access.json"),
        ] {
            round_trip::<Error>(error);
        }
    }

    #[test]
    fn a_moment_is_utc_to_the_microsecond_both_ways() {
        let changed = round_trip::<Vec<Changed>>(vendor!("tryton/invoices_changed.json"));
        let written = changed[0].write_date.clone().expect("was written");
        let at: Timestamp = "2026-11-21T05:47:13.87502Z".parse().expect("a moment");
        assert_eq!(written.timestamp(), Some(at));
        assert_eq!(Moment::of(at), written);
    }
}
