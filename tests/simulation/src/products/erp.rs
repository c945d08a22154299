//! The ERP: keeps our keys unique, adds up itself, and reports what it posted.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::inbound::{Subject, Translated};
use connectors::operation::{
    ApplyPayment, CreateBillingPlan, CreateCustomer, CreateInvoice, CustomerRecord, LinkCustomer,
    PostInvoice, Reference, Undone,
};
use connectors::role::{Erp, Polled};
use connectors::{CallError, CallErrorKind, Idempotency, Performs};
use domain::activation::CustomerFacts;
use domain::credit_memo::IssuedCredit;
use domain::customer_match::{ErpAddress, ErpCustomer, Sought};
use domain::event::InvoicePosted;
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::{Currency, Money};
use domain::setup::{HeldPlan, positions};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::books::{Account, Booking, Books, Change, ErpInvoice};
use super::psa::{OVERLAP, repeated, since};
use super::{REFUSED_TWICE, UPSERT};
use crate::engine::{Fault, Place};
use crate::world::{ERP, World};

pub(super) struct SimulatedErp(pub(super) Arc<World>);

/// The account that was named, else the one that carries our ID or the tax registration.
fn account_of(books: &Books, create: &CreateCustomer) -> Option<Account> {
    let record = &create.record;
    let named = |a: &&Account| Some(&a.record.record) == create.account.as_ref();
    let ours = |a: &&Account| a.customer.as_ref() == Some(&create.customer);
    let same = |a: &&Account| {
        record.tax_registration.is_some() && a.record.tax_registration == record.tax_registration
    };
    let find = |is: &dyn Fn(&&Account) -> bool| books.accounts.iter().find(|a| is(a)).cloned();
    find(&named).or_else(|| find(&ours)).or_else(|| find(&same))
}

/// An account as a search shows it. All of them are answered: the domain tells them apart.
fn shown(account: &Account) -> ErpCustomer {
    let of = account.of.as_ref();
    ErpCustomer {
        account: account.record.record.clone(),
        carries: account.customer.as_ref().map(ToString::to_string),
        name: of.map(|c| c.name.clone()).unwrap_or_default(),
        tax_registrations: account.record.tax_registration.clone().into_iter().collect(),
        addresses: of
            .map(|c| ErpAddress {
                street: c.street.clone(),
                postal_code: c.postal_code.clone(),
                country: c.country.clone(),
            })
            .into_iter()
            .collect(),
        parent: account.parent.clone(),
    }
}

#[async_trait]
impl Erp for SimulatedErp {
    fn connection(&self) -> &str {
        ERP
    }

    async fn customers_like(&self, _: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        let look = |books: &mut Books| books.accounts.iter().map(shown).collect();
        self.0.asks(Place::ReadCustomer, ERP, look).await
    }

    async fn customer_facts(&self, account: &str) -> Result<CustomerFacts, CallError> {
        let look = |books: &mut Books| books.accounts.iter().any(|a| a.record.record == account);
        match self.0.asks(Place::ReadCustomer, ERP, look).await? {
            true => Ok(CustomerFacts::default()),
            false => Err(CallError {
                kind: CallErrorKind::Refused,
                connection: ERP.into(),
                operation: "read customer",
                detail: format!("there is no account {account}"),
            }),
        }
    }

    async fn held_plan(&self, engagement: &EngagementId, _: Currency) -> Result<Option<HeldPlan>, CallError> {
        self.0.asks(Place::ReadBillingPlan, ERP, |books| books.held_plan(engagement)).await
    }

    async fn invoice(&self, invoice: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        self.0.asks(Place::ReadInvoice, ERP, |books| books.invoices.get(invoice).map(ErpInvoice::seen)).await
    }

    async fn invoice_numbered(&self, number: &str) -> Result<Option<InvoiceId>, CallError> {
        let look = |books: &mut Books| {
            let found = books.invoices.iter().find(|(_, i)| i.number.as_deref() == Some(number));
            found.map(|(id, _)| id.clone())
        };
        self.0.asks(Place::ReadInvoice, ERP, look).await
    }

    async fn issued_credit(&self, record: &str) -> Result<Option<IssuedCredit>, CallError> {
        self.credit_note(record).await
    }
}

#[async_trait]
impl Polled for SimulatedErp {
    fn overlap(&self) -> SignedDuration {
        OVERLAP
    }

    async fn changes_since(&self, moment: Timestamp) -> Result<Vec<Translated>, CallError> {
        let now = self.0.sim.now();
        let found = self.0.asks(Place::ReadChanges, ERP, |books| since(&books.postings, moment, now)).await?;
        Ok(repeated(&self.0, found))
    }
}

#[async_trait]
impl Performs<CreateCustomer> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        REFUSED_TWICE
    }

    async fn find(&self, create: &CreateCustomer) -> Result<Option<CustomerRecord>, CallError> {
        let look = |books: &mut Books| account_of(books, create);
        Ok(self.0.asks(Place::CreateCustomer, ERP, look).await?.map(|a| a.record))
    }

    async fn perform(&self, create: &CreateCustomer, _: &str) -> Result<CustomerRecord, CallError> {
        let create = create.clone();
        let effect = move |books: &mut Books, _| {
            if let Some(known) = account_of(books, &create) {
                return Ok(known.record);
            }
            let record = CustomerRecord {
                record: books.number(),
                address: books.number(),
                tax_registration: create.record.tax_registration.clone(),
                adopted: false,
            };
            books.accounts.push(Account {
                customer: Some(create.customer),
                record: record.clone(),
                of: Some(create.record),
                parent: None,
            });
            Ok(record)
        };
        self.0.changes(Place::CreateCustomer, ERP, effect).await
    }

    async fn undo(&self, _: &CreateCustomer, _: &CustomerRecord) -> Result<Undone, CallError> {
        Ok(Undone::Kept("an account that owes nothing is found again".into()))
    }
}

#[async_trait]
impl Performs<LinkCustomer> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        UPSERT
    }

    async fn find(&self, link: &LinkCustomer) -> Result<Option<Reference>, CallError> {
        let look = |books: &mut Books| {
            let found = books.accounts.iter().find(|a| a.record.record == link.account);
            found.and_then(|a| a.parent.clone()).filter(|p| *p == link.parent)
        };
        Ok(self.0.asks(Place::LinkCustomer, ERP, look).await?.map(|record| Reference { record }))
    }

    async fn perform(&self, link: &LinkCustomer, _: &str) -> Result<Reference, CallError> {
        let link = link.clone();
        let effect = move |books: &mut Books, _| {
            let found = books.accounts.iter_mut().find(|a| a.record.record == link.account);
            let Some(account) = found else { return Err(CallErrorKind::Refused) };
            Ok(Reference { record: account.parent.get_or_insert(link.parent).clone() })
        };
        self.0.changes(Place::LinkCustomer, ERP, effect).await
    }

    async fn undo(&self, _: &LinkCustomer, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept("whom a customer belongs to is so without the deal".into()))
    }
}

#[async_trait]
impl Performs<CreateBillingPlan> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        REFUSED_TWICE
    }

    async fn find(&self, create: &CreateBillingPlan) -> Result<Option<Reference>, CallError> {
        let look = |books: &mut Books| books.plans.get(&create.engagement).cloned();
        Ok(self.0.asks(Place::CreateBillingPlan, ERP, look).await?.map(|record| Reference { record }))
    }

    async fn perform(&self, create: &CreateBillingPlan, _: &str) -> Result<Reference, CallError> {
        let (engagement, sold) = (create.engagement.clone(), positions(&create.contract));
        let effect = move |books: &mut Books, _| {
            let next = books.number();
            // Its ID is unique: a second one is refused, and the first stays as it is.
            books.terms.positions.entry(engagement.clone()).or_insert(sold);
            let record = books.plans.entry(engagement).or_insert(next).clone();
            Ok(Reference { record })
        };
        self.0.changes(Place::CreateBillingPlan, ERP, effect).await
    }

    async fn undo(&self, create: &CreateBillingPlan, _: &Reference) -> Result<Undone, CallError> {
        let engagement = create.engagement.clone();
        let effect = move |books: &mut Books, _| {
            books.plans.remove(&engagement);
            books.terms.positions.remove(&engagement);
            Ok(Undone::Removed)
        };
        self.0.changes(Place::CreateBillingPlan, ERP, effect).await
    }
}

impl SimulatedErp {
    /// What comes back, a cent off where the ERP answers something else than it holds.
    fn heard(&self, place: Place, mut invoice: PostedInvoice) -> PostedInvoice {
        if self.0.sim.strikes(Fault::WrongAmount, place) {
            let cent = Money::rounded(Decimal::new(1, 2), invoice.untaxed.currency());
            invoice.untaxed = invoice.untaxed.plus(cent).unwrap_or(invoice.untaxed);
        }
        invoice
    }
}

#[async_trait]
impl Performs<CreateInvoice> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        REFUSED_TWICE
    }

    async fn find(&self, create: &CreateInvoice) -> Result<Option<PostedInvoice>, CallError> {
        let look = |books: &mut Books| books.invoices.get(&create.invoice).map(ErpInvoice::seen);
        self.0.asks(Place::CreateInvoice, ERP, look).await
    }

    async fn perform(&self, create: &CreateInvoice, _: &str) -> Result<PostedInvoice, CallError> {
        let create = create.clone();
        let effect = move |books: &mut Books, _| {
            let record = books.number();
            let made = books
                .invoices
                .entry(create.invoice.clone())
                .or_insert_with(|| ErpInvoice::of(&create, record));
            Ok(made.seen())
        };
        let made = self.0.changes(Place::CreateInvoice, ERP, effect).await?;
        Ok(self.heard(Place::CreateInvoice, made))
    }

    async fn undo(&self, create: &CreateInvoice, _: &PostedInvoice) -> Result<Undone, CallError> {
        let invoice = create.invoice.clone();
        let effect = move |books: &mut Books, _| {
            if books.invoices.get(&invoice).is_some_and(|i| i.number.is_some()) {
                return Ok(Undone::Impossible("it is posted".into()));
            }
            books.invoices.remove(&invoice);
            Ok(Undone::Removed)
        };
        self.0.changes(Place::CreateInvoice, ERP, effect).await
    }
}

#[async_trait]
impl Performs<PostInvoice> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        REFUSED_TWICE
    }

    async fn find(&self, post: &PostInvoice) -> Result<Option<PostedInvoice>, CallError> {
        let look = |books: &mut Books| books.invoices.get(&post.invoice).map(ErpInvoice::seen);
        Ok(self.0.asks(Place::PostInvoice, ERP, look).await?.filter(|i| i.posted))
    }

    /// Posting is told by webhook at once: often before the call itself is answered.
    async fn perform(&self, post: &PostInvoice, _: &str) -> Result<PostedInvoice, CallError> {
        let (world, post) = (Arc::clone(&self.0), post.clone());
        let effect = move |books: &mut Books, _| {
            let number = format!("INV-{}", books.number());
            let Some(invoice) = books.invoices.get_mut(&post.invoice).filter(|i| i.record == post.record)
            else {
                return Err(CallErrorKind::Refused);
            };
            if invoice.number.is_none() {
                invoice.number = Some(number);
                let now = world.sim.now();
                let event = InvoicePosted {
                    connection: ERP.into(),
                    record: post.record.clone(),
                    invoice: post.invoice.clone(),
                };
                let change = Translated {
                    delivery: format!("account.invoice:{}:posted", post.record),
                    subject: Subject::Other(post.invoice.to_string()),
                    occurred_at: now,
                    event: event.into(),
                };
                let seen = invoice.seen();
                books.postings.push(Change { at: now, shown_at: now, change });
                crate::senders::posted(&world, post.invoice.as_str(), &post.record, now);
                return Ok(seen);
            }
            Ok(invoice.seen())
        };
        let posted = self.0.changes(Place::PostInvoice, ERP, effect).await?;
        Ok(self.heard(Place::PostInvoice, posted))
    }

    async fn undo(&self, _: &PostInvoice, _: &PostedInvoice) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("a posted invoice is undone by a credit memo alone".into()))
    }
}

#[async_trait]
impl Performs<ApplyPayment> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        REFUSED_TWICE
    }

    async fn find(&self, apply: &ApplyPayment) -> Result<Option<Reference>, CallError> {
        let look = |books: &mut Books| books.bookings.get(&apply.booking).map(|b| b.record.clone());
        Ok(self.0.asks(Place::ApplyPayment, ERP, look).await?.map(|record| Reference { record }))
    }

    async fn perform(&self, apply: &ApplyPayment, _: &str) -> Result<Reference, CallError> {
        let apply = apply.clone();
        let effect = move |books: &mut Books, _: Timestamp| {
            if let Some(known) = books.bookings.get(&apply.booking) {
                return Ok(Reference { record: known.record.clone() });
            }
            let none = Money::zero(apply.unapplied.currency());
            let (mut paid, mut applied) = (Vec::new(), none);
            for to in &apply.applied {
                let invoice = books.invoices.values().find(|i| i.record == to.invoice_record);
                let Some(invoice) = invoice else { return Err(CallErrorKind::Refused) };
                // An ERP books no more than what is open, and takes back no more than what is paid.
                let after = invoice.paid.plus(to.amount).map_err(|_| CallErrorKind::Refused)?;
                let too_much = to.amount.is_positive() && to.amount.exceeds(invoice.open()).unwrap_or(true);
                if too_much || none.exceeds(after).unwrap_or(true) {
                    return Err(CallErrorKind::Refused);
                }
                paid.push((to.invoice_record.clone(), after));
                applied = applied.plus(to.amount).map_err(|_| CallErrorKind::Refused)?;
            }
            for invoice in books.invoices.values_mut() {
                if let Some((_, after)) = paid.iter().find(|(record, _)| *record == invoice.record) {
                    invoice.paid = *after;
                }
            }
            let record = books.number();
            let booking = Booking { record: record.clone(), applied, unapplied: apply.unapplied };
            books.bookings.insert(apply.booking, booking);
            Ok(Reference { record })
        };
        self.0.changes(Place::ApplyPayment, ERP, effect).await
    }

    async fn undo(&self, _: &ApplyPayment, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("a booked payment is reversed by finance".into()))
    }
}
