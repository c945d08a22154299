//! Invoices: assembled from lines they own, submitted, compared with what the ERP posted.

mod held;
mod printing;
mod small;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::BillableLine;
use crate::billing::hold::InvoiceHold;
use crate::deposit::InvoiceDeposits;
use crate::engagement::Engagement;
use crate::id::{CustomerId, InvoiceId};
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};
use crate::transition::{IllegalTransition, Status};

pub use held::{InvoiceGenerated, InvoiceRejected};
pub use printing::{InvoiceLine, Unit, assemble};
pub use small::{PaymentTolerance, SmallDifference, SmallDifferenceReason, SmallDifferenceRecorded};

/// Where an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InvoiceStatus {
    /// Taking ownership of ready lines.
    Collecting,
    /// Nothing was ready when it was asked for: it owns nothing and never will.
    Empty,
    /// Its lines are fixed; it is being made in the ERP.
    Drafted,
    /// The ERP accepted and posted it; what was posted is not compared yet.
    Submitted,
    /// Posted, and equal to what was submitted.
    Posted,
    /// Paid in part.
    PartPaid,
    /// Nothing of it is open: paid in full, some of it perhaps by a credit memo.
    Paid,
    /// All of it was credited.
    Credited,
    /// Taken back before the ERP posted it: its lines are ready again.
    Withdrawn,
}

impl InvoiceStatus {
    /// The status as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Empty => "empty",
            Self::Drafted => "drafted",
            Self::Submitted => "submitted",
            Self::Posted => "posted",
            Self::PartPaid => "part-paid",
            Self::Paid => "paid",
            Self::Credited => "credited",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Status for InvoiceStatus {
    const OBJECT: &'static str = "an invoice";
    const ALL: &'static [Self] = &[
        Self::Collecting,
        Self::Empty,
        Self::Drafted,
        Self::Submitted,
        Self::Posted,
        Self::PartPaid,
        Self::Paid,
        Self::Credited,
        Self::Withdrawn,
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }

    /// The ERP may tell that it posted before what submitted it has recorded so. A payment that is refunded,
    /// charged back or bounces makes a paid invoice open again.
    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Collecting => &[Self::Empty, Self::Drafted, Self::Withdrawn],
            Self::Drafted => &[Self::Submitted, Self::Posted, Self::Withdrawn],
            Self::Submitted => &[Self::Posted],
            Self::Posted => &[Self::PartPaid, Self::Paid, Self::Credited],
            Self::PartPaid => &[Self::Posted, Self::Paid, Self::Credited],
            Self::Paid => &[Self::Posted, Self::PartPaid, Self::Credited],
            Self::Credited => &[Self::Posted, Self::PartPaid],
            Self::Empty | Self::Withdrawn => &[],
        }
    }
}

/// An invoice from its request to its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invoice {
    /// Our ID; the ERP's record carries it.
    pub invoice: InvoiceId,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// Who is billed.
    pub customer: CustomerId,
    /// The legal entity that bills.
    pub legal_entity: String,
    /// Code of the payment terms.
    pub payment_terms: String,
    /// The tax code of its lines.
    pub tax_code: String,
    /// The customer's purchase order.
    pub purchase_order: Option<String>,
    /// Version of the contract whose terms it bears: the one in force when it was requested, where nothing
    /// else was asked for.
    pub contract_version: u32,
    /// What asked for it.
    pub reason: String,
    /// Pages of owned lines; each page is an item of its own.
    pub pages: u32,
    /// Lines owned.
    pub line_count: u32,
    /// Sum of its lines before tax.
    pub untaxed: Money,
    /// Tax as the ERP posted it.
    pub tax: Option<Money>,
    /// Total as the ERP posted it.
    pub total: Option<Money>,
    /// The ERP's number.
    pub number: Option<String>,
    /// The ERP's ID of the record.
    pub record: Option<String>,
    /// The ERP's invoice date.
    pub invoiced_on: Option<Date>,
    /// Cash applied to it.
    pub applied: Money,
    /// Who holds it or held it last, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<InvoiceHold>,
    /// Whether the ERP is asked to post it: from then on it can't be held any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub posting: bool,
    /// What credit memos took off it; none where there is no posted one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credited: Option<Credited>,
    /// How much of it open disputes contest, with tax; none where nobody contests anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contested: Option<Money>,
    /// What was too little to be asked for, or too much by too little to be given back; none where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_difference: Option<SmallDifference>,
    /// What deposits have to do with it; none where nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposits: Option<InvoiceDeposits>,
}

/// What credit memos took off an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Credited {
    /// All of it, before tax.
    pub untaxed: Money,
    /// The part that was still to be paid, with tax. What was paid already stays on the customer's account.
    pub set_off: Money,
}

/// An invoice as the ERP holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PostedInvoice {
    /// The ERP's ID of the record.
    pub record: String,
    /// Whether it is posted there (or beyond: paid).
    pub posted: bool,
    /// The ERP's number, once posted.
    pub number: Option<String>,
    /// The ERP's invoice date, once posted.
    pub invoiced_on: Option<Date>,
    /// Before tax.
    pub untaxed: Money,
    /// Tax.
    pub tax: Money,
    /// Total.
    pub total: Money,
    /// What is still open there.
    pub open: Money,
}

/// What the ERP posted was read back and is what was submitted, to the cent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceConfirmed {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The ERP's number.
    pub number: String,
    /// The ERP's invoice date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoiced_on: Option<Date>,
    /// Amount before tax.
    pub untaxed: Money,
    /// Tax.
    pub tax: Money,
    /// Total.
    pub total: Money,
}

impl Invoice {
    /// A new invoice of an engagement, owning nothing yet.
    #[must_use]
    pub fn request(engagement: &Engagement, invoice: InvoiceId, reason: String) -> Self {
        let contract = &engagement.contract;
        Self {
            invoice,
            status: InvoiceStatus::Collecting,
            customer: engagement.customer.clone(),
            legal_entity: contract.legal_entity.clone(),
            payment_terms: contract.payment_terms.clone(),
            tax_code: contract.tax_code.clone(),
            purchase_order: contract.purchase_order.clone(),
            contract_version: contract.version,
            reason,
            pages: 0,
            line_count: 0,
            untaxed: Money::zero(contract.currency),
            tax: None,
            total: None,
            number: None,
            record: None,
            invoiced_on: None,
            applied: Money::zero(contract.currency),
            hold: None,
            posting: false,
            credited: None,
            contested: None,
            small_difference: None,
            deposits: None,
        }
    }

    /// Why its lines, once they are fixed, are not billed with it: there are none, or corrections among them
    /// take back as much as the others come to. None where it is to be billed, also where a deposit covers it.
    #[must_use]
    pub fn bills_nothing(&self) -> Option<String> {
        if self.line_count == 0 {
            return Some("nothing is ready to be invoiced".into());
        }
        (!self.untaxed.is_positive() && self.taken_off().is_zero())
            .then(|| format!("what is ready comes to {}: it waits for more to be billed", self.untaxed))
    }

    /// Whether it still takes lines. What has gone on its way to the ERP never changes again.
    #[must_use]
    pub const fn is_collecting(&self) -> bool {
        matches!(self.status, InvoiceStatus::Collecting)
    }

    /// The invoice with its lines fixed: drafted, or empty when it found none. None where they are
    /// fixed already.
    #[must_use]
    pub fn fix_lines(&self) -> Option<Self> {
        let status = if self.line_count == 0 { InvoiceStatus::Empty } else { InvoiceStatus::Drafted };
        self.is_collecting().then(|| Self { status, ..self.clone() })
    }

    /// The invoice after it took ownership of one more page of lines.
    ///
    /// # Errors
    /// When the amounts overflow or mix currencies.
    pub fn collect(&self, page: &[BillableLine]) -> Result<Self, MoneyError> {
        let added = Money::total(self.untaxed.currency(), page.iter().map(|l| l.amount))?;
        let count = u32::try_from(page.len()).map_err(|_| MoneyError::Overflow)?;
        let next = Self {
            pages: self.pages + 1,
            line_count: self.line_count + count,
            untaxed: self.untaxed.plus(added)?,
            ..self.clone()
        };
        next.with_deposits(page)
    }

    /// The invoice after the ERP took it as a record of its own.
    ///
    /// # Errors
    /// [`IllegalTransition`] when it has no fixed lines, or the ERP's posting was recorded before this.
    pub fn submit(&self, record: &str) -> Result<Self, IllegalTransition> {
        let status = self.status.to(InvoiceStatus::Submitted)?;
        Ok(Self { status, record: Some(record.to_owned()), ..self.clone() })
    }

    /// The invoice after the ERP's posting was read back and found equal to what was submitted.
    ///
    /// # Errors
    /// [`ProblemCode::InvoiceMismatch`] when number, amounts or currency differ by as much as a cent.
    pub fn post(&self, posted: &PostedInvoice) -> Result<Self, Problem> {
        let mismatch = |what: String| {
            Problem::new(ProblemCode::InvoiceMismatch, format!("invoice {}: {what}", self.invoice))
                .with_stake(self.untaxed)
        };
        if !posted.posted {
            return Err(mismatch(format!("record {} is not posted in the ERP", posted.record)));
        }
        let Some(number) = posted.number.clone() else {
            return Err(mismatch(format!("record {} is posted without a number", posted.record)));
        };
        if posted.untaxed != self.untaxed {
            return Err(mismatch(format!("submitted {}, posted {}", self.untaxed, posted.untaxed)));
        }
        match posted.untaxed.plus(posted.tax) {
            Ok(total) if total == posted.total => {}
            _ => {
                return Err(mismatch(format!(
                    "posted total {} is not {} plus tax {}",
                    posted.total, posted.untaxed, posted.tax
                )));
            }
        }
        let status = match self.status {
            // Told once more, after cash was applied.
            InvoiceStatus::PartPaid | InvoiceStatus::Paid | InvoiceStatus::Credited => self.status,
            status => {
                let status =
                    status.to(InvoiceStatus::Posted).map_err(|illegal| mismatch(illegal.to_string()))?;
                // A deposit covers all of it: there is nothing to be paid.
                if posted.total.is_zero() { InvoiceStatus::Paid } else { status }
            }
        };
        Ok(Self {
            status,
            number: Some(number),
            record: Some(posted.record.clone()),
            invoiced_on: posted.invoiced_on,
            tax: Some(posted.tax),
            total: Some(posted.total),
            ..self.clone()
        })
    }

    /// The invoice after cash was applied to it, or (less than nothing) taken from it again. What it is short of is
    /// open until [`Invoice::within`] says that nobody asks for it.
    ///
    /// # Errors
    /// When amounts mix currencies or overflow.
    pub fn with_cash(&self, delta: Money) -> Result<Self, MoneyError> {
        let mut next = Self { applied: self.applied.plus(delta)?, ..self.without_short() };
        if self.is_posted() {
            next.status = next.by_balance()?;
        }
        Ok(next)
    }

    /// Whether the ERP has posted it, and that was read back.
    #[must_use]
    pub const fn is_posted(&self) -> bool {
        self.total.is_some()
    }

    /// That it was posted as it was submitted; none before that.
    #[must_use]
    pub fn confirmed(&self) -> Option<InvoiceConfirmed> {
        let (number, tax, total) = (self.number.clone()?, self.tax?, self.total?);
        let (invoice, invoiced_on) = (self.invoice.clone(), self.invoiced_on);
        Some(InvoiceConfirmed { invoice, number, invoiced_on, untaxed: self.untaxed, tax, total })
    }

    /// What is still to be paid: total - applied - credited - written off as a small difference. Nothing before it is
    /// posted.
    ///
    /// # Errors
    /// When amounts mix currencies.
    pub fn open(&self) -> Result<Money, MoneyError> {
        self.unpaid()?.minus(self.written_off())
    }

    /// What of the open amount is contested: it is not asked for while its dispute is open. None where nothing is.
    ///
    /// # Errors
    /// When amounts mix currencies.
    pub fn contested_open(&self) -> Result<Option<Money>, MoneyError> {
        let open = self.open()?;
        let Some(contested) = self.contested.filter(|_| open.is_positive()) else { return Ok(None) };
        // What is paid or credited meanwhile may leave less open than is contested.
        Ok(Some(if contested.exceeds(open)? { open } else { contested }))
    }

    /// What credit memos took off what was to be paid, with tax.
    #[must_use]
    pub fn set_off(&self) -> Money {
        self.credited.map_or_else(|| Money::zero(self.untaxed.currency()), |credited| credited.set_off)
    }

    /// The invoice after a credit memo of so much was posted, before tax and with it, and how much of the
    /// latter is set off: never more than is not paid. As after cash, [`Invoice::within`] looks at what is left.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn credit(&self, untaxed: Money, total: Money) -> Result<(Self, Money), MoneyError> {
        let (unpaid, zero) = (self.unpaid()?, Money::zero(self.untaxed.currency()));
        let set_off = if total.exceeds(unpaid)? { unpaid } else { total };
        let set_off = if set_off.is_positive() { set_off } else { zero };
        let before = self.credited.map_or(zero, |credited| credited.untaxed);
        let credited = Credited { untaxed: before.plus(untaxed)?, set_off: self.set_off().plus(set_off)? };
        let mut next = Self { credited: Some(credited), ..self.without_short() };
        next.status = next.by_balance()?;
        Ok((next, set_off))
    }

    /// Where a posted invoice stands by what is open of it.
    ///
    /// # Errors
    /// When amounts mix currencies.
    pub fn by_balance(&self) -> Result<InvoiceStatus, MoneyError> {
        let is_open = self.open()?.is_positive();
        let wholly = self.credited.is_some_and(|credited| credited.untaxed == self.untaxed);
        Ok(match (is_open, wholly) {
            (false, true) => InvoiceStatus::Credited,
            (false, false) => InvoiceStatus::Paid,
            (true, _) if self.applied.is_positive() => InvoiceStatus::PartPaid,
            (true, _) => InvoiceStatus::Posted,
        })
    }

    /// The invoice taken back before the ERP posted it.
    ///
    /// # Errors
    /// [`IllegalTransition`] when it is in the books.
    pub fn withdraw(&self) -> Result<Self, IllegalTransition> {
        Ok(Self { status: self.status.to(InvoiceStatus::Withdrawn)?, ..self.clone() })
    }
}
