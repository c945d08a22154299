//! The deployed functions, each behind its queue.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::Event;
use runtime::{Handler, handle_batch};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use super::queues::OutboxRetry;

/// A queue and the function that it drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Queue {
    QuoteApproved,
    ChangeOrderApproved,
    TimeApproved,
    ExpenseApproved,
    UsageRecorded,
    MilestoneCompleted,
    ChargeDue,
    InvoiceRequested,
    InvoicePosted,
    PaymentReceived,
    CreditMemoRequested,
    CreditMemoIssued,
    DisputeRequested,
    ApprovalDecided,
    RecordChanged,
    HoldRequested,
    RevenueEarned,
    WriteOffRequested,
    OutboxRetry,
    DeadLetters,
}

impl Queue {
    /// The queue to which the bus's rules send an event, if any takes it.
    pub(crate) const fn of(event: &Event) -> Option<Self> {
        match event {
            Event::QuoteApproved(_)
            | Event::OpportunityWon(_)
            | Event::ContractActivated(_)
            | Event::SowApproved(_)
            | Event::SignatureCompleted(_)
            | Event::WithdrawalRequested(_) => Some(Self::QuoteApproved),
            Event::ChangeOrderApproved(_) => Some(Self::ChangeOrderApproved),
            Event::TimeApproved(_) => Some(Self::TimeApproved),
            Event::ExpenseApproved(_) => Some(Self::ExpenseApproved),
            Event::UsageRecorded(_) => Some(Self::UsageRecorded),
            Event::MilestoneCompleted(_) => Some(Self::MilestoneCompleted),
            Event::ChargeDue(_) => Some(Self::ChargeDue),
            Event::InvoiceRequested(_) => Some(Self::InvoiceRequested),
            Event::InvoicePosted(_) | Event::CollectionsChanged(_) => Some(Self::InvoicePosted),
            Event::PaymentReceived(_)
            | Event::PaymentSettled(_)
            | Event::PaymentFailed(_)
            | Event::PaymentRefunded(_)
            | Event::PaymentDisputed(_)
            | Event::PaymentDisputeClosed(_)
            | Event::PaymentApplicationRequested(_) => Some(Self::PaymentReceived),
            Event::CreditMemoRequested(_) => Some(Self::CreditMemoRequested),
            Event::CreditMemoIssued(_) => Some(Self::CreditMemoIssued),
            Event::DisputeRequested(_) | Event::DisputeResolutionRequested(_) => Some(Self::DisputeRequested),
            Event::ApprovalDecided(_) => Some(Self::ApprovalDecided),
            Event::RecordChanged(_) => Some(Self::RecordChanged),
            Event::HoldRequested(_) | Event::ReleaseRequested(_) => Some(Self::HoldRequested),
            Event::BillingReady(_)
            | Event::InvoiceConfirmed(_)
            | Event::RevenueScheduleUpdated(_)
            | Event::CreditMemoApplied(_)
            | Event::WriteOffRecorded(_) => Some(Self::RevenueEarned),
            Event::WriteOffRequested(_) => Some(Self::WriteOffRequested),
            Event::EngagementActivated(_)
            | Event::EngagementHeld(_)
            | Event::ReadinessConfirmed(_)
            | Event::ContractAmended(_)
            | Event::ContractCompared(_)
            | Event::RateCardAdjusted(_)
            | Event::SubscriptionChanged(_)
            | Event::CustomerCreated(_)
            | Event::ProjectCreated(_)
            | Event::IntercompanyCharged(_)
            | Event::SubcontractorCostRecorded(_)
            | Event::InvoiceSubmitted(_)
            | Event::InvoiceGenerated(_)
            | Event::InvoiceRejected(_)
            | Event::RevenueEarned(_)
            | Event::PaymentApplied(_)
            | Event::PaymentUnapplied(_)
            | Event::SmallDifferenceRecorded(_)
            | Event::DisputeRecorded(_)
            | Event::DisputeResolved(_)
            | Event::ExceptionRaised(_)
            | Event::ProjectStatusChanged(_)
            | Event::StaffingChanged(_)
            | Event::ApprovalRequested(_)
            | Event::ApprovalReminded(_)
            | Event::ApprovalExpired(_) => None,
        }
    }

    /// The function's name.
    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::QuoteApproved => "quote-approved",
            Self::ChangeOrderApproved => "change-order-approved",
            Self::TimeApproved => "time-approved",
            Self::ExpenseApproved => "expense-approved",
            Self::UsageRecorded => "usage-recorded",
            Self::MilestoneCompleted => "milestone-completed",
            Self::ChargeDue => "charge-due",
            Self::InvoiceRequested => "invoice-requested",
            Self::InvoicePosted => "invoice-posted",
            Self::PaymentReceived => "payment-received",
            Self::CreditMemoRequested => "credit-memo-requested",
            Self::CreditMemoIssued => "credit-memo-issued",
            Self::DisputeRequested => "dispute-requested",
            Self::ApprovalDecided => "approval-decided",
            Self::RecordChanged => "record-changed",
            Self::HoldRequested => "hold-requested",
            Self::RevenueEarned => "revenue-earned",
            Self::WriteOffRequested => "write-off-requested",
            Self::OutboxRetry => "publish-outbox",
            Self::DeadLetters => "dead-letter",
        }
    }

    /// Messages that are handed over together at most.
    pub(super) const fn batch(self) -> usize {
        match self {
            Self::QuoteApproved
            | Self::ChangeOrderApproved
            | Self::InvoiceRequested
            | Self::CreditMemoRequested
            | Self::PaymentReceived => 1,
            Self::TimeApproved
            | Self::ExpenseApproved
            | Self::UsageRecorded
            | Self::MilestoneCompleted
            | Self::ChargeDue
            | Self::InvoicePosted
            | Self::CreditMemoIssued
            | Self::DisputeRequested
            | Self::ApprovalDecided
            | Self::RecordChanged
            | Self::HoldRequested
            | Self::RevenueEarned
            | Self::WriteOffRequested
            | Self::OutboxRetry
            | Self::DeadLetters => 10,
        }
    }

    /// How long the queue holds a message back, so that others join it.
    pub(super) const fn collection_seconds(self) -> u64 {
        match self {
            Self::InvoiceRequested => 300,
            _ => 0,
        }
    }

    /// Hands a batch to the function. Gives those that failed, with how long each stays hidden.
    pub(super) async fn handle(self, world: &Arc<World>, batch: SqsEvent) -> BTreeMap<String, Duration> {
        let context = world.context(self.function());
        let handler: &dyn Handler = match self {
            Self::QuoteApproved => &quote_approved::QuoteApproved,
            Self::ChangeOrderApproved => &change_order_approved::ChangeOrderApproved,
            Self::TimeApproved => &time_approved::TimeApproved,
            Self::ExpenseApproved => &expense_approved::ExpenseApproved,
            Self::UsageRecorded => &usage_recorded::UsageRecorded,
            Self::MilestoneCompleted => &milestone_completed::MilestoneCompleted,
            Self::ChargeDue => &charge_due::ChargeDue,
            Self::InvoiceRequested => &invoice_requested::InvoiceRequested,
            Self::InvoicePosted => &invoice_posted::InvoicePosted,
            Self::PaymentReceived => &payment_received::PaymentReceived,
            Self::CreditMemoRequested => &credit_memo_requested::CreditMemoRequested,
            Self::CreditMemoIssued => &credit_memo_issued::CreditMemoIssued,
            Self::DisputeRequested => &dispute_requested::DisputeRequested,
            Self::ApprovalDecided => &approval_decided::ApprovalDecided,
            Self::RecordChanged => &record_changed::RecordChanged,
            Self::HoldRequested => &hold_requested::Holds,
            Self::RevenueEarned => &revenue_earned::TellRevenue,
            Self::WriteOffRequested => &write_off_requested::WriteOffRequested,
            Self::DeadLetters => return unread(&dead_letter::keep_all(&context, batch).await),
            Self::OutboxRetry => {
                let event = serde_json::to_value(&batch).expect("a batch");
                let queue = OutboxRetry(Arc::clone(world));
                let answer = publish_outbox::publish(&context, &queue, event).await;
                let answer: SqsBatchResponse =
                    serde_json::from_value(answer.unwrap_or(Value::Null)).unwrap_or_default();
                return unread(&answer);
            }
        };
        let (response, delays) = handle_batch(&context, handler, batch).await;
        let mut failed = unread(&response);
        failed.extend(delays);
        failed
    }
}

/// Functions that say nothing of a delay leave it to their queue: here, a minute.
fn unread(response: &SqsBatchResponse) -> BTreeMap<String, Duration> {
    response
        .batch_item_failures
        .iter()
        .map(|f| (f.item_identifier.clone(), Duration::from_secs(60)))
        .collect()
}
