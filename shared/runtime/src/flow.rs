//! What the event functions share: committing a group, opening the systems of an engagement,
//! and ending a workflow's run one way or the other.

use std::future::Future;
use std::sync::Arc;

use connectors::operation::CustomerRecord;
use connectors::role::{Crm, Erp, Psa};
use domain::engagement::SystemRecords;
use domain::problem::ProblemCode;
use domain::routing::{AssignedSystems, Sold};
use domain::{Engagement, Problem, TenantConfig};
use events::Envelope;
use journal::{Commit, Committed};
use uuid::Uuid;
use workflow::{LeaseError, Purpose, Run, RunKey, StepError, Workflow};

use crate::connect::ConnectError;
use crate::context::Context;
use crate::failure::{Failure, Outcome};

type Answers = Vec<(Uuid, Result<Outcome, Failure>)>;

/// Handles each event of a group by itself, one after the other: they are about one subject.
pub async fn each<'a, F, Fut>(group: &'a [Envelope], handle: F) -> Answers
where
    F: Fn(&'a Envelope) -> Fut,
    Fut: Future<Output = Result<Outcome, Failure>>,
{
    let mut answers = Vec::new();
    for event in group {
        answers.push((event.id, handle(event).await));
    }
    answers
}

/// Takes up the run of a workflow that an event is about, for what this context is there for.
///
/// # Errors
/// [`LeaseError::Ended`] when there is nothing to do, [`LeaseError::Busy`] when somebody else is at it.
pub async fn begin(
    context: &Context,
    event: &Envelope,
    workflow: Workflow,
    run: &str,
) -> Result<Run, LeaseError> {
    let key = RunKey { tenant: &event.tenant, subject: &event.subject, workflow, run };
    Run::begin(&context.journal, &context.clock, key, context.lease, &context.purpose).await
}

/// Takes back what a run did, after its flow was followed as far as it had got.
async fn take_back(
    context: &Context,
    run: Run,
    event: &Envelope,
    followed: Result<Outcome, StepError>,
) -> Result<Outcome, Failure> {
    match followed {
        Ok(_) | Err(StepError::NotBegun { .. }) => {}
        Err(error) => return stopped(context, run, event, error, &|_| vec![]).await,
    }
    let problem = match run.compensate().await {
        Ok(compensated) if compensated.left.is_empty() => return Ok(Outcome::Applied),
        Ok(compensated) => {
            let left = compensated.left.iter().map(|(step, why)| format!("{step}: {why}"));
            Problem::new(ProblemCode::WithdrawalIncomplete, left.collect::<Vec<_>>().join("; "))
        }
        // What a product refuses to take back, a person must look at; the rest is tried again.
        Err(error) => error.problem().ok_or(error)?,
    };
    context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    Ok(Outcome::Held)
}

/// Ends a run: taken back where that is the purpose; completed when its steps were done, held as an exception when a person must
/// settle something, otherwise left for the message's next delivery.
///
/// # Errors
/// [`Failure`] in the last case.
pub async fn conclude(
    context: &Context,
    run: Run,
    event: &Envelope,
    result: Result<Outcome, StepError>,
) -> Result<Outcome, Failure> {
    conclude_telling(context, run, event, result, &|_| vec![]).await
}

/// The same; where a person must settle something, `also` is told with the exception, as often as it is raised.
///
/// # Errors
/// [`Failure`] where the run is left for the message's next delivery.
pub async fn conclude_telling(
    context: &Context,
    run: Run,
    event: &Envelope,
    result: Result<Outcome, StepError>,
    also: &(dyn Fn(&Problem) -> Vec<Envelope> + Sync),
) -> Result<Outcome, Failure> {
    if let Purpose::Undo(_) = context.purpose {
        return take_back(context, run, event, result).await;
    }
    match result {
        Ok(Outcome::Held) => {
            run.hold().await?;
            Ok(Outcome::Held)
        }
        Ok(outcome) => {
            run.complete().await?;
            Ok(outcome)
        }
        Err(error) => stopped(context, run, event, error, also).await,
    }
}

/// Asks whether a run is still held, before a person is told of what it found: whoever stood still for long
/// may be telling of what its successor has put right.
///
/// # Errors
/// [`LeaseError::Superseded`] when somebody took the run over.
pub async fn still_held(context: &Context, run: &Run) -> Result<(), LeaseError> {
    match context.journal.commit(Commit::default().write(run.fence())).await? {
        Committed::Done => Ok(()),
        Committed::Rejected(_) | Committed::Contended => Err(LeaseError::Superseded),
    }
}

/// A run that can't go on: held where a person must settle something, else left for the message's
/// next delivery.
async fn stopped(
    context: &Context,
    run: Run,
    event: &Envelope,
    error: StepError,
    also: &(dyn Fn(&Problem) -> Vec<Envelope> + Sync),
) -> Result<Outcome, Failure> {
    // Nobody has to be told again and nothing is tried again: the answer brings the event back.
    if let StepError::AwaitsApproval { .. } = error {
        run.hold().await?;
        return Ok(Outcome::Parked);
    }
    match error.problem() {
        Some(problem) => {
            still_held(context, &run).await?;
            let now = context.clock.now();
            let also = also(&problem);
            context.journal.raise(context.function, event, problem, also, now).await?;
            run.hold().await?;
            Ok(Outcome::Held)
        }
        None => {
            let failure = Failure::from(error);
            // A run that was taken over, or can't be written, frees itself when its lease ends.
            if let Err(lease) = run.pause().await {
                tracing::warn!(reason = %lease, "lease not given back");
            }
            Err(failure)
        }
    }
}

/// How the crosswalk calls the CRM's record of an engagement.
pub const DEAL: &str = "deal";
/// How it calls the PSA's.
pub const PROJECT: &str = "project";
/// How it calls the ERP's.
pub const BILLING_PLAN: &str = "billing-plan";

/// The systems that serve an engagement: those that it was set up in.
pub struct Systems {
    /// Its CRM.
    pub crm: Arc<dyn Crm>,
    /// Its PSA.
    pub psa: Arc<dyn Psa>,
    /// The ERP of its legal entity.
    pub erp: Arc<dyn Erp>,
}

impl Systems {
    /// The connections of an engagement's systems. One that was set up before its systems were
    /// recorded has those that its records are linked in, or, before there are records, those that
    /// the rules in force today give it.
    ///
    /// # Errors
    /// When neither says which.
    pub async fn assigned(
        context: &Context,
        config: &TenantConfig,
        engagement: &Engagement,
    ) -> Result<AssignedSystems, ConnectError> {
        if let Some(assigned) = &engagement.systems {
            return Ok(assigned.clone());
        }
        let sold = Sold::by_contract(&engagement.contract, &engagement.customer_record);
        let today = context.business_day(config).map_err(ConnectError::Unknown)?;
        let by_rules = AssignedSystems::of(&sold, config, today);
        let links = context.journal.crosswalk_of(&config.tenant, engagement.engagement.as_str()).await?;
        let linked = |kind| links.iter().find(|l| l.record_kind == kind).map(|l| l.connection.clone());
        match (linked(DEAL), linked(PROJECT), linked(BILLING_PLAN)) {
            (Some(crm), Some(psa), Some(erp)) => Ok(match by_rules {
                Ok(rules) => AssignedSystems { crm, psa, erp, ..rules },
                Err(_) => AssignedSystems {
                    crm,
                    psa,
                    erp,
                    tax_engine: None,
                    posting_rules: None,
                    invoice_format: None,
                    revenue_engine: None,
                    config_version: config.version,
                },
            }),
            _ => by_rules.map_err(|none| ConnectError::Unknown(none.to_string())),
        }
    }

    /// Opens the systems of an engagement.
    ///
    /// # Errors
    /// When one is not configured, or its credentials can't be read.
    pub async fn open(
        context: &Context,
        config: &TenantConfig,
        engagement: &Engagement,
    ) -> Result<Self, ConnectError> {
        let assigned = Self::assigned(context, config, engagement).await?;
        Ok(Self {
            crm: context.connect.crm(&assigned.crm).await?,
            psa: context.connect.psa(&assigned.psa).await?,
            erp: context.connect.erp(&assigned.erp).await?,
        })
    }

    /// The customer account that activation recorded on an engagement.
    ///
    /// # Errors
    /// A problem when the engagement was never set up in the ERP.
    pub fn customer_account(records: &SystemRecords) -> Result<CustomerRecord, Problem> {
        match (&records.customer_account, &records.customer_address) {
            (Some(record), Some(address)) => Ok(CustomerRecord {
                record: record.clone(),
                address: address.clone(),
                tax_registration: None,
                adopted: true,
            }),
            _ => Err(Problem::new(
                ProblemCode::IllegalEvent,
                "the engagement has no customer account in its ERP",
            )),
        }
    }
}
