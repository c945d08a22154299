//! Every route, once: what it is for, whom it admits. The table is the router and the catalog.

use serde::Serialize;

use crate::caller::Role::{self, Automation, Finance, Operations, Sales};
use crate::error::{ApiError, Kind};

/// What a route answers or does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Every route.
    Catalog,
    /// An engagement's state.
    Engagement,
    /// What happened to an engagement.
    Timeline,
    /// Who delivers an engagement.
    Staffing,
    /// Payments of an engagement.
    Payments,
    /// Where an engagement stands in money.
    Figures,
    /// Revenue events of an engagement.
    Revenue,
    /// Revenue events of a month.
    RevenueOfPeriod,
    /// A payment.
    Payment,
    /// Cash that is applied to nothing, with suggestions.
    Unmatched,
    /// Where a deal sits.
    Deal,
    /// A customer: identifiers and the ERP's verdict.
    Customer,
    /// All activation checks of a quote.
    Checks,
    /// An invoice.
    Invoice,
    /// The disputes of an invoice.
    Disputes,
    /// Open exceptions.
    Exceptions,
    /// Asks for the activation of a deal.
    Activate,
    /// Asks for the withdrawal of an engagement.
    Withdraw,
    /// Asks for an invoice of what is ready.
    RequestInvoice,
    /// Holds an invoice.
    HoldInvoice,
    /// Releases a held invoice.
    ReleaseInvoice,
    /// Holds a billable line.
    HoldLine,
    /// Releases a held line.
    ReleaseLine,
    /// What of an engagement can be billed, and what blocks the rest.
    BillingReadiness,
    /// Writes lines off.
    WriteOff,
    /// Asks for a credit memo of an invoice.
    RequestCreditMemo,
    /// Records a dispute of an invoice.
    RequestDispute,
    /// Ends a dispute of an invoice.
    ResolveDispute,
    /// Takes approved time.
    ReportTime,
    /// Takes approved expenses.
    ReportExpenses,
    /// Takes recorded usage.
    ReportUsage,
    /// Takes completed milestones.
    ReportMilestones,
    /// Applies unapplied cash of a payment.
    ApplyCash,
}

/// The business domain of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// Customers, quotes, contracts.
    CustomerAndContract,
    /// Projects and their set-up.
    ProjectAndResource,
    /// What makes something billable.
    BillingEvent,
    /// Invoices and cash.
    InvoiceAndPayment,
    /// Where things stand.
    Reporting,
}

/// What a route stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Wraps one product.
    System,
    /// Runs or feeds a flow across products.
    Process,
    /// Serves an audience with what it needs in one call.
    Experience,
}

/// How a route is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// The answer is in the reply.
    Synchronous,
    /// A canonical event is put on its way.
    Asynchronous,
    /// Many records in one call; each becomes an event.
    Batch,
}

/// One route.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, with its parameters in braces, as the template has it.
    pub path: &'static str,
    /// What it does.
    #[serde(skip)]
    pub action: Action,
    /// Business domain.
    pub domain: Domain,
    /// Tier.
    pub tier: Tier,
    /// How it is used.
    pub style: Style,
    /// Whom it admits.
    pub roles: &'static [Role],
    /// What it is for, in a line.
    pub summary: &'static str,
}

impl Route {
    /// Whether it changes something and so needs a body and an idempotency key.
    #[must_use]
    pub const fn is_command(&self) -> bool {
        !matches!(self.style, Style::Synchronous)
    }
}

const EVERYBODY: &[Role] = &[Sales, Finance, Operations, Automation];
/// Who may see invoices, payments and what they come to.
pub(crate) const SEES_MONEY: &[Role] = &[Finance, Operations, Automation];

const fn route(
    (method, path): (&'static str, &'static str),
    action: Action,
    (domain, tier, style): (Domain, Tier, Style),
    roles: &'static [Role],
    summary: &'static str,
) -> Route {
    Route { method, path, action, domain, tier, style, roles, summary }
}

use Domain::{BillingEvent, CustomerAndContract, InvoiceAndPayment, ProjectAndResource, Reporting};
use Style::{Asynchronous, Batch, Synchronous};
use Tier::{Experience, Process, System};

/// Every route.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    route(("GET", "/v1/catalog"), Action::Catalog, (Reporting, Experience, Synchronous), EVERYBODY,
        "Every route with its domain, tier, style and roles."),
    route(("GET", "/v1/engagements/{engagement}"), Action::Engagement, (ProjectAndResource, Process, Synchronous), EVERYBODY,
        "Status, contract in force, records in each system, open exceptions."),
    route(("GET", "/v1/engagements/{engagement}/timeline"), Action::Timeline, (Reporting, Experience, Synchronous), SEES_MONEY,
        "What happened to an engagement, oldest first."),
    route(("GET", "/v1/engagements/{engagement}/staffing"), Action::Staffing, (ProjectAndResource, Process, Synchronous), EVERYBODY,
        "Who delivers an engagement, at which rates, and where its project stands."),
    route(("GET", "/v1/engagements/{engagement}/payments"), Action::Payments, (InvoiceAndPayment, Process, Synchronous), SEES_MONEY,
        "Payments of an engagement and what each was applied to."),
    route(("GET", "/v1/engagements/{engagement}/figures"), Action::Figures, (Reporting, Experience, Synchronous), SEES_MONEY,
        "Contracted, earned, billed, deferred, unbilled, receivable, paid, backlog and forecast of an engagement."),
    route(("GET", "/v1/engagements/{engagement}/revenue-events"), Action::Revenue, (InvoiceAndPayment, Process, Synchronous), SEES_MONEY,
        "Revenue events of an engagement, each with what it leads back to."),
    route(("GET", "/v1/revenue-events"), Action::RevenueOfPeriod, (InvoiceAndPayment, Process, Synchronous), SEES_MONEY,
        "Revenue events to be posted in a month, page by page."),
    route(("GET", "/v1/deals/{connection}/{deal}"), Action::Deal, (Reporting, Experience, Synchronous), EVERYBODY,
        "Where a deal, its project and its invoices now sit."),
    route(("GET", "/v1/customers/{customer}"), Action::Customer, (CustomerAndContract, System, Synchronous), EVERYBODY,
        "A customer's records in each system, and hold and credit limit as the ERP has them now."),
    route(("GET", "/v1/quotes/{connection}/{deal}/checks"), Action::Checks, (CustomerAndContract, Process, Synchronous), EVERYBODY,
        "Reads the quote and runs every check of the activation; writes nothing."),
    route(("GET", "/v1/invoices/{invoice}"), Action::Invoice, (InvoiceAndPayment, Process, Synchronous), SEES_MONEY,
        "An invoice's status, amounts, and what is open."),
    route(("GET", "/v1/payments/unmatched"), Action::Unmatched, (InvoiceAndPayment, Process, Synchronous), SEES_MONEY,
        "Payments with cash that is applied to no invoice, oldest first, with the invoices that they may be for."),
    route(("GET", "/v1/payments/{payment}"), Action::Payment, (InvoiceAndPayment, Process, Synchronous), SEES_MONEY,
        "A payment's status, what it is applied to and how fast, what went back."),
    route(("GET", "/v1/invoices/{invoice}/disputes"), Action::Disputes, (InvoiceAndPayment, Process, Synchronous), SEES_MONEY,
        "The disputes of an invoice, each with the evidence that the contested was billed on."),
    route(("GET", "/v1/exceptions"), Action::Exceptions, (Reporting, Experience, Synchronous), EVERYBODY,
        "Open exceptions of an owner, oldest first, with remedies."),
    route(("POST", "/v1/engagements"), Action::Activate, (ProjectAndResource, Process, Asynchronous), &[Sales, Operations, Automation],
        "Asks for the activation of a deal."),
    route(("POST", "/v1/engagements/{engagement}/withdrawal"), Action::Withdraw, (ProjectAndResource, Process, Asynchronous), &[Operations],
        "Asks that what is being set up is taken back."),
    route(("POST", "/v1/engagements/{engagement}/invoices"), Action::RequestInvoice, (InvoiceAndPayment, Process, Asynchronous), &[Finance, Automation],
        "Asks for an invoice of everything that is ready."),
    route(("GET", "/v1/engagements/{engagement}/billing-readiness"), Action::BillingReadiness, (BillingEvent, Experience, Synchronous), SEES_MONEY,
        "What of an engagement can be billed by when, what blocks the rest, and a score."),
    route(("POST", "/v1/invoices/{invoice}/hold"), Action::HoldInvoice, (InvoiceAndPayment, Process, Asynchronous), &[Finance],
        "Asks that an invoice is not posted before it is released."),
    route(("POST", "/v1/invoices/{invoice}/release"), Action::ReleaseInvoice, (InvoiceAndPayment, Process, Asynchronous), &[Finance],
        "Asks that a held invoice goes on."),
    route(("POST", "/v1/engagements/{engagement}/lines/{line}/hold"), Action::HoldLine, (BillingEvent, Process, Asynchronous), &[Finance, Operations],
        "Asks that a billable line is not invoiced before it is released."),
    route(("POST", "/v1/engagements/{engagement}/lines/{line}/release"), Action::ReleaseLine, (BillingEvent, Process, Asynchronous), &[Finance, Operations],
        "Asks that a held line is looked at again and may be invoiced."),
    route(("POST", "/v1/engagements/{engagement}/write-offs"), Action::WriteOff, (BillingEvent, Process, Asynchronous), &[Finance],
        "Takes lines that are not to be billed out of the work in progress."),
    route(("POST", "/v1/invoices/{invoice}/credit-memos"), Action::RequestCreditMemo, (InvoiceAndPayment, Process, Asynchronous), &[Finance],
        "Asks that lines, or a part of the price, are taken off a posted invoice."),
    route(("POST", "/v1/invoices/{invoice}/disputes"), Action::RequestDispute, (InvoiceAndPayment, Process, Asynchronous), &[Finance],
        "Records that a customer contests a posted invoice, whole or some of its lines."),
    route(("POST", "/v1/invoices/{invoice}/disputes/{dispute}/resolution"), Action::ResolveDispute, (InvoiceAndPayment, Process, Asynchronous), &[Finance],
        "Ends a dispute of an invoice: upheld, rejected or settled."),
    route(("POST", "/v1/engagements/{engagement}/time"), Action::ReportTime, (BillingEvent, Process, Batch), &[Operations, Automation],
        "Takes approved time, up to a hundred entries."),
    route(("POST", "/v1/engagements/{engagement}/expenses"), Action::ReportExpenses, (BillingEvent, Process, Batch), &[Operations, Automation],
        "Takes approved expenses, up to a hundred."),
    route(("POST", "/v1/engagements/{engagement}/usage"), Action::ReportUsage, (BillingEvent, Process, Batch), &[Operations, Automation],
        "Takes approved records of usage, up to a hundred."),
    route(("POST", "/v1/engagements/{engagement}/milestones"), Action::ReportMilestones, (BillingEvent, Process, Batch), &[Operations, Automation],
        "Takes completed and accepted milestones, up to a hundred."),
    route(("POST", "/v1/payments/{payment}/applications"), Action::ApplyCash, (InvoiceAndPayment, Process, Asynchronous), &[Finance],
        "Applies unapplied cash of a payment to invoices."),
];

/// The route of a call.
pub(crate) fn find(method: &str, path: &str) -> Result<&'static Route, ApiError> {
    let at: Vec<&'static Route> = ROUTES.iter().filter(|r| r.path == path).collect();
    let allow = match at[..] {
        [] => return Err(ApiError::new(Kind::NoSuchRoute, "there is no such route")),
        [only] => only.method,
        // A path is read by one method and commanded by one.
        _ => "GET, POST",
    };
    at.into_iter().find(|r| r.method == method).ok_or_else(|| ApiError::method_not_allowed(allow))
}
