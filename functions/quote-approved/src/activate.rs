//! The activation workflow, from the first check to the released events.

use domain::activation::Trigger;
use domain::change_order::{Standing, standing};
use domain::engagement::{Engagement, EngagementStatus};
use domain::event::{CustomerCreated, EngagementActivated, EngagementHeld, Event, ProjectCreated};
use domain::id::{EngagementId, ExceptionId};
use domain::problem::{ProblemCode, merged};
use domain::{Condition, Problem, TenantConfig};
use events::Envelope;
use journal::{Commit, Committed, CrosswalkEntry, EntryOutcome, Item, JournalEntry, JournalError, Versioned};
use runtime::{
    Context, Failure, Outcome, Systems, begin, conclude, settle_all_but, show_engagement, still_held,
};
use workflow::{LeaseError, Run, StepError, Workflow};

use crate::Accepted;
use crate::accept::{Checked, accept, read_quote};
use crate::again::{again, change_order};
use crate::customer::keep;
use crate::readiness::{Readiness, confirm, kept};
use crate::set_up::{SetUp, set_up};
use crate::staffed::staffed;

/// Writers that may meet at one engagement while it is being activated (events being parked).
const MOST_ROUNDS: usize = 20;

/// The step that keeps the change order which follows the activation.
const FOLLOWED_BY: &str = "followed-by";

/// The one activation of an engagement.
pub(crate) const RUN: &str = "quote";

/// Takes a deal whose activation may begin to an active engagement, however often it is called.
pub(crate) async fn activate(
    context: &Context,
    event: &Envelope,
    trigger: Trigger<'_>,
) -> Result<Outcome, Failure> {
    let mut run = match begin(context, event, Workflow::Activation, RUN).await {
        Ok(run) => run,
        Err(LeaseError::Ended(status)) => return again(context, event, trigger, status).await,
        Err(other) => return Err(other.into()),
    };
    let result = Box::pin(steps(context, &mut run, event, trigger)).await;
    let outcome = conclude(context, run, event, result).await?;
    if outcome == Outcome::Applied {
        settle(context, event).await?;
    }
    Ok(outcome)
}

/// Settles what the activation was held for, once its run has ended and not before: until then an
/// exception may be all that is left to carry it on. Another quote of the same version stays a question.
pub(crate) async fn settle(context: &Context, event: &Envelope) -> Result<(), Failure> {
    let asked = |e: &Item| e.text("code") == Some(ProblemCode::QuoteSuperseded.as_str());
    Ok(settle_all_but(context, event, asked).await?)
}

async fn steps(
    context: &Context,
    run: &mut Run,
    event: &Envelope,
    trigger: Trigger<'_>,
) -> Result<Outcome, StepError> {
    let config = context.connect.tenant(&event.tenant).await?;
    let before: Option<Accepted> = run.recorded("accept")?;
    // Another announcement means that the quote or the customer was corrected. As long as nothing was
    // made anywhere, everything is read and checked again; after that the signed version stands.
    let corrected = before.as_ref().is_some_and(|a| a.event != event.id);
    let accepted = match before {
        Some(accepted) if !corrected => accepted,
        Some(accepted) if run.has_begun_beyond("accept") => {
            match superseded(context, event, &accepted, trigger).await? {
                Superseded::No => {}
                // What was begun is finished first; then the later version is a change order to it.
                Superseded::By(order) => run.note(FOLLOWED_BY, &order, "a later version follows").await?,
                Superseded::Unclear(problem) => {
                    hold(context, run, event, vec![problem]).await?;
                    return Ok(Outcome::Held);
                }
            }
            accepted
        }
        Some(_) | None => match accept(context, run, &config, event, trigger).await? {
            Checked::Accepted(accepted) => {
                run.note("accept", accepted.as_ref(), &accepted.summary()).await?;
                *accepted
            }
            Checked::Refused(problems) => {
                hold(context, run, event, problems).await?;
                return Ok(Outcome::Held);
            }
        },
    };
    let engagement = write_activating(context, run, event, &accepted).await?;
    let systems = Systems::open(context, &config, &engagement).await?;
    let made = set_up(run, &config, &systems, &engagement, accepted.found.as_ref()).await?;
    if let Readiness::Differs(problem) = confirm(context, run, event, &systems, &engagement).await? {
        hold(context, run, event, vec![problem]).await?;
        return Ok(Outcome::Held);
    }
    run.may_begin("finish")?;
    let setting = Setting { config: &config, systems: &systems, accepted: &accepted, made: &made };
    finish(context, run, event, &setting).await?;
    show_engagement(context, run, event, &systems).await?;
    Ok(Outcome::Applied)
}

/// How the approved quote stands to the version that is being set up.
enum Superseded {
    /// It is that version, or an older one.
    No,
    /// It is a later version, or has further statements of work, which are to follow as this change order.
    By(Box<Envelope>),
    /// It is another quote of the same version: a person must decide which of them was signed.
    Unclear(Problem),
}

async fn superseded(
    context: &Context,
    event: &Envelope,
    accepted: &Accepted,
    trigger: Trigger<'_>,
) -> Result<Superseded, StepError> {
    let quote = read_quote(context, trigger).await?;
    let contract = &accepted.contract;
    Ok(match standing(contract, &quote) {
        stands @ (Standing::Further | Standing::Statements) => {
            Superseded::By(Box::new(change_order(context, event, trigger, (&quote, stands))))
        }
        Standing::Older | Standing::InForce => Superseded::No,
        Standing::Another => Superseded::Unclear(Problem::new(
            ProblemCode::QuoteSuperseded,
            format!(
                "deal {}: quote {} was approved as version {} while quote {} of that version is being set up",
                trigger.deal, quote.number, quote.version, contract.quote_number
            ),
        )),
    })
}

/// Raises one exception per kind of finding, each to its owner, and tells everyone that the
/// engagement waits. What an earlier approval of the deal was held for and this one is not, is settled.
async fn hold(
    context: &Context,
    run: &Run,
    event: &Envelope,
    problems: Vec<Problem>,
) -> Result<(), StepError> {
    still_held(context, run).await?;
    let (journal, now) = (&context.journal, context.clock.now());
    let findings = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("|");
    let held = engagement_id(event)
        .map(|engagement| Event::from(EngagementHeld { engagement, problems: problems.clone() }))
        .map(|e| event.concluded(context.function, &event.subject, findings, e));
    let mut also: Vec<Envelope> = held.into_iter().collect();
    let mut standing = Vec::new();
    for problem in merged(problems) {
        standing.push(journal.raise(context.function, event, problem, std::mem::take(&mut also), now).await?);
    }
    let stands = |e: &Item| standing.iter().any(|id: &ExceptionId| e.text("exception") == Some(id.as_str()));
    Ok(settle_all_but(context, event, stands).await?)
}

fn engagement_id(event: &Envelope) -> Result<EngagementId, JournalError> {
    EngagementId::try_from(event.subject.clone()).map_err(|e| JournalError::Decision(e.to_string()))
}

/// Writes the engagement as activating, unless an earlier attempt did.
async fn write_activating(
    context: &Context,
    run: &Run,
    event: &Envelope,
    accepted: &Accepted,
) -> Result<Engagement, StepError> {
    let fresh = Engagement {
        systems: accepted.systems.clone(),
        ..Engagement::begin(
            engagement_id(event)?,
            accepted.deal.clone(),
            accepted.customer.clone(),
            accepted.record.clone(),
            accepted.contract.clone(),
        )
    };
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.engagement(&event.tenant, &event.subject).await?;
        let terms = |e: &Engagement| (e.contract.clone(), e.customer_record.clone(), e.systems.clone());
        let same = |e: &Engagement| terms(e) == terms(&fresh);
        if let Some(engagement) = known.body.filter(|e| e.status == EngagementStatus::Active || same(e)) {
            return Ok(engagement);
        }
        let now = context.clock.now();
        let write = context.journal.write_state(&event.tenant, &fresh, known.version, now)?;
        match context.journal.commit(Commit::default().write(write).write(run.fence())).await? {
            Committed::Done => return Ok(fresh),
            Committed::Rejected(r) if run.was_fenced_off(&r) => return Err(LeaseError::Superseded.into()),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}

/// The commit that makes the engagement active and releases whatever waited for it.
async fn finish(
    context: &Context,
    run: &Run,
    event: &Envelope,
    setting: &Setting<'_>,
) -> Result<(), StepError> {
    for _ in 0..MOST_ROUNDS {
        let known = context.journal.engagement(&event.tenant, &event.subject).await?;
        let active = known.body.as_ref().is_some_and(|e| e.status == EngagementStatus::Active);
        let commit = if active {
            // An earlier attempt got this far: this approval's own, or another's, which left no word of this one.
            let entry =
                JournalEntry::of(event, EntryOutcome::NoEffect, "active already", context.clock.now());
            Commit::default().entry(&event.tenant, &entry)?
        } else {
            activation(context, event, setting, known).await?.write(run.fence())
        };
        let commit = commit.emit(run.recorded::<Envelope>(FOLLOWED_BY)?);
        match context.journal.commit(commit).await? {
            Committed::Done => return Ok(()),
            Committed::Rejected(_) if active => return Ok(()),
            Committed::Rejected(r) if run.was_fenced_off(&r) => return Err(LeaseError::Superseded.into()),
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(event.subject.clone()).into())
}

/// What an activation has at hand when it ends.
struct Setting<'a> {
    config: &'a TenantConfig,
    systems: &'a Systems,
    accepted: &'a Accepted,
    made: &'a SetUp,
}

async fn activation(
    context: &Context,
    event: &Envelope,
    setting: &Setting<'_>,
    known: Versioned<Engagement>,
) -> Result<Commit, JournalError> {
    let Setting { config, systems, accepted, made } = *setting;
    let (tenant, now) = (event.tenant.as_str(), context.clock.now());
    let decision = |e: String| JournalError::Decision(e);
    let mut engagement = known.body.ok_or_else(|| decision(format!("{} vanished", event.subject)))?;
    engagement.records = made.records();
    let engagement =
        engagement.become_status(EngagementStatus::Active).map_err(|e| decision(e.to_string()))?;
    let id = engagement.engagement.to_string();
    let summary =
        format!("{} active: customer {}, project {}", id, made.customer.record, made.project.record);
    let mut commit = Commit::default()
        .entry(tenant, &JournalEntry::of(event, EntryOutcome::Applied, summary, now))?
        .write(context.journal.write_state(tenant, &engagement, known.version, now)?);
    let (writes, of_contract) = kept(context, event, &engagement, accepted).await?;
    commit.writes.extend(writes);
    for entry in made.crosswalk(systems, &engagement) {
        // A customer of an earlier deal is linked already; a link never changes.
        if context
            .journal
            .by_global_id(tenant, &entry.global_id, &entry.connection, &entry.record_kind)
            .await?
            .is_none()
            && linked_elsewhere(context, tenant, &entry).await?.is_none()
        {
            for write in entry.writes(tenant, event.id)? {
                commit = commit.write(write);
            }
        }
    }
    commit.writes.extend(keep(context, config, event, systems, accepted, made).await?);
    let (commit, staffing) = staffed(context, config, event, systems, &engagement, (made, commit)).await?;
    let outgoing = announced(systems, made, &engagement)?;
    let subject = &event.subject;
    let mut commit = commit.emit(
        outgoing
            .into_iter()
            .chain(of_contract)
            .chain(staffing)
            .enumerate()
            .map(|(i, e)| event.concluded(context.function, subject, i, e))
            .collect::<Vec<_>>(),
    );
    commit.release.push(Condition::EngagementActive);
    without_questions(context, event, commit).await
}

/// What everybody is told of an engagement that is active.
fn announced(systems: &Systems, made: &SetUp, engagement: &Engagement) -> Result<Vec<Event>, JournalError> {
    let fixed_fee = engagement.contract.fixed_fee().map_err(|e| JournalError::Decision(e.to_string()))?;
    Ok(vec![
        CustomerCreated {
            customer: engagement.customer.clone(),
            connection: systems.erp.connection().to_owned(),
            record: made.customer.record.clone(),
        }
        .into(),
        ProjectCreated {
            engagement: engagement.engagement.clone(),
            connection: systems.psa.connection().to_owned(),
            record: made.project.record.clone(),
        }
        .into(),
        EngagementActivated {
            engagement: engagement.engagement.clone(),
            deal: engagement.deal.clone(),
            customer: engagement.customer.clone(),
            contract_version: engagement.contract.version,
            fixed_fee,
        }
        .into(),
    ])
}

/// The commit, with what is still asked about the engagement given up: it goes on without an answer.
async fn without_questions(
    context: &Context,
    event: &Envelope,
    mut commit: Commit,
) -> Result<Commit, JournalError> {
    let (why, now) = ("the engagement is active", context.clock.now());
    let given_up = context.journal.supersede_approvals(&event.tenant, &event.subject, None, why, now).await?;
    commit.writes.extend(given_up.writes);
    commit.release.extend(given_up.release);
    Ok(commit)
}

async fn linked_elsewhere(
    context: &Context,
    tenant: &str,
    entry: &CrosswalkEntry,
) -> Result<Option<CrosswalkEntry>, JournalError> {
    context.journal.by_local_id(tenant, &entry.connection, &entry.record_kind, &entry.local_id).await
}
