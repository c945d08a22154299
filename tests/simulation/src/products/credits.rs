//! Credit notes in the ERP's books: its own sums, our ID kept unique, told once they are posted.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::inbound::{Subject, Translated};
use connectors::operation::{CreateCreditMemo, PostCreditMemo, Reference, SetOffCreditMemo, Undone};
use connectors::{CallError, CallErrorKind, Idempotency, Performs};
use domain::credit_memo::{CreditMemoIssued, IssuedCredit, PostedCredit};
use domain::id::{CreditMemoId, InvoiceId};
use domain::money::Money;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::REFUSED_TWICE;
use super::books::{Books, Change};
use super::erp::SimulatedErp;
use crate::engine::{Fault, Place};
use crate::world::{ERP, World};

/// A credit note in the ERP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ErpCredit {
    pub(crate) record: String,
    pub(crate) invoice: InvoiceId,
    pub(crate) untaxed: Money,
    pub(crate) number: Option<String>,
    /// What was set off against the invoice.
    pub(crate) set_off: Money,
}

impl ErpCredit {
    /// Ten percent.
    pub(crate) fn tax(&self) -> Money {
        Money::rounded(self.untaxed.amount() / Decimal::TEN, self.untaxed.currency())
    }

    pub(crate) fn total(&self) -> Money {
        self.untaxed.plus(self.tax()).unwrap_or(self.untaxed)
    }

    fn seen(&self) -> PostedCredit {
        PostedCredit {
            record: self.record.clone(),
            posted: self.number.is_some(),
            number: self.number.clone(),
            credited_on: self.number.as_ref().map(|_| jiff::civil::date(2026, 11, 22)),
            untaxed: self.untaxed,
            tax: self.tax(),
            total: self.total(),
        }
    }
}

/// Tells of a credit note in the ERP's log.
fn log(books: &mut Books, record: &str, credit_memo: Option<CreditMemoId>, now: Timestamp) {
    let about = credit_memo.as_ref().map_or_else(|| format!("credit-note-{record}"), ToString::to_string);
    let event = CreditMemoIssued { connection: ERP.into(), record: record.to_owned(), credit_memo };
    let change = Translated {
        delivery: format!("account.invoice:{record}:posted"),
        subject: Subject::Other(about),
        occurred_at: now,
        event: event.into(),
    };
    books.postings.push(Change { at: now, shown_at: now, change });
}

/// Somebody in accounts issues a credit note for an invoice, and says nothing to anybody.
pub(crate) fn issue_by_hand(world: &World, invoice: &InvoiceId, untaxed: Money) {
    let mut books = crate::engine::open(&world.books);
    let (record, now) = (books.number(), world.sim.now());
    let number = Some(format!("CN-{record}"));
    let note = ErpCredit {
        record: record.clone(),
        invoice: invoice.clone(),
        untaxed,
        number,
        set_off: Money::zero(untaxed.currency()),
    };
    books.by_hand.push(note);
    log(&mut books, &record, None, now);
}

impl SimulatedErp {
    pub(super) async fn credit_note(&self, record: &str) -> Result<Option<IssuedCredit>, CallError> {
        let look = |books: &mut Books| {
            let ours = books.credits.iter().map(|(id, credit)| (Some(id.to_string()), credit));
            let mut all = ours.chain(books.by_hand.iter().map(|credit| (None, credit)));
            let (carries, credit) = all.find(|(_, credit)| credit.record == record)?;
            let (credit, invoices) = (credit.seen(), vec![credit.invoice.clone()]);
            Some(IssuedCredit { credit, carries, invoices, customer: None })
        };
        self.0.asks(Place::ReadCreditMemo, ERP, look).await
    }

    /// What comes back, a cent off where the ERP answers something else than it holds.
    fn told(&self, place: Place, mut credit: PostedCredit) -> PostedCredit {
        if self.0.sim.strikes(Fault::WrongAmount, place) {
            let cent = Money::rounded(Decimal::new(1, 2), credit.untaxed.currency());
            credit.untaxed = credit.untaxed.plus(cent).unwrap_or(credit.untaxed);
        }
        credit
    }
}

#[async_trait]
impl Performs<CreateCreditMemo> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        REFUSED_TWICE
    }

    async fn find(&self, create: &CreateCreditMemo) -> Result<Option<PostedCredit>, CallError> {
        let look = |books: &mut Books| books.credits.get(&create.credit_memo).map(ErpCredit::seen);
        self.0.asks(Place::CreateCreditMemo, ERP, look).await
    }

    async fn perform(&self, create: &CreateCreditMemo, _: &str) -> Result<PostedCredit, CallError> {
        let create = create.clone();
        let effect = move |books: &mut Books, _| {
            let currency = create.untaxed.currency();
            // The ERP adds up the lines itself; it does not take our word for the sum.
            let untaxed = Money::total(currency, create.lines.iter().map(|line| line.amount));
            let untaxed = untaxed.map_err(|_| CallErrorKind::Refused)?;
            // Each line is tied to one that the invoice has, and never takes off more than that one.
            let billed = books.invoices.get(&create.invoice).ok_or(CallErrorKind::Refused)?;
            let fits = create.lines.iter().all(|line| {
                billed
                    .lines
                    .iter()
                    .any(|l| l.position == line.of && !line.amount.exceeds(l.amount).unwrap_or(true))
            });
            if !fits {
                return Err(CallErrorKind::Mismatch);
            }
            let (record, set_off) = (books.number(), Money::zero(currency));
            let made = books.credits.entry(create.credit_memo.clone()).or_insert_with(|| ErpCredit {
                record,
                invoice: create.invoice.clone(),
                untaxed,
                number: None,
                set_off,
            });
            Ok(made.seen())
        };
        let made = self.0.changes(Place::CreateCreditMemo, ERP, effect).await?;
        Ok(self.told(Place::CreateCreditMemo, made))
    }

    async fn undo(&self, create: &CreateCreditMemo, _: &PostedCredit) -> Result<Undone, CallError> {
        let credit_memo = create.credit_memo.clone();
        let effect = move |books: &mut Books, _| {
            if books.credits.get(&credit_memo).is_some_and(|credit| credit.number.is_some()) {
                return Ok(Undone::Impossible("it is posted".into()));
            }
            books.credits.remove(&credit_memo);
            Ok(Undone::Removed)
        };
        self.0.changes(Place::CreateCreditMemo, ERP, effect).await
    }
}

#[async_trait]
impl Performs<PostCreditMemo> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        REFUSED_TWICE
    }

    async fn find(&self, post: &PostCreditMemo) -> Result<Option<PostedCredit>, CallError> {
        let look = |books: &mut Books| books.credits.get(&post.credit_memo).map(ErpCredit::seen);
        Ok(self.0.asks(Place::PostCreditMemo, ERP, look).await?.filter(|credit| credit.posted))
    }

    /// Posting is told by webhook at once: often before the call itself is answered.
    async fn perform(&self, post: &PostCreditMemo, _: &str) -> Result<PostedCredit, CallError> {
        let (world, post) = (Arc::clone(&self.0), post.clone());
        let effect = move |books: &mut Books, _| {
            let number = format!("CN-{}", books.number());
            let found = books.credits.get_mut(&post.credit_memo).filter(|c| c.record == post.record);
            let Some(credit) = found else { return Err(CallErrorKind::Refused) };
            if credit.number.is_some() {
                return Ok(credit.seen());
            }
            credit.number = Some(number);
            let (seen, now) = (credit.seen(), world.sim.now());
            log(books, &post.record, Some(post.credit_memo.clone()), now);
            crate::senders::posted(&world, post.credit_memo.as_str(), &post.record, now);
            Ok(seen)
        };
        let posted = self.0.changes(Place::PostCreditMemo, ERP, effect).await?;
        Ok(self.told(Place::PostCreditMemo, posted))
    }

    async fn undo(&self, _: &PostCreditMemo, _: &PostedCredit) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("a posted credit memo is reversed by finance".into()))
    }
}

#[async_trait]
impl Performs<SetOffCreditMemo> for SimulatedErp {
    fn idempotency(&self) -> Idempotency {
        REFUSED_TWICE
    }

    async fn find(&self, set_off: &SetOffCreditMemo) -> Result<Option<Reference>, CallError> {
        let look = |books: &mut Books| {
            let credit = books.credits.get(&set_off.credit_memo)?;
            credit.set_off.is_positive().then(|| Reference { record: format!("S-{}", credit.record) })
        };
        self.0.asks(Place::SetOffCreditMemo, ERP, look).await
    }

    async fn perform(&self, set_off: &SetOffCreditMemo, _: &str) -> Result<Reference, CallError> {
        let set_off = set_off.clone();
        let effect = move |books: &mut Books, _: Timestamp| {
            let refused = |_| CallErrorKind::Refused;
            let invoice = books.invoices.values_mut().find(|i| i.record == set_off.invoice_record);
            let credit = books.credits.get_mut(&set_off.credit_memo).filter(|c| c.record == set_off.record);
            let (Some(invoice), Some(credit)) = (invoice, credit) else { return Err(CallErrorKind::Refused) };
            let record = format!("S-{}", credit.record);
            if credit.set_off.is_positive() {
                return Ok(Reference { record });
            }
            // An ERP books no more than what is open, of either.
            let too_much = set_off.amount.exceeds(invoice.open()).unwrap_or(true)
                || set_off.amount.exceeds(credit.total()).unwrap_or(true);
            if credit.number.is_none() || too_much {
                return Err(CallErrorKind::Refused);
            }
            let before = invoice.credited.unwrap_or(Money::zero(set_off.amount.currency()));
            invoice.credited = Some(before.plus(set_off.amount).map_err(refused)?);
            credit.set_off = set_off.amount;
            Ok(Reference { record })
        };
        self.0.changes(Place::SetOffCreditMemo, ERP, effect).await
    }

    async fn undo(&self, _: &SetOffCreditMemo, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("a booked set-off is reversed by finance".into()))
    }
}
