//! A project's rate card: set, card, versions, rates, and the project that uses it.
//!
//! These records carry no external reference, so the set's title is our ID and everything below
//! is found through it. The project gets the card last: a project that has it has all of it.

use async_trait::async_trait;
use domain::money::Money;
use jiff::civil::Date;
use serde_json::json;

use super::Kantata;
use super::rates::versions;
use super::wire::{Map, RateCard, RateCardRole, RateCardSet, RateCardVersion, Role};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{CreateRateCard, Idempotency, Operation, Performs, Reference, Undone};

const NAME: &str = CreateRateCard::NAME;

impl Kantata {
    /// The first record of a collection that a filter finds and a test accepts.
    async fn first<T: serde::de::DeserializeOwned>(
        &self,
        collection: &str,
        filter: (&str, &str),
        accept: impl Fn(&T) -> bool + Send,
    ) -> Result<Option<String>, CallError> {
        let answer = self.all(NAME, collection, &[filter]).await?;
        let found: Map<T> = self.typed(NAME, &answer, collection)?;
        let accepted = found.into_iter().filter(|(_, record)| accept(record)).map(|(id, _)| id);
        Ok(accepted.min_by_key(|id| (id.len(), id.clone())))
    }

    async fn find_card(
        &self,
        operation: &CreateRateCard,
    ) -> Result<(Option<String>, Option<String>), CallError> {
        let title = operation.engagement.as_str();
        let set = self.first::<RateCardSet>("rate_card_sets", ("title", title), |s| s.title == title).await?;
        let Some(set) = set else { return Ok((None, None)) };
        let currency = operation.currency.code();
        let card = self
            .first::<RateCard>("rate_cards", ("rate_card_set_id", &set), |c| c.currency == currency)
            .await?;
        Ok((Some(set), card))
    }

    async fn card(&self, operation: &CreateRateCard) -> Result<String, CallError> {
        let (set, card) = self.find_card(operation).await?;
        if let Some(card) = card {
            return Ok(card);
        }
        let set = match set {
            Some(set) => set,
            None => {
                let body = json!({ "rate_card_set": { "title": operation.engagement } });
                self.create::<RateCardSet>(NAME, "rate_card_sets", &body).await?.0
            }
        };
        let body = json!({ "rate_card": { "rate_card_set_id": set, "currency": operation.currency.code() } });
        Ok(self.create::<RateCard>(NAME, "rate_cards", &body).await?.0)
    }

    async fn version(&self, card: &str, from: Date) -> Result<String, CallError> {
        let same_day = |v: &RateCardVersion| v.effective_date == Some(from);
        if let Some(found) = self.first("rate_card_versions", ("rate_card_id", card), same_day).await? {
            return Ok(found);
        }
        let body = json!({ "rate_card_version": { "rate_card_id": card, "effective_date": from } });
        Ok(self.create::<RateCardVersion>(NAME, "rate_card_versions", &body).await?.0)
    }

    /// Role IDs by name; a role that the account doesn't have yet is made when it is needed.
    async fn roles(&self) -> Result<Map<String>, CallError> {
        let answer = self.all(NAME, "roles", &[]).await?;
        let found: Map<Role> = self.typed(NAME, &answer, "roles")?;
        Ok(found.into_iter().map(|(id, role)| (role.name, id)).collect())
    }

    async fn rate(
        &self,
        version: &str,
        role: &str,
        hourly: Money,
        held: &Map<RateCardRole>,
    ) -> Result<(), CallError> {
        let rate =
            hourly.minor_units().map_err(|e| self.api.error(CallErrorKind::Refused, NAME, e.to_string()))?;
        let (id, made) = match held.iter().find(|(_, r)| r.role_id == role) {
            Some((id, found)) => (id.clone(), found.clone()),
            None => {
                let body = json!({ "rate_card_role": {
                    "rate_card_version_id": version, "role_id": role, "rate": rate,
                }});
                self.create::<RateCardRole>(NAME, "rate_card_roles", &body).await?
            }
        };
        if made.rate == rate {
            return Ok(());
        }
        let detail = format!("rate {id} is {} instead of {rate}", made.rate);
        Err(self.api.error(CallErrorKind::Mismatch, NAME, detail))
    }

    /// Makes what is missing of the card, then lets the project use it.
    async fn set_rate_card(&self, operation: &CreateRateCard) -> Result<Reference, CallError> {
        let card = self.card(operation).await?;
        let mut roles = self.roles().await?;
        for (from, rates) in versions(&operation.rate_card) {
            let version = self.version(&card, from).await?;
            let answer = self.all(NAME, "rate_card_roles", &[("rate_card_version_id", &version)]).await?;
            let held: Map<RateCardRole> = self.typed(NAME, &answer, "rate_card_roles")?;
            for (name, hourly) in rates {
                let role = match roles.get(name) {
                    Some(role) => role.clone(),
                    None => {
                        let body = json!({ "role": { "name": name } });
                        let (role, _) = self.create::<Role>(NAME, "roles", &body).await?;
                        roles.insert(name.to_owned(), role.clone());
                        role
                    }
                };
                self.rate(&version, &role, hourly, &held).await?;
            }
        }
        let set = self.set_workspace(NAME, &operation.project, &json!({ "rate_card_id": card })).await?;
        if set.rate_card_id.as_deref() == Some(card.as_str()) {
            return Ok(Reference { record: card });
        }
        Err(self.api.error(
            CallErrorKind::Mismatch,
            NAME,
            format!("the project doesn't use rate card {card}"),
        ))
    }
}

#[async_trait]
impl Performs<CreateRateCard> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate { settles_within: self.settings.settling() }
    }

    async fn find(&self, operation: &CreateRateCard) -> Result<Option<Reference>, CallError> {
        let (_, Some(card)) = self.find_card(operation).await? else { return Ok(None) };
        let workspace = self.workspace(NAME, &operation.project).await?;
        let in_use = workspace.and_then(|w| w.rate_card_id).is_some_and(|id| id == card);
        Ok(in_use.then_some(Reference { record: card }))
    }

    /// Many records: once the first is made, something has happened, whatever fails later.
    async fn perform(&self, operation: &CreateRateCard, _key: &str) -> Result<Reference, CallError> {
        self.set_rate_card(operation).await.map_err(CallError::after_an_effect)
    }

    async fn undo(&self, _operation: &CreateRateCard, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept("no other project uses the rate card; it is found again by its title".into()))
    }
}
