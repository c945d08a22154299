//! The customer as we hold it: one record a firm, whatever the systems around call it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::CustomerFacts;
use crate::event::RecordChanged;
use crate::id::CustomerId;
use crate::money::Money;
use crate::ownership::{OwnershipRule, Role, owner_of};
use crate::policy::LegalEntity;
use crate::quote::Customer;

/// What a customer is called in the rules of ownership and in reported changes.
pub const OBJECT: &str = "customer";

/// The fields of a customer that a system may report a change of, by our names.
pub const FIELDS: [&str; 10] = [
    "name",
    "street",
    "city",
    "postal_code",
    "country",
    "tax_registration",
    "billing_email",
    "parent",
    "payment_terms",
    "on_hold",
];

/// A customer, known by its global ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GlobalCustomer {
    /// The global ID.
    pub customer: CustomerId,
    /// Registered name.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// The customer that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Codes of our legal entities that sold to it.
    pub legal_entities: BTreeSet<String>,
    /// Code of the payment terms of its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_terms: Option<String>,
    /// How it is taxed.
    pub tax: TaxTreatment,
    /// Its credit, as the ERP last told.
    pub credit: CreditStatus,
    /// People and mailboxes to turn to.
    pub contacts: Vec<Contact>,
    /// What each system calls it, by connection.
    pub records: BTreeMap<String, String>,
    /// As of when each field is known, so that an older report does not overwrite a newer one.
    pub as_of: BTreeMap<String, Timestamp>,
}

/// An address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// Street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// The customer that another one belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parent {
    /// Its global ID.
    pub customer: CustomerId,
    /// The CRM's ID of the company.
    pub company: String,
}

/// How a customer is taxed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaxTreatment {
    /// Country whose taxes apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
    /// Its registration there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// Codes of our legal entities that are registered there.
    pub nexus: BTreeSet<String>,
    /// Tax code of what each of our legal entities sells to it, by the entity's code.
    pub attributes: BTreeMap<String, String>,
}

/// A customer's credit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditStatus {
    /// Whether the ERP has it on hold.
    pub on_hold: bool,
    /// The ERP's limit; none means unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Money>,
    /// What it owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receivable: Option<Money>,
    /// When the ERP said so; none where it did not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
}

/// Whom to turn to at a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// The customer that it is a contact of.
    pub customer: CustomerId,
    /// What for.
    pub purpose: Purpose,
    /// Address for mail.
    pub email: String,
}

/// What a contact is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Takes invoices.
    Billing,
}

/// What an activation learned of a customer.
#[derive(Debug, Clone)]
pub struct Learned<'a> {
    /// The customer as the quote names it.
    pub record: &'a Customer,
    /// The legal entity that sold to it.
    pub entity: &'a LegalEntity,
    /// Code of the payment terms that its account was made with.
    pub payment_terms: &'a str,
    /// What the ERP knows of it; none where it was not asked.
    pub facts: Option<&'a CustomerFacts>,
    /// The customer that it belongs to.
    pub parent: Option<Parent>,
    /// What each system calls it, by connection.
    pub records: BTreeMap<String, String>,
    /// When CRM and ERP were read.
    pub at: Timestamp,
}

impl GlobalCustomer {
    /// A customer that we did not know.
    #[must_use]
    pub fn new(customer: CustomerId, learned: &Learned<'_>) -> Self {
        let record = learned.record;
        let mut made = Self {
            customer,
            name: record.name.clone(),
            address: Address {
                street: record.street.clone(),
                city: record.city.clone(),
                postal_code: record.postal_code.clone(),
                country: record.country.clone(),
            },
            parent: learned.parent.clone(),
            legal_entities: BTreeSet::new(),
            payment_terms: Some(learned.payment_terms.to_owned()),
            tax: TaxTreatment {
                jurisdiction: record.country.clone(),
                registration: record.tax_registration.clone(),
                ..TaxTreatment::default()
            },
            credit: CreditStatus::default(),
            contacts: Vec::new(),
            records: BTreeMap::new(),
            as_of: FIELDS.iter().map(|field| ((*field).to_owned(), learned.at)).collect(),
        };
        made.set_billing_email(record.billing_email.as_deref().unwrap_or_default());
        made.sold_to(learned);
        made
    }

    /// The same customer after another deal with it. What the CRM says of a field that another
    /// system owns changes nothing.
    #[must_use]
    pub fn again(mut self, learned: &Learned<'_>, rules: &[OwnershipRule]) -> Self {
        let record = learned.record;
        let said = [
            ("name", Some(&record.name)),
            ("street", record.street.as_ref()),
            ("city", record.city.as_ref()),
            ("postal_code", record.postal_code.as_ref()),
            ("country", record.country.as_ref()),
            ("tax_registration", record.tax_registration.as_ref()),
            ("billing_email", record.billing_email.as_ref()),
        ];
        let crm_owns =
            |field: &str| owner_of(rules, OBJECT, field).is_some_and(|r| r.system_of_record == Role::Crm);
        for (field, value) in said.into_iter().filter(|(field, _)| crm_owns(field)) {
            if self.is_newer(field, learned.at) {
                self.set(field, value.map_or("", String::as_str), None);
                self.as_of.insert(field.to_owned(), learned.at);
            }
        }
        if crm_owns("parent") && self.is_newer("parent", learned.at) {
            self.parent.clone_from(&learned.parent);
            self.as_of.insert("parent".into(), learned.at);
        }
        self.sold_to(learned);
        self
    }

    /// What every deal adds, whoever owns the rest.
    fn sold_to(&mut self, learned: &Learned<'_>) {
        let entity = learned.entity;
        self.legal_entities.insert(entity.code.clone());
        self.tax.attributes.insert(entity.code.clone(), entity.tax_code.clone());
        let registered = |j: &String| entity.tax_jurisdictions.contains(j);
        if self.tax.jurisdiction.as_ref().is_some_and(registered) {
            self.tax.nexus.insert(entity.code.clone());
        }
        self.records.extend(learned.records.clone());
        if let Some(facts) = learned.facts
            && self.credit.as_of.is_none_or(|known| known <= learned.at)
        {
            self.credit = CreditStatus {
                on_hold: facts.on_hold,
                limit: facts.credit_limit,
                receivable: facts.receivable,
                as_of: Some(learned.at),
            };
        }
    }

    /// Applies a change that the system of record reported; gives the fields that are another now.
    /// What is older than what is known is left out, and so is what we do not keep.
    pub fn apply(&mut self, tenant: &str, change: &RecordChanged) -> Vec<String> {
        let mut applied = Vec::new();
        for (field, value) in &change.fields {
            if !FIELDS.contains(&field.as_str()) || !self.is_newer(field, change.changed_at) {
                continue;
            }
            let parent = (!value.is_empty()).then(|| Parent {
                customer: CustomerId::of_company(tenant, &change.connection, value),
                company: value.clone(),
            });
            self.set(field, value, parent);
            self.as_of.insert(field.clone(), change.changed_at);
            applied.push(field.clone());
        }
        applied
    }

    fn is_newer(&self, field: &str, at: Timestamp) -> bool {
        self.as_of.get(field).is_none_or(|known| *known < at)
    }

    fn set(&mut self, field: &str, value: &str, parent: Option<Parent>) {
        let text = (!value.is_empty()).then(|| value.to_owned());
        match field {
            "name" => value.clone_into(&mut self.name),
            "street" => self.address.street = text,
            "city" => self.address.city = text,
            "postal_code" => self.address.postal_code = text,
            "country" => {
                if self.tax.jurisdiction != text {
                    // Who of us is registered in the other country is told by the next deal.
                    self.tax.nexus.clear();
                }
                self.address.country.clone_from(&text);
                self.tax.jurisdiction = text;
            }
            "tax_registration" => self.tax.registration = text,
            "billing_email" => self.set_billing_email(value),
            "parent" => self.parent = parent,
            "payment_terms" => self.payment_terms = text,
            "on_hold" => self.credit.on_hold = value == "true",
            _ => {}
        }
    }

    fn set_billing_email(&mut self, email: &str) {
        self.contacts.retain(|c| c.purpose != Purpose::Billing);
        if !email.is_empty() {
            let contact = Contact {
                customer: self.customer.clone(),
                purpose: Purpose::Billing,
                email: email.to_owned(),
            };
            self.contacts.push(contact);
        }
    }
}
