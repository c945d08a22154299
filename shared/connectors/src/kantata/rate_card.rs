//! A project's rate card: set, card, versions, rates, and the project that uses it.
//!
//! These records carry no external reference, so the set's title is our ID and everything below
//! is found through it. The project gets the card last: a project that has it has all of it.

use async_trait::async_trait;
use domain::id::EngagementId;
use domain::money::{Currency, Money};
use jiff::civil::Date;
use serde_json::json;

use super::Kantata;
use super::rates::versions;
use super::wire::{Map, RateCard, RateCardRole, RateCardSet, RateCardVersion, Role};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{CreateRateCard, Idempotency, Operation, Performs, Reference, Undone};

const NAME: &str = CreateRateCard::NAME;

/// An engagement's rate card, and what is being done to it.
#[derive(Clone, Copy)]
pub(super) struct Card<'a> {
    /// The operation, for people.
    pub(super) operation: &'static str,
    /// The engagement, whose ID is the set's title.
    pub(super) engagement: &'a EngagementId,
    /// The project that uses it.
    pub(super) project: &'a str,
    /// Currency of its rates.
    pub(super) currency: Currency,
}

impl<'a> Card<'a> {
    fn created(operation: &'a CreateRateCard) -> Self {
        Self {
            operation: CreateRateCard::NAME,
            engagement: &operation.engagement,
            project: &operation.project,
            currency: operation.currency,
        }
    }
}

impl Kantata {
    /// The first record of a collection that a filter finds and a test accepts.
    async fn first<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        collection: &str,
        filter: (&str, &str),
        accept: impl Fn(&T) -> bool + Send,
    ) -> Result<Option<String>, CallError> {
        let answer = self.all(operation, collection, &[filter]).await?;
        let found: Map<T> = self.typed(operation, &answer, collection)?;
        let accepted = found.into_iter().filter(|(_, record)| accept(record)).map(|(id, _)| id);
        Ok(accepted.min_by_key(|id| (id.len(), id.clone())))
    }

    async fn find_card(&self, card: Card<'_>) -> Result<(Option<String>, Option<String>), CallError> {
        let (name, title) = (card.operation, card.engagement.as_str());
        let set =
            self.first::<RateCardSet>(name, "rate_card_sets", ("title", title), |s| s.title == title).await?;
        let Some(set) = set else { return Ok((None, None)) };
        let currency = card.currency.code();
        let found = self
            .first::<RateCard>(name, "rate_cards", ("rate_card_set_id", &set), |c| c.currency == currency)
            .await?;
        Ok((Some(set), found))
    }

    /// The card's ID; it and its set are made where they are missing.
    pub(super) async fn card(&self, card: Card<'_>) -> Result<String, CallError> {
        let (name, (set, found)) = (card.operation, self.find_card(card).await?);
        if let Some(found) = found {
            return Ok(found);
        }
        let set = match set {
            Some(set) => set,
            None => {
                let body = json!({ "rate_card_set": { "title": card.engagement } });
                self.create::<RateCardSet>(name, "rate_card_sets", &body).await?.0
            }
        };
        let body = json!({ "rate_card": { "rate_card_set_id": set, "currency": card.currency.code() } });
        Ok(self.create::<RateCard>(name, "rate_cards", &body).await?.0)
    }

    /// Makes the card's version from a day on.
    pub(super) async fn create_version(
        &self,
        operation: &'static str,
        card: &str,
        from: Date,
    ) -> Result<String, CallError> {
        let body = json!({ "rate_card_version": { "rate_card_id": card, "effective_date": from } });
        Ok(self.create::<RateCardVersion>(operation, "rate_card_versions", &body).await?.0)
    }

    async fn version(&self, card: &str, from: Date) -> Result<String, CallError> {
        let same_day = |v: &RateCardVersion| v.effective_date == Some(from);
        let held = self.first(NAME, "rate_card_versions", ("rate_card_id", card), same_day).await?;
        match held {
            Some(found) => Ok(found),
            None => self.create_version(NAME, card, from).await,
        }
    }

    /// Role IDs by name.
    pub(super) async fn roles(&self, operation: &'static str) -> Result<Map<String>, CallError> {
        let answer = self.all(operation, "roles", &[]).await?;
        let found: Map<Role> = self.typed(operation, &answer, "roles")?;
        Ok(found.into_iter().map(|(id, role)| (role.name, id)).collect())
    }

    /// The role of a name; one that the account doesn't have yet is made when it is needed.
    pub(super) async fn role(
        &self,
        operation: &'static str,
        roles: &mut Map<String>,
        name: &str,
    ) -> Result<String, CallError> {
        if let Some(role) = roles.get(name) {
            return Ok(role.clone());
        }
        let body = json!({ "role": { "name": name } });
        let (role, _) = self.create::<Role>(operation, "roles", &body).await?;
        roles.insert(name.to_owned(), role.clone());
        Ok(role)
    }

    /// The rates that a version holds.
    pub(super) async fn rates_of(
        &self,
        operation: &'static str,
        version: &str,
    ) -> Result<Map<RateCardRole>, CallError> {
        let answer = self.all(operation, "rate_card_roles", &[("rate_card_version_id", version)]).await?;
        self.typed(operation, &answer, "rate_card_roles")
    }

    /// A rate in minor units, as Kantata holds it.
    pub(super) fn units(&self, operation: &'static str, hourly: Money) -> Result<i64, CallError> {
        hourly.minor_units().map_err(|e| self.api.error(CallErrorKind::Refused, operation, e.to_string()))
    }

    /// Makes a role's rate in a version.
    pub(super) async fn create_rate(
        &self,
        operation: &'static str,
        version: &str,
        role: &str,
        rate: i64,
    ) -> Result<(), CallError> {
        let body = json!({ "rate_card_role": {
            "rate_card_version_id": version, "role_id": role, "rate": rate,
        }});
        let (id, made) = self.create::<RateCardRole>(operation, "rate_card_roles", &body).await?;
        self.compare_rate(operation, &id, rate, &made)
    }

    /// Whether a rate is the one that was sent.
    pub(super) fn compare_rate(
        &self,
        operation: &'static str,
        id: &str,
        rate: i64,
        held: &RateCardRole,
    ) -> Result<(), CallError> {
        if held.rate == rate {
            return Ok(());
        }
        let detail = format!("rate {id} is {} instead of {rate}", held.rate);
        Err(self.api.error(CallErrorKind::Mismatch, operation, detail))
    }

    /// Lets the project use the card.
    pub(super) async fn use_card(&self, card: Card<'_>, id: &str) -> Result<(), CallError> {
        let fields = json!({ "rate_card_id": id });
        let set = self.set_workspace(card.operation, card.project, &fields).await?;
        if set.rate_card_id.as_deref() == Some(id) {
            return Ok(());
        }
        let detail = format!("the project doesn't use rate card {id}");
        Err(self.api.error(CallErrorKind::Mismatch, card.operation, detail))
    }

    /// Makes what is missing of the card, then lets the project use it.
    async fn make_rate_card(&self, operation: &CreateRateCard) -> Result<Reference, CallError> {
        let card = Card::created(operation);
        let record = self.card(card).await?;
        let mut roles = self.roles(NAME).await?;
        for (from, rates) in versions(&operation.rate_card) {
            let version = self.version(&record, from).await?;
            let held = self.rates_of(NAME, &version).await?;
            for (name, hourly) in rates {
                let role = self.role(NAME, &mut roles, name).await?;
                let rate = self.units(NAME, hourly)?;
                match held.iter().find(|(_, r)| r.role_id == role) {
                    Some((id, found)) => self.compare_rate(NAME, id, rate, found)?,
                    None => self.create_rate(NAME, &version, &role, rate).await?,
                }
            }
        }
        self.use_card(card, &record).await?;
        Ok(Reference { record })
    }
}

#[async_trait]
impl Performs<CreateRateCard> for Kantata {
    fn idempotency(&self) -> Idempotency {
        Idempotency::SearchThenCreate { settles_within: self.settings.settling() }
    }

    async fn find(&self, operation: &CreateRateCard) -> Result<Option<Reference>, CallError> {
        let (_, Some(card)) = self.find_card(Card::created(operation)).await? else { return Ok(None) };
        let workspace = self.workspace(NAME, &operation.project).await?;
        let in_use = workspace.and_then(|w| w.rate_card_id).is_some_and(|id| id == card);
        Ok(in_use.then_some(Reference { record: card }))
    }

    /// Many records: once the first is made, something has happened, whatever fails later.
    async fn perform(&self, operation: &CreateRateCard, _key: &str) -> Result<Reference, CallError> {
        self.make_rate_card(operation).await.map_err(CallError::after_an_effect)
    }

    async fn undo(&self, _operation: &CreateRateCard, _record: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept("no other project uses the rate card; it is found again by its title".into()))
    }
}
