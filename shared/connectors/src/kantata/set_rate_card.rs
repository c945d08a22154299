//! The rate card of a changed contract.
//!
//! Kantata deletes no version of a rate card and no rate in it. So each version that is held gets the
//! rates in force on its day, the days that are missing get versions, and a rate that is not in force
//! any more is nought.

use async_trait::async_trait;
use domain::contract::RateCard;
use jiff::civil::Date;
use reqwest::Method;
use serde_json::json;

use super::Kantata;
use super::rate_card::Card;
use super::rates::{START, on, versions};
use super::wire::{Map, RateCardRole, RateCardVersion};
use crate::error::CallError;
use crate::http::Effect;
use crate::operation::{Idempotency, Operation, Performs, Reference, SetRateCard, Undone};

const NAME: &str = SetRateCard::NAME;
/// No rate in force: the version holds it, because it can't be taken out.
const NOUGHT: i64 = 0;

impl Kantata {
    /// Every version of a card by ID, with its first day.
    pub(super) async fn held_versions(
        &self,
        operation: &'static str,
        card: &str,
    ) -> Result<Map<Date>, CallError> {
        let answer = self.all(operation, "rate_card_versions", &[("rate_card_id", card)]).await?;
        let found: Map<RateCardVersion> = self.typed(operation, &answer, "rate_card_versions")?;
        Ok(found.into_iter().map(|(id, version)| (id, version.effective_date.unwrap_or(START))).collect())
    }

    /// Brings the card to the rates from whatever it holds.
    async fn bring_card_to(&self, operation: &SetRateCard, rates: &RateCard) -> Result<Reference, CallError> {
        let card = Card {
            operation: NAME,
            engagement: &operation.engagement,
            project: &operation.project,
            currency: operation.currency,
        };
        let record = self.card(card).await?;
        let mut held = self.held_versions(NAME, &record).await?;
        for day in versions(rates).into_keys() {
            if held.values().all(|known| *known != day) {
                held.insert(self.create_version(NAME, &record, day).await?, day);
            }
        }
        let mut roles = self.roles(NAME).await?;
        for (version, day) in held {
            self.set_version(&version, day, rates, &mut roles).await?;
        }
        self.use_card(card, &record).await?;
        Ok(Reference { record })
    }

    /// Gives a version the rates in force on its day; those that it has already stay untouched.
    async fn set_version(
        &self,
        version: &str,
        day: Date,
        rates: &RateCard,
        roles: &mut Map<String>,
    ) -> Result<(), CallError> {
        let mut held = self.rates_of(NAME, version).await?;
        for (name, hourly) in on(rates, day) {
            let (role, rate) = (self.role(NAME, roles, name).await?, self.units(NAME, hourly)?);
            let found = held.iter().find(|(_, r)| r.role_id == role).map(|(id, _)| id.clone());
            match found.and_then(|id| held.remove_entry(&id)) {
                Some((id, known)) => self.set_rate(&id, rate, &known).await?,
                None => self.create_rate(NAME, version, &role, rate).await?,
            }
        }
        for (id, known) in held {
            self.set_rate(&id, NOUGHT, &known).await?;
        }
        Ok(())
    }

    async fn set_rate(&self, id: &str, rate: i64, held: &RateCardRole) -> Result<(), CallError> {
        if held.rate == rate {
            return Ok(());
        }
        let (path, body) = (format!("/rate_card_roles/{id}"), json!({ "rate_card_role": { "rate": rate } }));
        let (_, set) = self.write::<RateCardRole>(NAME, (Method::PUT, &path, Effect::Keyed), &body).await?;
        self.compare_rate(NAME, id, rate, &set)
    }
}

#[async_trait]
impl Performs<SetRateCard> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::Upsert { settles_within: self.settings.settling() }
    }

    /// Asked only by whoever takes back an attempt that was not answered or was refused half-way: some
    /// of it may stand, and undoing it sets absolute values.
    async fn find(&self, operation: &SetRateCard) -> Result<Option<Reference>, CallError> {
        Ok(Some(Reference { record: operation.project.clone() }))
    }

    /// Many records: once the first is set, something has happened, whatever fails later.
    async fn perform(&self, operation: &SetRateCard, _key: &str) -> Result<Reference, CallError> {
        self.bring_card_to(operation, &operation.after).await.map_err(CallError::after_an_effect)
    }

    async fn undo(&self, operation: &SetRateCard, _record: &Reference) -> Result<Undone, CallError> {
        self.bring_card_to(operation, &operation.before).await.map_err(CallError::after_an_effect)?;
        Ok(Undone::Removed)
    }
}
