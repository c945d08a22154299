//! The records of an engagement in the other systems, each one durable step.

use connectors::operation::{
    CreateBillingPlan, CreateCustomer, CreateMilestone, CreateProject, CreateRateCard, CreateTask,
    CustomerRecord, Reference, WriteDealStatus,
};
use domain::contract::WorkElement;
use domain::engagement::{Engagement, EngagementStatus, SystemRecords};
use domain::{Contract, TenantConfig};
use journal::{CrosswalkEntry, JournalError};
use runtime::Systems;
use workflow::{Run, StepError};

/// What the steps made.
pub(crate) struct SetUp {
    pub(crate) customer: CustomerRecord,
    pub(crate) billing_plan: Reference,
    pub(crate) project: Reference,
}

impl SetUp {
    /// The IDs that later flows need at hand.
    pub(crate) fn records(&self) -> SystemRecords {
        SystemRecords {
            customer_account: Some(self.customer.record.clone()),
            customer_address: Some(self.customer.address.clone()),
            billing_plan: Some(self.billing_plan.record.clone()),
            project: Some(self.project.record.clone()),
        }
    }

    /// The pairs of identifiers to keep for ever.
    pub(crate) fn crosswalk(&self, systems: &Systems, engagement: &Engagement) -> Vec<CrosswalkEntry> {
        let id = engagement.engagement.to_string();
        let pair = |global: &str, connection: &str, kind: &str, local: &str| CrosswalkEntry {
            global_id: global.to_owned(),
            connection: connection.to_owned(),
            record_kind: kind.to_owned(),
            local_id: local.to_owned(),
            engagement: id.clone(),
        };
        vec![
            pair(engagement.customer.as_str(), systems.erp.connection(), "customer", &self.customer.record),
            pair(&id, systems.erp.connection(), "billing-plan", &self.billing_plan.record),
            pair(&id, systems.psa.connection(), "project", &self.project.record),
            pair(&id, systems.crm.connection(), "deal", &engagement.deal),
        ]
    }
}

/// Creates the customer and the billing plan in the ERP, and the project with tasks,
/// milestones and rate card in the PSA.
pub(crate) async fn set_up(
    run: &mut Run,
    config: &TenantConfig,
    systems: &Systems,
    engagement: &Engagement,
) -> Result<SetUp, StepError> {
    let contract = &engagement.contract;
    let erp = systems.erp.connection().to_owned();
    let customer = CreateCustomer {
        customer: engagement.customer.clone(),
        record: engagement.customer_record.clone(),
        payment_terms: contract.payment_terms.clone(),
    };
    let customer = run.perform("customer", &erp, &systems.erp, &customer).await?;
    let plan = CreateBillingPlan {
        engagement: engagement.engagement.clone(),
        customer: customer.clone(),
        contract: contract.clone(),
    };
    let billing_plan = run.perform("billing-plan", &erp, &systems.erp, &plan).await?;
    let project = deliver(run, config, systems, engagement).await?;
    Ok(SetUp { customer, billing_plan, project })
}

/// The project in the PSA with everything delivery needs.
async fn deliver(
    run: &mut Run,
    config: &TenantConfig,
    systems: &Systems,
    engagement: &Engagement,
) -> Result<Reference, StepError> {
    let contract = &engagement.contract;
    let psa = systems.psa.connection().to_owned();
    let id = &engagement.engagement;
    let shell = CreateProject {
        engagement: id.clone(),
        title: format!("{}: {}", engagement.customer_record.name, contract.title),
        budget: contract.budget().map_err(|e| JournalError::Decision(e.to_string()))?,
    };
    let project = run.perform("project", &psa, &systems.psa, &shell).await?;
    for WorkElement { key, title } in work_of(contract, config) {
        let task =
            CreateTask { engagement: id.clone(), project: project.record.clone(), key: key.clone(), title };
        run.perform(&format!("task {key}"), &psa, &systems.psa, &task).await?;
    }
    for milestone in &contract.milestones {
        let create = CreateMilestone {
            engagement: id.clone(),
            project: project.record.clone(),
            milestone: milestone.clone(),
        };
        run.perform(&format!("milestone {}", milestone.key), &psa, &systems.psa, &create).await?;
    }
    if !contract.rate_card.rates.is_empty() {
        let card = CreateRateCard {
            engagement: id.clone(),
            project: project.record.clone(),
            currency: contract.currency,
            rate_card: contract.rate_card.clone(),
        };
        run.perform("rate-card", &psa, &systems.psa, &card).await?;
    }
    Ok(project)
}

/// The contract's work breakdown structure. A contract from before it had one goes by its template.
fn work_of(contract: &Contract, config: &TenantConfig) -> Vec<WorkElement> {
    if !contract.work.is_empty() {
        return contract.work.clone();
    }
    let tasks = config.project_template(&contract.project_template).map_or(&[][..], |t| &t.tasks);
    (1..).zip(tasks).map(|(n, title)| WorkElement { key: format!("T{n}"), title: title.clone() }).collect()
}

/// Shows the account team that the engagement is active.
pub(crate) async fn show_in_crm(
    run: &mut Run,
    systems: &Systems,
    engagement: &Engagement,
) -> Result<(), StepError> {
    let status = WriteDealStatus {
        deal: engagement.deal.clone(),
        engagement: engagement.engagement.clone(),
        customer: Some(engagement.customer.clone()),
        engagement_status: Some(EngagementStatus::Active),
        contract_version: Some(engagement.contract.version),
        contract_value: engagement.contract.value().ok(),
        invoice_number: None,
        invoice_status: None,
        invoice_total: None,
        tax: None,
        paid: None,
    };
    run.perform("deal-status", systems.crm.connection(), &systems.crm, &status).await?;
    Ok(())
}
