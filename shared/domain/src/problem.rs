//! What can go wrong in the business, who can fix it and how.
//!
//! Each code has a page in `docs/errors/` with cause and remedy; the pages are compiled in,
//! so that every surface (console, API, command line) shows the same words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::Money;

/// The function of the firm that owns an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Quotes, prices and terms as sold.
    SalesOperations,
    /// Customer and entity records.
    MasterData,
    /// Tax registrations and tax engines.
    Tax,
    /// Contracts, catalog, templates and rate cards.
    Contracts,
    /// Invoices, cash and credit.
    FinanceOperations,
    /// Connections, mappings and delivery of messages.
    Integration,
}

impl Owner {
    /// Every owner.
    pub const ALL: [Self; 6] = [
        Self::SalesOperations,
        Self::MasterData,
        Self::Tax,
        Self::Contracts,
        Self::FinanceOperations,
        Self::Integration,
    ];

    /// The owner as it is written in JSON, in DynamoDB and in the console.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SalesOperations => "sales-operations",
            Self::MasterData => "master-data",
            Self::Tax => "tax",
            Self::Contracts => "contracts",
            Self::FinanceOperations => "finance-operations",
            Self::Integration => "integration",
        }
    }
}

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $owner:ident, $retryable:literal;)*) => {
        /// A numbered kind of problem. The number is stable; pages, alarms and runbooks cite it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl ProblemCode {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code as people cite it, for example `Q2C-0105`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Who can fix it.
            #[must_use]
            pub const fn owner(self) -> Owner {
                match self { $(Self::$variant => Owner::$owner,)* }
            }

            /// Whether the same attempt can succeed later without anyone changing anything.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// Its page: cause and remedy in words a finance person understands (Markdown).
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../../../docs/errors/", $code, ".md")),)*
                }
            }
        }
    };
}

problems! {
    /// The quote is not in an approved state when it is read back.
    QuoteNotApproved = "Q2C-0101", SalesOperations, false;
    /// The customer lacks a name, an address or a country.
    CustomerIncomplete = "Q2C-0102", MasterData, false;
    /// The selling legal entity is missing or not configured.
    LegalEntityInvalid = "Q2C-0103", MasterData, false;
    /// The legal entity does not sell in the quote's currency.
    CurrencyNotAllowed = "Q2C-0104", FinanceOperations, false;
    /// No tax registration, or no registration of the entity in the customer's country.
    TaxRegistrationMissing = "Q2C-0105", Tax, false;
    /// The payment terms are not among those agreed.
    PaymentTermsUnknown = "Q2C-0106", FinanceOperations, false;
    /// The ERP's account of the customer is on credit hold, or the deal exceeds its limit.
    CreditHold = "Q2C-0107", FinanceOperations, false;
    /// A sold line names a service that the catalog does not have, or bills it another way.
    ServiceUnknown = "Q2C-0108", Contracts, false;
    /// A price or rate is below the pricing policy.
    PriceBelowPolicy = "Q2C-0109", SalesOperations, false;
    /// The project template does not exist.
    ProjectTemplateMissing = "Q2C-0110", Contracts, false;
    /// The sold lines do not form a billing model that can be carried out.
    BillingModelInvalid = "Q2C-0111", Contracts, false;
    /// Another quote version was approved while this engagement is already set up.
    QuoteSuperseded = "Q2C-0112", Contracts, false;
    /// CRM and ERP disagree on whose subsidiary the customer is.
    HierarchyMismatch = "Q2C-0113", MasterData, false;
    /// The quote names no delivery owner, or one that is not configured.
    DeliveryOwnerInvalid = "Q2C-0114", Contracts, false;
    /// The ERP has accounts that may be the customer, and nothing decides which one is.
    CustomerAmbiguous = "Q2C-0115", MasterData, false;
    /// An event with a known ID arrived with another content.
    EventConflict = "Q2C-0201", Integration, false;
    /// An event that the engagement's state does not allow.
    IllegalEvent = "Q2C-0202", Integration, false;
    /// An authentic notification that could not be translated.
    Untranslatable = "Q2C-0203", Integration, false;
    /// A message that failed until its queue gave up.
    DeliveryFailed = "Q2C-0204", Integration, false;
    /// A change of a field came from a system that does not own it.
    NotSystemOfRecord = "Q2C-0205", MasterData, false;
    /// No rate was in force for the role on the day worked.
    NoRateInForce = "Q2C-0301", Contracts, false;
    /// Billing the item would exceed the contract's ceiling.
    CeilingExceeded = "Q2C-0302", Contracts, false;
    /// An approved entry changed after it became a billable line.
    EntryChanged = "Q2C-0303", FinanceOperations, false;
    /// A completed milestone that the contract does not have.
    MilestoneUnknown = "Q2C-0304", Contracts, false;
    /// Who supplied the work, or at what price between legal entities, is not configured.
    NoResource = "Q2C-0305", Contracts, false;
    /// An approved expense that is to be passed on, on a contract that passes none on.
    ExpensesNotSold = "Q2C-0311", Contracts, false;
    /// An expense in another currency than the contract's.
    ExpenseCurrency = "Q2C-0312", FinanceOperations, false;
    /// An expense of less than nothing.
    ExpenseNegative = "Q2C-0313", FinanceOperations, false;
    /// A period of a recurring charge was billed with more than a change order leaves of it.
    ChargeOverbilled = "Q2C-0321", FinanceOperations, false;
    /// Lines that can't be written off: they are not there, or an invoice owns them.
    WriteOffRefused = "Q2C-0331", FinanceOperations, false;
    /// A record of usage of a meter that the contract does not sell.
    UsageNotSold = "Q2C-0341", Contracts, false;
    /// A record of usage on a day on which its meter is not sold, or that has not come yet.
    UsageOutsideTerm = "Q2C-0342", Contracts, false;
    /// A record of usage came again with another content.
    UsageChanged = "Q2C-0343", FinanceOperations, false;
    /// A correction of usage would leave a month with less than nothing.
    UsageBelowZero = "Q2C-0344", FinanceOperations, false;
    /// A record of usage that can't be counted as it is.
    UsageInvalid = "Q2C-0345", Integration, false;
    /// An entry that was drawn from a retainer came again with another content.
    DrawdownChanged = "Q2C-0351", FinanceOperations, false;
    /// A change order ends a retainer within a period of which more was drawn than it buys then.
    RetainerOverdrawn = "Q2C-0352", FinanceOperations, false;
    /// What the ERP posted differs from what was submitted.
    InvoiceMismatch = "Q2C-0401", FinanceOperations, false;
    /// The seller of an earned line is not configured, or does not sell in its currency.
    LineEntityInconsistent = "Q2C-0402", MasterData, false;
    /// The cost centre of an earned line is not listed, or was closed on the day.
    LineCostCentreInconsistent = "Q2C-0403", FinanceOperations, false;
    /// Contract, customer and configuration do not agree on how an earned line is taxed.
    LineTaxInconsistent = "Q2C-0404", Tax, false;
    /// The customer of an earned line belongs to another company than when it was sold to.
    LineHierarchyInconsistent = "Q2C-0405", MasterData, false;
    /// A person holds an earned line.
    LineHeldByPerson = "Q2C-0406", FinanceOperations, false;
    /// A hold or release that came when nothing could be held or released any more.
    HoldRefused = "Q2C-0407", FinanceOperations, false;
    /// An invoice can't be made, because a system has been out of reach for long.
    InvoiceDelayed = "Q2C-0408", FinanceOperations, true;
    /// A credit memo that can't be granted on what is billed and credited already.
    CreditMemoInvalid = "Q2C-0411", FinanceOperations, false;
    /// What the ERP posted as a credit memo differs from what was asked for.
    CreditMemoMismatch = "Q2C-0412", FinanceOperations, false;
    /// A credit note was issued in the ERP by hand.
    CreditedByHand = "Q2C-0413", FinanceOperations, false;
    /// A payment names no invoice that we know.
    PaymentUnmatched = "Q2C-0501", FinanceOperations, false;
    /// A payment is larger than what is open on its invoice.
    Overpayment = "Q2C-0502", FinanceOperations, false;
    /// A payment's currency differs from its invoice's.
    PaymentCurrency = "Q2C-0503", FinanceOperations, false;
    /// Money of a payment went back whose receipt nobody told.
    PaymentUnknown = "Q2C-0504", FinanceOperations, false;
    /// A payment names invoices of several customers, or in several ERPs.
    PaymentAcrossAccounts = "Q2C-0505", FinanceOperations, false;
    /// A notice contradicts what is known of its payment.
    PaymentNoticeInvalid = "Q2C-0506", FinanceOperations, false;
    /// An application that a person asked for can't be carried out any more.
    ApplicationRefused = "Q2C-0507", FinanceOperations, false;
    /// A payer disputes a payment.
    PaymentDisputed = "Q2C-0508", FinanceOperations, false;
    /// A dispute of an invoice that can't be recorded on what is billed, credited and contested already.
    DisputeRefused = "Q2C-0521", FinanceOperations, false;
    /// A resolution of an invoice dispute that has ended, is not there, or names what does not fit.
    DisputeResolutionRefused = "Q2C-0522", FinanceOperations, false;
    /// A change order that can't be carried out on what is billed or agreed already.
    ChangeOrderInvalid = "Q2C-0601", Contracts, false;
    /// A system refused its part of a change order; what the others had done of it was taken back.
    ChangeOrderRefused = "Q2C-0602", Contracts, false;
    /// A system holds something else than the contract in force.
    ContractDiffers = "Q2C-0603", Contracts, false;
    /// The PSA reports that the project of an active engagement is stopped or archived.
    ProjectStopped = "Q2C-0604", Contracts, false;
    /// Revenue was told of a month that is closed in the books.
    RevenueLate = "Q2C-0701", FinanceOperations, false;
    /// A product refused a call for a business reason.
    ProductRefused = "Q2C-0901", Integration, false;
    /// A product answered something other than what it was sent.
    ProductMismatch = "Q2C-0902", Integration, false;
    /// A connection is missing, or its credentials were refused.
    ConnectionInvalid = "Q2C-0903", Integration, true;
    /// What a withdrawn flow made in another system could not all be taken back.
    WithdrawalIncomplete = "Q2C-0904", Integration, false;
}

/// One problem with one record: what failed, what is at stake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What kind of problem.
    pub code: ProblemCode,
    /// Who can fix it; follows from the code.
    pub owner: Owner,
    /// What failed, for people: names the record and the value.
    pub detail: String,
    /// The money that waits for the fix, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<Money>,
}

impl Problem {
    /// A problem with its detail for people.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, owner: code.owner(), detail: detail.into(), at_stake: None }
    }

    /// The same, naming the money that waits.
    #[must_use]
    pub fn with_stake(mut self, at_stake: Money) -> Self {
        self.at_stake = Some(at_stake);
        self
    }
}

/// One problem for each code, with the details of all its findings.
#[must_use]
pub fn merged(problems: Vec<Problem>) -> Vec<Problem> {
    let mut merged: Vec<Problem> = Vec::new();
    for problem in problems {
        match merged.iter_mut().find(|known| known.code == problem.code) {
            Some(known) => known.detail = format!("{}; {}", known.detail, problem.detail),
            None => merged.push(problem),
        }
    }
    merged
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves EXC-22 in part: every code has a page that says what it means, its cause and what to do.
    #[test]
    fn every_code_has_a_page_with_cause_and_remedy() {
        for code in ProblemCode::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {}", code.as_str())), "{code:?}: title");
            assert!(page.contains("\n## Cause\n"), "{code:?}: cause");
            assert!(page.contains("\n## Remedy\n"), "{code:?}: remedy");
            let owner = format!("Owner: {}", code.owner().as_str());
            assert!(page.contains(&owner), "{code:?}: {owner}");
        }
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = ProblemCode::ALL.iter().map(|c| c.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
    }
}
