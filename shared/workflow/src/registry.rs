/// Every workflow of the product. One that is not listed can't be begun, and the tests go through
/// this list: what is added here is tried with every failure at every step, or does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workflow {
    /// An approved quote becomes records in ERP, PSA and CRM; one run per engagement.
    Activation,
    /// An invoice is made and posted in the ERP; one run per invoice.
    Invoice,
    /// A posted invoice is shown in PSA and CRM; one run per invoice, and one per change of its collections.
    InvoiceStatus,
    /// A payment is booked in the ERP and shown in PSA and CRM; one run per payment.
    Payment,
    /// A change order is carried to ERP, PSA and CRM; one run per approval of a change order.
    ChangeOrder,
    /// A credit memo is made, posted and set off in the ERP; one run per credit memo.
    CreditMemo,
    /// What a credit memo changed of its invoice is shown in PSA and CRM; one run per credit memo.
    CreditMemoStatus,
}

impl Workflow {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Activation,
        Self::Invoice,
        Self::InvoiceStatus,
        Self::Payment,
        Self::ChangeOrder,
        Self::CreditMemo,
        Self::CreditMemoStatus,
    ];

    /// The name under which the journal keeps its runs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::Invoice => "invoice",
            Self::InvoiceStatus => "invoice-status",
            Self::Payment => "payment",
            Self::ChangeOrder => "change-order",
            Self::CreditMemo => "credit-memo",
            Self::CreditMemoStatus => "credit-memo-status",
        }
    }
}

/// What a run is taken up for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To be carried on to its end.
    #[default]
    Finish,
    /// To be taken back: the flow is followed as far as it got, nothing new is begun, and every
    /// step that is found done is undone in reverse. Says who asked for it and why.
    Undo(String),
}
