//! The workflow of one credit memo: granted, made and posted in the ERP, taken off the invoice, set off.
//!
//! What is set off is decided by the commit that takes the credit memo off the invoice, and booked in the ERP after it,
//! as payments are: of a payment and a credit memo that meet, each then books what was kept for it.

use connectors::operation::{CreateCreditMemo, CustomerRecord, PostCreditMemo, SetOffCreditMemo};
use domain::approval::{Approval, CREDIT_MEMO, Request};
use domain::credit_memo::{
    CreditMemo, CreditMemoRequested as Requested, CreditMemoStatus, PostedCredit, credit_lines,
};
use domain::id::EngagementId;
use domain::invoice::{Invoice, assemble};
use events::Envelope;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError, Versioned, Write};
use runtime::{Context, Credited, Outcome, Posting, Systems, record_credit, still_held};
use workflow::{Answer, Asking, Run, StepError};

/// Writers that may meet at one credit memo: its own posting may be told before the call has returned.
const MOST_ROUNDS: usize = 20;

fn decision(what: impl ToString) -> JournalError {
    JournalError::Decision(what.to_string())
}

/// One credit memo that is carried out.
pub(crate) struct CarryOut<'a> {
    pub(crate) context: &'a Context,
    pub(crate) event: &'a Envelope,
    pub(crate) owner: &'a EngagementId,
    pub(crate) asked: &'a Requested,
}

/// What finance said.
enum Granted {
    Yes,
    No(Box<Approval>),
    Over,
}

/// Where it is made: the systems, the customer's account, and the invoice.
struct Place {
    systems: Systems,
    customer: CustomerRecord,
    invoice: Invoice,
}

impl CarryOut<'_> {
    /// Carries it out, however often it is called.
    pub(crate) async fn to_the_end(&self, run: &mut Run) -> Result<Outcome, StepError> {
        match self.granted(run).await? {
            Granted::Yes => {}
            Granted::No(refused) => return self.refuse(run, &refused).await,
            // Refused by an attempt that did not get to end the run.
            Granted::Over => return Ok(Outcome::NoEffect),
        }
        let place = self.place().await?;
        let posted = self.in_the_erp(run, &place).await?;
        self.record(run, &place, &posted).await?;
        self.set_off(run, &place).await?;
        self.finish(run).await
    }

    async fn memo(&self) -> Result<(u64, CreditMemo), JournalError> {
        let (tenant, id) = (&self.event.tenant, &self.asked.credit_memo);
        let Versioned { version, body } = self.context.journal.credit_memo(tenant, self.owner, id).await?;
        Ok((version, body.ok_or_else(|| decision(format!("{id} vanished")))?))
    }

    async fn place(&self) -> Result<Place, StepError> {
        let (context, tenant) = (self.context, self.event.tenant.as_str());
        let engagement = context.journal.engagement(tenant, self.owner.as_str()).await?.body;
        let engagement = engagement.ok_or_else(|| decision(format!("{} is unknown", self.owner)))?;
        let invoice = context.journal.invoice(tenant, self.owner, &self.asked.invoice).await?.body;
        let invoice = invoice.ok_or_else(|| decision(format!("{} is unknown", self.asked.invoice)))?;
        let config = context.connect.tenant(tenant).await?;
        let systems = Systems::open(context, &config, &engagement).await?;
        let customer = Systems::customer_account(&engagement.records).map_err(decision)?;
        Ok(Place { systems, customer, invoice })
    }

    /// Whether it is granted. Where the tenant says nothing of credit memos, it is granted at once.
    async fn granted(&self, run: &Run) -> Result<Granted, StepError> {
        let (context, event) = (self.context, self.event);
        let config = context.connect.tenant(&event.tenant).await?;
        for _ in 0..MOST_ROUNDS {
            let (version, memo) = self.memo().await?;
            match memo.status {
                CreditMemoStatus::Requested => {}
                CreditMemoStatus::Rejected => return Ok(Granted::Over),
                CreditMemoStatus::Approved | CreditMemoStatus::Posted | CreditMemoStatus::Applied => {
                    return Ok(Granted::Yes);
                }
            }
            if let Some(rule) = config.approval_rule(CREDIT_MEMO) {
                let request = question(&memo);
                let asking = Asking { function: context.function, event, request: &request, rule };
                if let Answer::Denied(approval) = run.approval(asking).await? {
                    return Ok(Granted::No(Box::new(approval)));
                }
            }
            run.may_begin("approve")?;
            let write = self.become_status(&memo, CreditMemoStatus::Approved, version)?;
            if self.done(run, Commit::default().write(write)).await? {
                return Ok(Granted::Yes);
            }
        }
        Err(JournalError::Contended(self.asked.credit_memo.to_string()).into())
    }

    /// Not granted: the credit memo holds nothing any more, and the request is over.
    async fn refuse(&self, run: &Run, refused: &Approval) -> Result<Outcome, StepError> {
        for _ in 0..MOST_ROUNDS {
            run.may_begin("reject")?;
            let (version, memo) = self.memo().await?;
            let write = self.become_status(&memo, CreditMemoStatus::Rejected, version)?;
            let commit = self.entry(EntryOutcome::NoEffect, refused.summary())?.write(write);
            if self.done(run, commit).await? {
                return Ok(Outcome::NoEffect);
            }
        }
        Err(JournalError::Contended(self.asked.credit_memo.to_string()).into())
    }

    async fn in_the_erp(&self, run: &mut Run, place: &Place) -> Result<PostedCredit, StepError> {
        let (erp, invoice) = (&place.systems.erp, &place.invoice);
        let (_, memo) = self.memo().await?;
        let journal = &self.context.journal;
        let billed = journal.invoice_lines(&self.event.tenant, self.owner, &invoice.invoice).await?;
        let printed = assemble(invoice.untaxed.currency(), &billed).map_err(decision)?;
        let create = CreateCreditMemo {
            credit_memo: memo.credit_memo.clone(),
            invoice: invoice.invoice.clone(),
            customer: place.customer.clone(),
            payment_terms: invoice.payment_terms.clone(),
            tax_code: invoice.tax_code.clone(),
            reference: invoice.number.clone(),
            untaxed: memo.untaxed,
            lines: credit_lines(&memo, &printed).map_err(decision)?,
        };
        let draft = run.perform("create", erp.connection(), erp, &create).await?;
        let post = PostCreditMemo {
            credit_memo: memo.credit_memo.clone(),
            record: draft.record,
            untaxed: memo.untaxed,
        };
        run.perform("post", erp.connection(), erp, &post).await
    }

    /// Takes it off the invoice, unless the ERP's own word of its posting was quicker.
    async fn record(&self, run: &Run, place: &Place, posted: &PostedCredit) -> Result<(), StepError> {
        let (_, memo) = self.memo().await?;
        if memo.status.is_posted() {
            return Ok(());
        }
        run.may_begin("record")?;
        let connection = place.systems.erp.connection();
        let fence: Write = run.fence();
        let posting = Posting { connection, posted, entry: false, fence: Some(&fence) };
        match record_credit(self.context, self.event, self.owner, &memo.credit_memo, posting).await? {
            Credited::Now | Credited::Before => Ok(()),
            Credited::Differs(problem) => Err(StepError::Mismatch {
                step: "post".into(),
                connection: connection.into(),
                difference: problem.detail,
            }),
        }
    }

    /// Books in the ERP what was set off. Nothing, where all of the invoice was paid already.
    async fn set_off(&self, run: &mut Run, place: &Place) -> Result<(), StepError> {
        let (_, memo) = self.memo().await?;
        let Some(amount) = memo.set_off.filter(|amount| amount.is_positive()) else { return Ok(()) };
        let lacks = |what: &str| decision(format!("{} was posted without {what}", memo.credit_memo));
        let invoice = &place.invoice;
        let booking = SetOffCreditMemo {
            credit_memo: memo.credit_memo.clone(),
            record: memo.record.clone().ok_or_else(|| lacks("a record"))?,
            invoice_record: invoice
                .record
                .clone()
                .ok_or_else(|| decision(format!("{} has no record", invoice.invoice)))?,
            customer: place.customer.clone(),
            amount,
            on: memo.credited_on.ok_or_else(|| lacks("a date"))?,
        };
        let erp = &place.systems.erp;
        run.perform("set-off", erp.connection(), erp, &booking).await?;
        Ok(())
    }

    /// The last commit: what was set off is so in the ERP too, and the request has its entry.
    async fn finish(&self, run: &Run) -> Result<Outcome, StepError> {
        for _ in 0..MOST_ROUNDS {
            run.may_begin("finish")?;
            let (version, memo) = self.memo().await?;
            let number = memo.number.as_deref().unwrap_or_default();
            let summary = format!("{} of {} posted as {number}", memo.credit_memo, memo.untaxed);
            let mut commit = self.entry(EntryOutcome::Applied, summary)?;
            if memo.set_off.is_some_and(|amount| amount.is_positive()) {
                commit = commit.write(self.become_status(&memo, CreditMemoStatus::Applied, version)?);
            }
            if self.done(run, commit).await? {
                return Ok(Outcome::Applied);
            }
        }
        Err(JournalError::Contended(self.asked.credit_memo.to_string()).into())
    }

    fn entry(&self, outcome: EntryOutcome, summary: String) -> Result<Commit, JournalError> {
        let entry = JournalEntry::of(self.event, outcome, summary, self.context.clock.now());
        Commit::default().entry(&self.event.tenant, &entry)
    }

    fn become_status(
        &self,
        memo: &CreditMemo,
        status: CreditMemoStatus,
        version: u64,
    ) -> Result<Write, JournalError> {
        let next = memo.become_status(status).map_err(decision)?;
        let now = self.context.clock.now();
        self.context.journal.write_credit_memo(&self.event.tenant, &next, version, now)
    }

    /// Commits while the run is held. Gives whether it is done: by this commit, or by an earlier attempt whose entry
    /// stands.
    async fn done(&self, run: &Run, commit: Commit) -> Result<bool, StepError> {
        let ends = matches!(commit.writes.first(), Some(Write::Insert { .. }));
        match self.context.journal.commit(commit.write(run.fence())).await? {
            Committed::Done => Ok(true),
            Committed::Rejected(r) if ends && r.iter().any(|x| x.position == 0) => Ok(true),
            Committed::Rejected(_) => {
                still_held(self.context, run).await?;
                Ok(false)
            }
            Committed::Contended => Ok(false),
        }
    }
}

/// What is asked of finance. A credit memo never changes, so its ID stands for its content.
fn question(memo: &CreditMemo) -> Request {
    Request {
        what: CREDIT_MEMO.to_owned(),
        content: memo.credit_memo.to_string(),
        detail: format!(
            "{} before tax off {}, {} lines released{}, asked for by {}: {}",
            memo.untaxed,
            memo.invoice,
            memo.released().count(),
            if memo.rebill { " to be billed anew" } else { "" },
            memo.requested_by,
            memo.reason
        ),
        at_stake: Some(memo.untaxed),
    }
}
