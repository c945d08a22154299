//! What each system is told of a change order, each one durable step that can be taken back.

use connectors::operation::{
    AmendBillingPlan, ChangeMilestone, CreateAssignments, CreateTask, SetBudget, SetRateCard,
};
use domain::Contract;
use domain::change_order::{Change, ChangeOrder};
use domain::contract::PlannedRole;
use domain::engagement::Engagement;
use domain::money::Money;
use journal::JournalError;
use runtime::Systems;
use workflow::{Run, StepError};

/// The step that puts new roles on the project.
pub(crate) const ASSIGNMENTS: &str = "assignments";

/// Changes billing plan, project, rate card and assignments. The ERP first: it is the one that refuses most.
pub(crate) async fn change(
    run: &mut Run,
    systems: &Systems,
    engagement: &Engagement,
    order: &ChangeOrder,
) -> Result<(), StepError> {
    let id = &engagement.engagement;
    let plan = AmendBillingPlan {
        engagement: id.clone(),
        plan: recorded(engagement.records.billing_plan.as_ref(), "billing plan")?,
        from: order.from.clone(),
        to: order.to.clone(),
    };
    run.perform("billing-plan", systems.erp.connection(), &systems.erp, &plan).await?;
    let project = recorded(engagement.records.project.as_ref(), "project")?;
    let psa = systems.psa.connection().to_owned();
    let (before, after) = (budget(&order.from)?, budget(&order.to)?);
    if before != after {
        let set = SetBudget { project: project.clone(), before, after };
        run.perform("budget", &psa, &systems.psa, &set).await?;
    }
    for element in order.to.work.iter().filter(|e| !order.from.work.contains(e)) {
        let task = CreateTask {
            engagement: id.clone(),
            project: project.clone(),
            key: element.key.clone(),
            title: element.title.clone(),
        };
        run.perform(&format!("task {}", element.key), &psa, &systems.psa, &task).await?;
    }
    for changed in &order.changes {
        match changed {
            Change::Milestone { before, after } => {
                let key = after.as_ref().or(before.as_ref()).map(|m| m.key.clone()).unwrap_or_default();
                let change = ChangeMilestone {
                    engagement: id.clone(),
                    project: project.clone(),
                    before: before.clone(),
                    after: after.clone(),
                };
                run.perform(&format!("milestone {key}"), &psa, &systems.psa, &change).await?;
            }
            Change::RateCard { before, after } => {
                // A PSA's card knows roles and nobody's own rate.
                let (before, after) = (before.of_roles(), after.of_roles());
                if before == after {
                    continue;
                }
                let set = SetRateCard {
                    engagement: id.clone(),
                    project: project.clone(),
                    currency: order.to.currency,
                    before,
                    after,
                };
                run.perform("rate-card", &psa, &systems.psa, &set).await?;
            }
            // The billing plan has the charge; ceilings, prices of usage, deposits and terms are the contract's own.
            Change::RecurringCharge { .. }
            | Change::TimeCeiling { .. }
            | Change::Expenses { .. }
            | Change::Retainer { .. }
            | Change::Usage { .. }
            | Change::Deposit { .. }
            | Change::Term { .. } => {}
        }
    }
    staff(run, systems, engagement, order, project).await
}

/// Puts roles that are new on the project. One that is not sold any more stays there, released: somebody
/// may have worked in it.
async fn staff(
    run: &mut Run,
    systems: &Systems,
    engagement: &Engagement,
    order: &ChangeOrder,
    project: String,
) -> Result<(), StepError> {
    let is_new = |role: &&PlannedRole| order.from.staffing.iter().all(|known| known.key != role.key);
    let roles: Vec<PlannedRole> = order.to.staffing.iter().filter(is_new).cloned().collect();
    if !roles.is_empty() {
        let create = CreateAssignments { engagement: engagement.engagement.clone(), project, roles };
        run.perform(ASSIGNMENTS, systems.psa.connection(), &systems.psa, &create).await?;
    }
    Ok(())
}

/// What a contract comes to.
pub(crate) fn value(contract: &Contract) -> Result<Money, JournalError> {
    contract.value().map_err(|e| JournalError::Decision(e.to_string()))
}

fn budget(contract: &Contract) -> Result<Money, JournalError> {
    contract.budget().map_err(|e| JournalError::Decision(e.to_string()))
}

fn recorded(record: Option<&String>, what: &str) -> Result<String, JournalError> {
    record.cloned().ok_or_else(|| JournalError::Decision(format!("the engagement has no {what}")))
}
