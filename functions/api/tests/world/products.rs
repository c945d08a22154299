//! A CRM with one quote and an ERP that says one thing of every customer. Both are only asked: a
//! call that would write fails the test.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::inbound::Translated;
use connectors::operation::{
    AmendBillingPlan, ApplyPayment, CreateBillingPlan, CreateCreditMemo, CreateCustomer, CreateInvoice,
    Idempotency, LinkCustomer, Operation, Performs, PostCreditMemo, PostInvoice, SetOffCreditMemo, Undone,
    WriteDealStatus,
};
use connectors::role::{Crm, Erp, Polled};
use connectors::{CallError, CallErrorKind};
use domain::activation::CustomerFacts;
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::Currency;
use domain::quote::Quote;
use domain::setup::HeldPlan;
use jiff::Timestamp;
use runtime::fake::FakeConnections;

/// What the products answer.
pub struct Asked {
    pub quote: Result<Quote, CallError>,
    pub facts: CustomerFacts,
}

macro_rules! never_writes {
    ($($operation:ty),*) => {$(
        #[async_trait]
        impl Performs<$operation> for Asked {
            fn idempotency(&self) -> Idempotency {
                Idempotency::Upsert { settles_within: std::time::Duration::ZERO }
            }
            async fn find(
                &self,
                _: &$operation,
            ) -> Result<Option<<$operation as Operation>::Record>, CallError> {
                panic!("a read writes nothing")
            }
            async fn perform(
                &self,
                _: &$operation,
                _: &str,
            ) -> Result<<$operation as Operation>::Record, CallError> {
                panic!("a read writes nothing")
            }
            async fn undo(
                &self,
                _: &$operation,
                _: &<$operation as Operation>::Record,
            ) -> Result<Undone, CallError> {
                panic!("a read writes nothing")
            }
        }
    )*};
}

never_writes!(
    WriteDealStatus,
    CreateCustomer,
    LinkCustomer,
    CreateBillingPlan,
    AmendBillingPlan,
    CreateInvoice,
    PostInvoice,
    ApplyPayment,
    CreateCreditMemo,
    PostCreditMemo,
    SetOffCreditMemo
);

#[async_trait]
impl Polled for Asked {
    fn overlap(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::ZERO
    }
    async fn changes_since(&self, _: Timestamp) -> Result<Vec<Translated>, CallError> {
        Ok(vec![])
    }
}

#[async_trait]
impl Crm for Asked {
    fn connection(&self) -> &str {
        "hubspot-main"
    }
    async fn quote_of(&self, _: &str) -> Result<Quote, CallError> {
        self.quote.clone()
    }
}

#[async_trait]
impl Erp for Asked {
    fn connection(&self) -> &str {
        "tryton-us"
    }
    /// It has every customer, under our ID.
    async fn customers_like(&self, sought: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        Ok(vec![ErpCustomer {
            account: "3".into(),
            carries: Some(sought.customer.to_string()),
            name: sought.record.name.clone(),
            tax_registrations: sought.record.tax_registration.iter().cloned().collect(),
            addresses: vec![],
            parent: None,
        }])
    }
    async fn customer_facts(&self, _: &str) -> Result<CustomerFacts, CallError> {
        Ok(self.facts.clone())
    }
    async fn held_plan(&self, _: &EngagementId, _: Currency) -> Result<Option<HeldPlan>, CallError> {
        Ok(None)
    }
    async fn invoice(&self, _: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        Ok(None)
    }
    async fn issued_credit(&self, _: &str) -> Result<Option<domain::credit_memo::IssuedCredit>, CallError> {
        Ok(None)
    }
    async fn invoice_numbered(&self, _: &str) -> Result<Option<InvoiceId>, CallError> {
        Ok(None)
    }
}

/// The CRM and the ERP of the sample tenant.
pub fn answering(quote: Result<Quote, CallError>, facts: CustomerFacts) -> FakeConnections {
    let asked = Arc::new(Asked { quote, facts });
    let mut known = FakeConnections::default();
    known.crm.insert("hubspot-main".into(), asked.clone());
    known.erp.insert("tryton-us".into(), asked);
    known
}

/// A call that ended otherwise.
pub fn failed(kind: CallErrorKind) -> CallError {
    let detail = "internal words of the product".into();
    CallError { kind, connection: "hubspot-main".into(), operation: "read quote", detail }
}
