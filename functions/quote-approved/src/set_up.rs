//! The records of an engagement in the other systems, each one durable step.

use std::collections::BTreeMap;

use connectors::operation::{
    CreateAssignments, CreateBillingPlan, CreateCustomer, CreateMilestone, CreateProject, CreateRateCard,
    CreateTask, CustomerRecord, LinkCustomer, Reference,
};
use domain::contract::WorkElement;
use domain::customer::OBJECT;
use domain::engagement::{Engagement, SystemRecords};
use domain::id::CustomerId;
use domain::{Contract, TenantConfig};
use journal::{CrosswalkEntry, JournalError};
use runtime::{BILLING_PLAN, DEAL, PROJECT, Systems};
use workflow::{Run, StepError};

use crate::customer::Found;

/// What the steps made.
pub(crate) struct SetUp {
    pub(crate) customer: CustomerRecord,
    /// The company that the customer belongs to: its global ID and its account.
    pub(crate) parent: Option<(CustomerId, CustomerRecord)>,
    pub(crate) billing_plan: Reference,
    pub(crate) project: Reference,
    /// The PSA's ID of the assignment of each planned role, by the role's key.
    pub(crate) assignments: BTreeMap<String, String>,
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
        let (crm, erp) = (systems.crm.connection(), systems.erp.connection());
        let customer = &engagement.customer_record;
        let mut pairs = vec![
            pair(engagement.customer.as_str(), erp, OBJECT, &self.customer.record),
            pair(engagement.customer.as_str(), crm, OBJECT, &customer.company),
            pair(&id, erp, BILLING_PLAN, &self.billing_plan.record),
            pair(&id, systems.psa.connection(), PROJECT, &self.project.record),
            pair(&id, crm, DEAL, &engagement.deal),
        ];
        if let (Some((parent, account)), Some(record)) = (&self.parent, &customer.parent) {
            pairs.push(pair(parent.as_str(), erp, OBJECT, &account.record));
            pairs.push(pair(parent.as_str(), crm, OBJECT, &record.company));
        }
        pairs
    }
}

/// Creates the customer, below the company that it belongs to, and the billing plan in the ERP, and
/// the project with tasks, milestones, rate card and assignments in the PSA.
pub(crate) async fn set_up(
    run: &mut Run,
    config: &TenantConfig,
    systems: &Systems,
    engagement: &Engagement,
    found: Option<&Found>,
) -> Result<SetUp, StepError> {
    let contract = &engagement.contract;
    let erp = systems.erp.connection().to_owned();
    let parent = parent_of(run, systems, engagement, found).await?;
    let customer = CreateCustomer {
        customer: engagement.customer.clone(),
        record: engagement.customer_record.clone(),
        payment_terms: contract.payment_terms.clone(),
        account: found.and_then(|f| f.account.clone()),
    };
    let customer = run.perform("customer", &erp, &systems.erp, &customer).await?;
    if let Some((_, parent)) = &parent {
        let link = LinkCustomer { account: customer.record.clone(), parent: parent.record.clone() };
        run.perform("hierarchy", &erp, &systems.erp, &link).await?;
    }
    let plan = CreateBillingPlan {
        engagement: engagement.engagement.clone(),
        customer: customer.clone(),
        contract: contract.clone(),
    };
    let billing_plan = run.perform("billing-plan", &erp, &systems.erp, &plan).await?;
    let project = deliver(run, config, systems, engagement).await?;
    let assignments = staff(run, systems, engagement, &project).await?;
    Ok(SetUp { customer, parent, billing_plan, project, assignments })
}

/// The account of the company that the customer belongs to: the one that was found, else a new one.
async fn parent_of(
    run: &mut Run,
    systems: &Systems,
    engagement: &Engagement,
    found: Option<&Found>,
) -> Result<Option<(CustomerId, CustomerRecord)>, StepError> {
    let sold = engagement.customer_record.parent.as_deref();
    let (Some(record), Some(parent)) = (sold, found.and_then(|f| f.parent.as_ref())) else { return Ok(None) };
    let create = CreateCustomer {
        customer: parent.customer.clone(),
        record: record.clone(),
        payment_terms: engagement.contract.payment_terms.clone(),
        account: parent.account.clone(),
    };
    let account = run.perform("parent", systems.erp.connection(), &systems.erp, &create).await?;
    Ok(Some((parent.customer.clone(), account)))
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
    let rate_card = contract.rate_card.of_roles();
    if !rate_card.rates.is_empty() {
        let card = CreateRateCard {
            engagement: id.clone(),
            project: project.record.clone(),
            currency: contract.currency,
            rate_card,
        };
        run.perform("rate-card", &psa, &systems.psa, &card).await?;
    }
    Ok(project)
}

/// The roles that delivery needs, on the project for somebody to be named. One step, however many.
async fn staff(
    run: &mut Run,
    systems: &Systems,
    engagement: &Engagement,
    project: &Reference,
) -> Result<BTreeMap<String, String>, StepError> {
    if engagement.contract.staffing.is_empty() {
        return Ok(BTreeMap::new());
    }
    let create = CreateAssignments {
        engagement: engagement.engagement.clone(),
        project: project.record.clone(),
        roles: engagement.contract.staffing.clone(),
    };
    Ok(run.perform("assignments", systems.psa.connection(), &systems.psa, &create).await?.records)
}

/// The contract's work breakdown structure. A contract from before it had one goes by its template.
fn work_of(contract: &Contract, config: &TenantConfig) -> Vec<WorkElement> {
    if !contract.work.is_empty() {
        return contract.work.clone();
    }
    let tasks = config.project_template(&contract.project_template).map_or(&[][..], |t| &t.tasks);
    (1..).zip(tasks).map(|(n, title)| WorkElement { key: format!("T{n}"), title: title.clone() }).collect()
}
