//! Customer accounts: matched before they are created.

use async_trait::async_trait;
use domain::activation::CustomerFacts;
use domain::id::CustomerId;
use domain::money::Currency;
use domain::quote::Customer;
use serde_json::{Value, json};

use super::Tryton;
use super::client::{collided, exists_already};
use super::wire::{Address, Amount, PARTY, Party, Row, create};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{CreateCustomer, CustomerRecord, Idempotency, Operation, Performs, Undone};

pub(super) const MODEL: &str = "party.party";
const FACTS: &str = "read customer";

impl Tryton {
    /// The account of an ID of Tryton's.
    async fn party_of(&self, operation: &'static str, account: &str) -> Result<Party, CallError> {
        let gone = |detail| self.api.error(CallErrorKind::Refused, operation, detail);
        let id: i64 =
            account.parse().map_err(|_| gone(format!("account `{account}` is no ID of Tryton's")))?;
        let found: Vec<Party> = self.search(operation, MODEL, &json!([["id", "=", id]]), &PARTY).await?;
        found.into_iter().next().ok_or_else(|| gone(format!("account {account} is not there any more")))
    }

    /// The account that was found to be the customer. Where none was, somebody else may have made
    /// one since: the account that carries our ID, else the only one with the same tax registration.
    async fn party(
        &self,
        operation: &'static str,
        sought: &CreateCustomer,
    ) -> Result<Option<Party>, CallError> {
        let (customer, record) = (&sought.customer, &sought.record);
        if let Some(account) = &sought.account {
            return self.party_of(operation, account).await.map(Some);
        }
        let ours = customer.as_str();
        let by_id = json!(["OR", [["external_id", "=", ours]], [["code", "=", ours]]]);
        let found: Vec<Party> = self.search(operation, MODEL, &by_id, &PARTY).await?;
        if let Some(party) = found.into_iter().next() {
            return Ok(Some(party));
        }
        let Some(registration) = record.tax_registration.as_deref() else { return Ok(None) };
        let by_registration = json!([["identifiers.code", "in", spellings(registration)]]);
        let mut found: Vec<Party> = self.search(operation, MODEL, &by_registration, &PARTY).await?;
        if found.len() > 1 {
            let detail = format!("{} accounts carry the customer's tax registration", found.len());
            return Err(self.api.error(CallErrorKind::Refused, operation, detail));
        }
        Ok(found.pop())
    }

    /// Tryton has no hold of its own; a credit limit of nothing comes to the same.
    pub(super) async fn facts_of(&self, account: &str) -> Result<CustomerFacts, CallError> {
        let party = self.party_of(FACTS, account).await?;
        let unreadable = |what: String| self.api.error(CallErrorKind::Mismatch, FACTS, what);
        let Some(code) = &party.currency else {
            return Err(unreadable("the account has no currency".into()));
        };
        let currency = Currency::from_code(&code.code).map_err(|e| unreadable(e.to_string()))?;
        let money = |amount: &Option<Amount>| {
            amount.as_ref().map(|a| a.money(currency)).transpose().map_err(unreadable)
        };
        Ok(CustomerFacts {
            on_hold: false,
            credit_limit: money(&party.credit_limit_amount)?,
            receivable: money(&party.receivable)?,
        })
    }

    async fn address(&self, record: &Customer) -> Result<Value, CallError> {
        let mut address = json!({
            "street": record.street, "postal_code": record.postal_code, "city": record.city, "invoice": true,
        });
        if let Some(code) = &record.country {
            let domain = json!([["code", "=", code]]);
            let found: Vec<Row> = self.search(CreateCustomer::NAME, "country.country", &domain, &[]).await?;
            if let (Some(country), Some(fields)) = (found.first(), address.as_object_mut()) {
                fields.insert("country".into(), country.id.into());
            }
        }
        Ok(address)
    }

    async fn create_party(&self, operation: &CreateCustomer) -> Result<Party, CallError> {
        let record = &operation.record;
        let mut values = json!({
            "external_id": operation.customer,
            "name": record.name,
            "addresses": create(&[self.address(record).await?]),
            "customer_payment_term": self.payment_term(&operation.payment_terms)?,
        });
        if let Some(fields) = values.as_object_mut() {
            if let Some(code) = &record.tax_registration {
                let identifier = json!({ "type": identifier_type(record.country.as_deref()), "code": code });
                fields.insert("identifiers".into(), create(&[identifier]));
            }
            if let Some(email) = &record.billing_email {
                fields.insert(
                    "contact_mechanisms".into(),
                    create(&[json!({ "type": "email", "value": email })]),
                );
            }
        }
        self.create(CreateCustomer::NAME, MODEL, &values, &PARTY).await
    }

    /// An adopted account may lack the address that an invoice needs.
    async fn with_address(&self, mut party: Party, record: &Customer) -> Result<Party, CallError> {
        if party.addresses.is_empty() {
            let mut values = self.address(record).await?;
            if let Some(fields) = values.as_object_mut() {
                fields.insert("party".into(), party.id.into());
            }
            let made: Address =
                self.create(CreateCustomer::NAME, "party.address", &values, &["invoice"]).await?;
            party.addresses.push(made);
        }
        Ok(party)
    }
}

/// The account as a record; none as long as it has no address.
fn record_of(party: &Party, customer: &CustomerId) -> Option<CustomerRecord> {
    let address = party.addresses.iter().find(|a| a.invoice).or(party.addresses.first())?;
    Some(CustomerRecord {
        record: party.id.to_string(),
        address: address.id.to_string(),
        tax_registration: party.tax_identifier.as_ref().map(|i| i.code.clone()),
        adopted: party.external_id.as_deref() != Some(customer.as_str()),
    })
}

/// The ways in which one registration may have been typed: as given, bare, and as the US writes an EIN.
pub(super) fn spellings(registration: &str) -> Vec<String> {
    let bare: String = registration.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut all = vec![registration.trim().to_owned(), bare.clone()];
    if bare.len() == 9 && bare.bytes().all(|b| b.is_ascii_digit()) {
        all.push(format!("{}-{}", &bare[..2], &bare[2..]));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Tryton checks the number against its type; a number of no type is free text.
fn identifier_type(country: Option<&str>) -> Option<&'static str> {
    const EU: [&str; 27] = [
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT",
        "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    ];
    match country? {
        "US" => Some("us_ein"),
        code if EU.contains(&code) => Some("eu_vat"),
        _ => None,
    }
}

#[async_trait]
impl Performs<CreateCustomer> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::RefusedTwice { settles_within: super::SETTLES_WITHIN }
    }

    async fn find(&self, operation: &CreateCustomer) -> Result<Option<CustomerRecord>, CallError> {
        let party = self.party(CreateCustomer::NAME, operation).await?;
        Ok(party.and_then(|p| record_of(&p, &operation.customer)))
    }

    async fn perform(&self, operation: &CreateCustomer, _key: &str) -> Result<CustomerRecord, CallError> {
        let (customer, record) = (&operation.customer, &operation.record);
        let party = match self.party(CreateCustomer::NAME, operation).await? {
            Some(party) => party,
            None => match self.create_party(operation).await {
                Err(error) if exists_already(&error) => {
                    self.party(CreateCustomer::NAME, operation).await?.ok_or_else(|| collided(error))?
                }
                made => made?,
            },
        };
        let party = self.with_address(party, record).await?;
        record_of(&party, customer).ok_or_else(|| {
            self.api.error(CallErrorKind::Mismatch, CreateCustomer::NAME, "the account has no address".into())
        })
    }

    async fn undo(&self, _operation: &CreateCustomer, record: &CustomerRecord) -> Result<Undone, CallError> {
        let why = if record.adopted {
            "the account was there before"
        } else {
            "an account that owes nothing stays and is found again"
        };
        Ok(Undone::Kept(why.into()))
    }
}
