//! Keys of the table. Every partition starts with its tenant.

use std::fmt;

use domain::decision::Condition;
use uuid::Uuid;

/// Partition and sort key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

impl Key {
    /// Any key.
    #[must_use]
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// Partition of what an event is about: an engagement, or what leads to one.
    #[must_use]
    pub fn partition(tenant: &str, subject: &str) -> String {
        if subject.starts_with("eng_") {
            format!("tenant#{tenant}#engagement#{subject}")
        } else {
            format!("tenant#{tenant}#subject#{subject}")
        }
    }

    /// The engagement's state.
    #[must_use]
    pub fn state(tenant: &str, engagement: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), "state")
    }

    /// The journal entry of an event.
    #[must_use]
    pub fn journal(tenant: &str, subject: &str, event: Uuid) -> Self {
        Self::new(Self::partition(tenant, subject), format!("journal#{event}"))
    }

    /// A billable line.
    #[must_use]
    pub fn line(tenant: &str, engagement: &str, line: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("line#{line}"))
    }

    /// What one legal entity owes another for an entry.
    #[must_use]
    pub fn charge(tenant: &str, engagement: &str, charge: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("charge#{charge}"))
    }

    /// What a subcontractor's entry costs.
    #[must_use]
    pub fn cost(tenant: &str, engagement: &str, cost: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("cost#{cost}"))
    }

    /// An entry that was drawn from a retainer.
    #[must_use]
    pub fn drawdown(tenant: &str, engagement: &str, drawdown: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("drawdown#{drawdown}"))
    }

    /// A record of usage.
    #[must_use]
    pub fn usage(tenant: &str, engagement: &str, usage: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("usage#{usage}"))
    }

    /// Where the corrections of an entry's line stand.
    #[must_use]
    pub fn correction(tenant: &str, engagement: &str, line: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("correction#{line}"))
    }

    /// A write-off.
    #[must_use]
    pub fn write_off(tenant: &str, engagement: &str, write_off: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("write-off#{write_off}"))
    }

    /// An invoice.
    #[must_use]
    pub fn invoice(tenant: &str, engagement: &str, invoice: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("invoice#{invoice}"))
    }

    /// A page of the lines that an invoice owns.
    #[must_use]
    pub fn invoice_page(tenant: &str, engagement: &str, invoice: &str, page: u32) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("invoice-page#{invoice}#{page:06}"))
    }

    /// A payment.
    #[must_use]
    pub fn payment(tenant: &str, engagement: &str, payment: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("payment#{payment}"))
    }

    /// Everything that is known of a payment, beside its subject.
    #[must_use]
    pub fn receipt(tenant: &str, payment: &str) -> Self {
        Self::new(Self::partition(tenant, payment), "receipt")
    }

    /// A movement of a payment.
    #[must_use]
    pub fn movement(tenant: &str, payment: &str, number: u32) -> Self {
        Self::new(Self::partition(tenant, payment), format!("movement#{number:06}"))
    }

    /// A credit memo.
    #[must_use]
    pub fn credit_memo(tenant: &str, engagement: &str, credit_memo: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("credit-memo#{credit_memo}"))
    }

    /// A dispute of an invoice.
    #[must_use]
    pub fn dispute(tenant: &str, engagement: &str, dispute: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("dispute#{dispute}"))
    }

    /// A page of what a dispute keeps as evidence. Zero-padded, so that pages sort.
    #[must_use]
    pub fn dispute_evidence(tenant: &str, engagement: &str, dispute: &str, page: usize) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("dispute-evidence#{dispute}#{page:06}"))
    }

    /// What somebody changed of invoices in the ERP by hand.
    #[must_use]
    pub fn adjustment(tenant: &str, engagement: &str, adjustment: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("adjustment#{adjustment}"))
    }

    /// A version of the contract. Zero-padded, so that versions sort.
    #[must_use]
    pub fn contract(tenant: &str, engagement: &str, version: u32) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("contract#{version:06}"))
    }

    /// The revenue schedule of a version of the contract.
    #[must_use]
    pub fn revenue_schedule(tenant: &str, engagement: &str, version: u32) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("revenue-schedule#{version:06}"))
    }

    /// Revenue that was earned, or is taken back.
    #[must_use]
    pub fn revenue(tenant: &str, engagement: &str, revenue: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("revenue#{revenue}"))
    }

    /// How far the engagement's revenue schedule was told.
    #[must_use]
    pub fn recognition(tenant: &str, engagement: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), "recognition")
    }

    /// What was told of an invoice's collections.
    #[must_use]
    pub fn collections(tenant: &str, engagement: &str, invoice: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("collections#{invoice}"))
    }

    /// A change of an invoice's collections. Zero-padded, so that changes sort.
    #[must_use]
    pub fn collections_change(tenant: &str, engagement: &str, invoice: &str, change: u32) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("collections-change#{invoice}#{change:06}"))
    }

    /// A statement of work, by its name.
    #[must_use]
    pub fn statement_of_work(tenant: &str, engagement: &str, statement: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("statement-of-work#{statement}"))
    }

    /// When the engagement is compared with the other systems next.
    #[must_use]
    pub fn comparison(tenant: &str, engagement: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), "comparison")
    }

    /// When the engagement's recurring charges are due next.
    #[must_use]
    pub fn charge_calendar(tenant: &str, engagement: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), "charge-calendar")
    }

    /// A period of a recurring charge that was told to be due. Zero-padded, so that periods sort.
    #[must_use]
    pub fn told_charge(tenant: &str, engagement: &str, charge: &str, period: u32) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("charge-period#{charge}#{period:06}"))
    }

    /// Where the engagement's project stands, and who is on it.
    #[must_use]
    pub fn delivery(tenant: &str, engagement: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), "delivery")
    }

    /// Prefix of what waits for a condition.
    #[must_use]
    pub fn parked_prefix(condition: &Condition) -> String {
        format!("parked#{condition}#")
    }

    /// An event that waits for a condition.
    #[must_use]
    pub fn parked(tenant: &str, subject: &str, condition: &Condition, event: Uuid) -> Self {
        Self::new(Self::partition(tenant, subject), format!("{}{event}", Self::parked_prefix(condition)))
    }

    /// An exception.
    #[must_use]
    pub fn exception(tenant: &str, subject: &str, exception: &str) -> Self {
        Self::new(Self::partition(tenant, subject), format!("exception#{exception}"))
    }

    /// What a person is asked to approve.
    #[must_use]
    pub fn approval(tenant: &str, engagement: &str, approval: &str) -> Self {
        Self::new(Self::partition(tenant, engagement), format!("approval#{approval}"))
    }

    /// A run of a workflow.
    #[must_use]
    pub fn workflow(tenant: &str, subject: &str, workflow: &str, run: &str) -> Self {
        Self::new(Self::partition(tenant, subject), format!("workflow#{workflow}#{run}"))
    }

    /// Prefix of the steps of a run.
    #[must_use]
    pub fn step_prefix(workflow: &str, run: &str) -> String {
        format!("step#{workflow}#{run}#")
    }

    /// A step of a run.
    #[must_use]
    pub fn step(tenant: &str, subject: &str, workflow: &str, run: &str, step: &str) -> Self {
        Self::new(Self::partition(tenant, subject), format!("{}{step}", Self::step_prefix(workflow, run)))
    }

    /// A customer.
    #[must_use]
    pub fn customer(tenant: &str, customer: &str) -> Self {
        Self::new(Self::partition(tenant, customer), "customer")
    }

    /// From a product's ID to ours.
    #[must_use]
    pub fn crosswalk(tenant: &str, connection: &str, kind: &str, local: &str) -> Self {
        Self::new(format!("tenant#{tenant}#crosswalk#{connection}#{kind}#{local}"), "crosswalk")
    }

    /// From our ID to a product's.
    #[must_use]
    pub fn crosswalk_back(tenant: &str, global: &str, connection: &str, kind: &str) -> Self {
        Self::new(format!("tenant#{tenant}#id#{global}"), format!("crosswalk#{connection}#{kind}"))
    }

    /// Which engagement one of our IDs belongs to. Written before the ID leaves us, so that
    /// whatever comes back under it finds its engagement.
    #[must_use]
    pub fn owner(tenant: &str, global: &str) -> Self {
        Self::new(format!("tenant#{tenant}#id#{global}"), "engagement")
    }

    /// What was asked for through the API by a caller under a key of its own.
    #[must_use]
    pub fn request(tenant: &str, caller: &str, key: &str) -> Self {
        Self::new(format!("tenant#{tenant}#request#{caller}#{key}"), "request")
    }

    /// A connection's configuration.
    #[must_use]
    pub fn connection(connection: &str) -> Self {
        Self::new(format!("connection#{connection}"), "config")
    }

    /// A tenant's configuration.
    #[must_use]
    pub fn tenant(tenant: &str) -> Self {
        Self::new(format!("tenant#{tenant}"), "config")
    }

    /// How far a connection's log was read.
    #[must_use]
    pub fn cursor(tenant: &str, connection: &str) -> Self {
        Self::new(format!("tenant#{tenant}"), format!("cursor#{connection}"))
    }
}
