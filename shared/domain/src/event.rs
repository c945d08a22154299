//! The canonical events: what happened, in the business's own words.
//!
//! The envelope they travel in is the `events` crate's. An event that reports a record of
//! another system carries a reference where the product's notification does; the function
//! that takes it reads the record and checks it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approval::{ApprovalDecided, ApprovalExpired, ApprovalReminded, ApprovalRequested};
use crate::billing::hold::{HoldRequested, ReleaseRequested};
use crate::collections::CollectionsChanged;
use crate::contract::{RateCard, RecurringCharge};
use crate::credit_memo::{CreditMemoApplied, CreditMemoIssued, CreditMemoRequested};
use crate::delivery::{ProjectStatus, ResourceAssignment};
use crate::dispute::{Dispute, DisputeRequested, DisputeResolutionRequested, DisputeResolved};
use crate::expense::Expense;
use crate::id::{CustomerId, EngagementId, ExceptionId, InvoiceId, LineId, PaymentId};
use crate::invoice::{InvoiceConfirmed, InvoiceGenerated, InvoiceRejected, SmallDifferenceRecorded};
use crate::money::Money;
use crate::ownership::Role;
use crate::payment::{
    PaymentApplicationRequested, PaymentDisputeClosed, PaymentDisputed, PaymentFailed, PaymentRefunded,
    PaymentSettled, PaymentUnapplied, RemittanceLine,
};
use crate::problem::Problem;
use crate::recurring::ChargeDue;
use crate::revenue::{RevenueEarned, RevenueSchedule};
use crate::staffing::{IntercompanyCharge, SubcontractorCost};
use crate::usage::UsageRecord;
use crate::work::{MilestoneCompletion, TimeEntry};
use crate::write_off::{WriteOff, WriteOffRequested};

/// A CRM reports that a deal's quote was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteApproved {
    /// The CRM connection.
    pub connection: String,
    /// The CRM's ID of the deal; the quote is read back from it.
    pub deal: String,
}

/// A CRM reports that an opportunity was won.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpportunityWon {
    /// The CRM connection.
    pub connection: String,
    /// The CRM's ID of the deal; whether it is won, and its quote, are read back from it.
    pub deal: String,
}

/// A CRM reports that a deal's contract was approved and is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContractActivated {
    /// The CRM connection.
    pub connection: String,
    /// The CRM's ID of the deal; the quote is read back from it.
    pub deal: String,
}

/// A CRM reports that a deal's statement of work was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SowApproved {
    /// The CRM connection.
    pub connection: String,
    /// The CRM's ID of the deal; the quote is read back from it.
    pub deal: String,
}

/// A signature product reports that everybody has signed a deal's documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignatureCompleted {
    /// The CRM connection that has the deal.
    pub connection: String,
    /// The CRM's ID of the deal, which the envelope carries; the quote is read back from it.
    pub deal: String,
    /// The signature product's connection.
    pub signature_connection: String,
    /// The product's ID of the envelope.
    pub envelope: String,
}

/// An engagement is set up everywhere; delivery may start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngagementActivated {
    /// The engagement.
    pub engagement: EngagementId,
    /// The CRM's deal.
    pub deal: String,
    /// The customer.
    pub customer: CustomerId,
    /// Version of the contract in force.
    pub contract_version: u32,
    /// Value of the fixed-fee part.
    pub fixed_fee: Money,
}

/// What was sold, the ERP's billing plan and the PSA's project were compared and agree: delivery may
/// start, and what is delivered can be billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadinessConfirmed {
    /// The engagement.
    pub engagement: EngagementId,
    /// Version of the contract that was compared.
    pub contract_version: u32,
    /// The ERP's billing plan.
    pub billing_plan: String,
    /// The PSA's project.
    pub project: String,
}

/// A further version of an active engagement's quote was approved: the change order is read back
/// from the CRM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeOrderApproved {
    /// The CRM connection.
    pub connection: String,
    /// The CRM's ID of the deal.
    pub deal: String,
    /// When it was approved: the business day of it is the first day of what it changes.
    pub approved_at: Timestamp,
}

/// A change order is in force in every system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContractAmended {
    /// The engagement.
    pub engagement: EngagementId,
    /// The version that was in force.
    pub from_version: u32,
    /// The version in force now.
    pub contract_version: u32,
    /// First day of what it changes.
    pub effective_on: Date,
    /// What the customer had committed to.
    pub value_before: Money,
    /// What the customer has committed to now.
    pub value: Money,
    /// What changed, for people.
    pub changes: Vec<String>,
}

/// A contract was compared with what the other systems hold of it, and they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContractCompared {
    /// The engagement.
    pub engagement: EngagementId,
    /// Version of the contract.
    pub contract_version: u32,
    /// What differs, in words: system, record, and both amounts.
    pub difference: String,
}

/// Rates of an engagement begin or end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RateCardAdjusted {
    /// The engagement.
    pub engagement: EngagementId,
    /// Version of the contract that has the rates.
    pub contract_version: u32,
    /// First day of the first change.
    pub effective_on: Date,
    /// The rates, dated.
    pub rate_card: RateCard,
}

/// A recurring service was added to an engagement, or its terms changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionChanged {
    /// The engagement.
    pub engagement: EngagementId,
    /// Version of the contract that has the charge.
    pub contract_version: u32,
    /// The charge as it was; none where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RecurringCharge>,
    /// The charge as it is; none where it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<RecurringCharge>,
}

/// The revenue schedule of a contract version was drawn up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevenueScheduleUpdated {
    /// The engagement.
    pub engagement: EngagementId,
    /// The schedule.
    pub schedule: RevenueSchedule,
}

/// Somebody decided that an engagement which is still being set up is not to be: what was made of
/// it in other systems is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalRequested {
    /// The engagement.
    pub engagement: EngagementId,
    /// Who decided it: a user or role of the firm, not a person's name.
    pub requested_by: String,
    /// Why, for the audit.
    pub reason: String,
}

/// An engagement waits for a correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngagementHeld {
    /// The engagement.
    pub engagement: EngagementId,
    /// Everything that failed, all at once.
    pub problems: Vec<Problem>,
}

/// A customer was created in (or matched with) the ERP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerCreated {
    /// The customer.
    pub customer: CustomerId,
    /// The ERP connection.
    pub connection: String,
    /// The ERP's ID.
    pub record: String,
}

/// A project was created in the PSA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectCreated {
    /// The engagement it delivers.
    pub engagement: EngagementId,
    /// The PSA connection.
    pub connection: String,
    /// The PSA's ID.
    pub record: String,
}

/// A line meets every condition for billing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BillingReady {
    /// The line.
    pub line: LineId,
    /// Its amount before tax.
    pub amount: Money,
}

/// The ready lines of an engagement are to be invoiced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceRequested {
    /// The invoice that will own them. Derived from what asked for it, so that asking twice is one invoice.
    pub invoice: InvoiceId,
    /// Lines that must be on it, whatever else is ready.
    pub lines: Vec<LineId>,
    /// What asked for it, for people.
    pub reason: String,
    /// Last day of what it takes; none where all that is ready is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earned_until: Option<Date>,
    /// Least that it comes to before tax; less waits for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Money>,
    /// Version of the contract whose terms it bears; none means the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_version: Option<u32>,
}

impl InvoiceRequested {
    /// A request for all that is ready, whatever it comes to.
    #[must_use]
    pub const fn of(invoice: InvoiceId, lines: Vec<LineId>, reason: String) -> Self {
        Self { invoice, lines, reason, earned_until: None, minimum: None, contract_version: None }
    }
}

/// An invoice was handed to the ERP and posted there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceSubmitted {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The ERP connection.
    pub connection: String,
    /// The ERP's ID.
    pub record: String,
    /// Amount before tax.
    pub untaxed: Money,
}

/// The ERP reports that an invoice was posted; the invoice is read back from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoicePosted {
    /// The ERP connection.
    pub connection: String,
    /// The ERP's ID.
    pub record: String,
    /// Our ID, which the ERP's record carries.
    pub invoice: InvoiceId,
}

/// A payment product reports money received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentReceived {
    /// The payment.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID.
    pub record: String,
    /// What was paid.
    pub amount: Money,
    /// The invoice number that the payer gave.
    pub invoice_number: Option<String>,
    /// What the payer said is for which invoice; empty where he gave no more than a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remittance: Vec<RemittanceLine>,
    /// Our customer who paid, where the product knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// When the product received it.
    pub received_at: Timestamp,
}

/// Cash was applied to an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentApplied {
    /// The payment.
    pub payment: PaymentId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// How much of the payment was applied to it.
    pub applied: Money,
    /// What stays open on the invoice.
    pub open: Money,
}

/// A system reports that fields of one of its records changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordChanged {
    /// The connection that reports it.
    pub connection: String,
    /// The role that the connection plays; what it may change follows from it.
    pub role: Role,
    /// What the record is to us (`customer`).
    pub object: String,
    /// The product's ID of the record.
    pub record: String,
    /// The fields that changed, by our name for them, each with its value now; empty where it was cleared.
    pub fields: BTreeMap<String, String>,
    /// When they changed there.
    pub changed_at: Timestamp,
}

/// Where a project stands has changed in the PSA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectStatusChanged {
    /// The engagement that it delivers.
    pub engagement: EngagementId,
    /// The PSA connection.
    pub connection: String,
    /// The PSA's ID of the project.
    pub project: String,
    /// Where it stood, as far as it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ProjectStatus>,
    /// Where it stands.
    pub status: ProjectStatus,
}

/// Who is to deliver an engagement has changed: by its contract, or in the PSA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaffingChanged {
    /// The engagement.
    pub engagement: EngagementId,
    /// The PSA connection.
    pub connection: String,
    /// Version of the contract that changed it; none where the PSA did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_version: Option<u32>,
    /// The assignments that changed, as they are now.
    pub assignments: Vec<ResourceAssignment>,
}

/// Something waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExceptionRaised {
    /// The exception.
    pub exception: ExceptionId,
    /// What is wrong, who owns it and what is at stake.
    pub problem: Problem,
}

macro_rules! events {
    ($($variant:ident($payload:ty) = $name:literal,)*) => {
        /// Any canonical event. `type` is its name and version; a change that an old reader
        /// would not understand is a new version, never an edit.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "type", content = "data")]
        pub enum Event {
            $(#[doc = $name] #[serde(rename = $name)] $variant($payload),)*
        }

        impl Event {
            /// Every type name, for registries and tests.
            pub const TYPES: &'static [&'static str] = &[$($name),*];

            /// The event's type: `q2c.<object>.<what happened>.v<version>`.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// The JSON Schema of each type's payload.
            #[must_use]
            pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($name, schemars::schema_for!($payload))),*]
            }
        }

        $(impl From<$payload> for Event {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
            }
        })*
    };
}

events! {
    QuoteApproved(QuoteApproved) = "q2c.quote.approved.v1",
    OpportunityWon(OpportunityWon) = "q2c.opportunity.won.v1",
    ContractActivated(ContractActivated) = "q2c.contract.activated.v1",
    SowApproved(SowApproved) = "q2c.sow.approved.v1",
    SignatureCompleted(SignatureCompleted) = "q2c.signature.completed.v1",
    EngagementActivated(EngagementActivated) = "q2c.engagement.activated.v1",
    EngagementHeld(EngagementHeld) = "q2c.engagement.held.v1",
    ReadinessConfirmed(ReadinessConfirmed) = "q2c.readiness.confirmed.v1",
    ChangeOrderApproved(ChangeOrderApproved) = "q2c.change-order.approved.v1",
    ContractAmended(ContractAmended) = "q2c.contract.amended.v1",
    ContractCompared(ContractCompared) = "q2c.contract.compared.v1",
    RateCardAdjusted(RateCardAdjusted) = "q2c.rate-card.adjusted.v1",
    SubscriptionChanged(SubscriptionChanged) = "q2c.subscription.changed.v1",
    RevenueScheduleUpdated(RevenueScheduleUpdated) = "q2c.revenue-schedule.updated.v1",
    WithdrawalRequested(WithdrawalRequested) = "q2c.withdrawal.requested.v1",
    CustomerCreated(CustomerCreated) = "q2c.customer.created.v1",
    ProjectCreated(ProjectCreated) = "q2c.project.created.v1",
    TimeApproved(TimeEntry) = "q2c.time.approved.v1",
    ExpenseApproved(Expense) = "q2c.expense.approved.v1",
    UsageRecorded(UsageRecord) = "q2c.usage.recorded.v1",
    MilestoneCompleted(MilestoneCompletion) = "q2c.milestone.completed.v1",
    ChargeDue(ChargeDue) = "q2c.charge.due.v1",
    BillingReady(BillingReady) = "q2c.billing.ready.v1",
    IntercompanyCharged(IntercompanyCharge) = "q2c.intercompany.charged.v1",
    SubcontractorCostRecorded(SubcontractorCost) = "q2c.subcontractor-cost.recorded.v1",
    WriteOffRequested(WriteOffRequested) = "q2c.write-off.requested.v1",
    WriteOffRecorded(WriteOff) = "q2c.write-off.recorded.v1",
    InvoiceRequested(InvoiceRequested) = "q2c.invoice.requested.v1",
    InvoiceGenerated(InvoiceGenerated) = "q2c.invoice.generated.v1",
    InvoiceRejected(InvoiceRejected) = "q2c.invoice.rejected.v1",
    HoldRequested(HoldRequested) = "q2c.hold.requested.v1",
    ReleaseRequested(ReleaseRequested) = "q2c.release.requested.v1",
    InvoiceSubmitted(InvoiceSubmitted) = "q2c.invoice.submitted.v1",
    InvoiceConfirmed(InvoiceConfirmed) = "q2c.invoice.confirmed.v1",
    RevenueEarned(RevenueEarned) = "q2c.revenue.earned.v1",
    InvoicePosted(InvoicePosted) = "q2c.invoice.posted.v1",
    PaymentReceived(PaymentReceived) = "q2c.payment.received.v1",
    PaymentSettled(PaymentSettled) = "q2c.payment.settled.v1",
    PaymentFailed(PaymentFailed) = "q2c.payment.failed.v1",
    PaymentRefunded(PaymentRefunded) = "q2c.payment.refunded.v1",
    PaymentDisputed(PaymentDisputed) = "q2c.payment.disputed.v1",
    PaymentDisputeClosed(PaymentDisputeClosed) = "q2c.payment.dispute-closed.v1",
    PaymentApplicationRequested(PaymentApplicationRequested) = "q2c.payment.application-requested.v1",
    PaymentApplied(PaymentApplied) = "q2c.payment.applied.v1",
    PaymentUnapplied(PaymentUnapplied) = "q2c.payment.unapplied.v1",
    SmallDifferenceRecorded(SmallDifferenceRecorded) = "q2c.small-difference.recorded.v1",
    CollectionsChanged(CollectionsChanged) = "q2c.collections.changed.v1",
    CreditMemoRequested(CreditMemoRequested) = "q2c.credit-memo.requested.v1",
    CreditMemoIssued(CreditMemoIssued) = "q2c.credit-memo.issued.v1",
    CreditMemoApplied(CreditMemoApplied) = "q2c.credit-memo.applied.v1",
    DisputeRequested(DisputeRequested) = "q2c.dispute.requested.v1",
    DisputeRecorded(Dispute) = "q2c.dispute.recorded.v1",
    DisputeResolutionRequested(DisputeResolutionRequested) = "q2c.dispute-resolution.requested.v1",
    DisputeResolved(DisputeResolved) = "q2c.dispute.resolved.v1",
    RecordChanged(RecordChanged) = "q2c.record.changed.v1",
    ProjectStatusChanged(ProjectStatusChanged) = "q2c.project-status.changed.v1",
    StaffingChanged(StaffingChanged) = "q2c.staffing.changed.v1",
    ExceptionRaised(ExceptionRaised) = "q2c.exception.raised.v1",
    ApprovalRequested(ApprovalRequested) = "q2c.approval.requested.v1",
    ApprovalReminded(ApprovalReminded) = "q2c.approval.reminded.v1",
    ApprovalDecided(ApprovalDecided) = "q2c.approval.decided.v1",
    ApprovalExpired(ApprovalExpired) = "q2c.approval.expired.v1",
}
