//! What may go wrong, where, and how often in one history.

use crate::world::{CRM, ERP, PSA};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$item_doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

named! {
    /// What may go wrong.
    Fault {
        /// The process dies before the call has its effect.
        CrashBefore = "crash before",
        /// The process dies after the effect and before the answer.
        CrashAfter = "crash after",
        /// The effect happened; the caller is told that the call failed.
        AnswerLost = "answer lost",
        /// The table throttles; the bus, a queue or a product can't be reached. Nothing happened.
        Unavailable = "unavailable",
        /// Another transaction is at the same items.
        Contention = "contention",
        /// The call takes seconds.
        Slow = "slow",
        /// The process stands still for longer than its lease and its message's invisibility, then goes on.
        Frozen = "frozen",
        /// Some of several events are refused.
        RefusedInPart = "refused in part",
        /// An index, or a product's search, does not show yet what was just written.
        Lags = "lags",
        /// The product is down for hours: an outage, or a maintenance window.
        Down = "down for hours",
        /// The product asks to wait.
        Throttled = "throttled",
        /// The product does not accept the credentials for a while.
        Unauthorised = "unauthorised",
        /// The product had the effect and never answered.
        Silent = "silent",
        /// The product has the effect after the caller gave up.
        Late = "late",
        /// The product answers another amount than it was sent.
        WrongAmount = "wrong amount",
        /// The product says no, until a person corrected something there.
        Refused = "refused",
        /// The same thing is delivered twice.
        Twice = "twice",
        /// It is delivered much later, and overtaken.
        Delayed = "delayed",
        /// It is never delivered.
        Lost = "lost",
        /// A function's clock jumps, forth or back, to up to two seconds from the truth.
        ClockOff = "clock off",
    }
}

named! {
    /// Where a call leaves a function, or something reaches one.
    Place {
        /// Reading an item.
        TableGet = "table: get",
        /// Reading several items.
        TableGetMany = "table: get many",
        /// Writing, plainly or in a transaction.
        TableWrite = "table: write",
        /// Reading a partition.
        TableQuery = "table: query",
        /// Reading the index.
        TableIndex = "table: index",
        /// Putting events on the bus.
        Bus = "bus",
        /// Putting what the bus refused into its queue.
        RetryQueue = "retry queue",
        /// A queue's delivery to a function.
        Message = "message",
        /// The stream's delivery to `publish-outbox`.
        Stream = "stream",
        /// A product's webhook.
        Webhook = "webhook",
        /// What time it is.
        Clock = "clock",
        /// Reading a quote.
        ReadQuote = "crm: read quote",
        /// Showing a status on a deal.
        WriteDealStatus = "crm: write deal status",
        /// Reading a customer's account.
        ReadCustomer = "erp: read customer",
        /// Creating a customer.
        CreateCustomer = "erp: create customer",
        /// Putting a customer below the company that it belongs to.
        LinkCustomer = "erp: link customer",
        /// Creating a billing plan.
        CreateBillingPlan = "erp: create billing plan",
        /// Reading a billing plan.
        ReadBillingPlan = "erp: read billing plan",
        /// Amending a billing plan.
        AmendBillingPlan = "erp: amend billing plan",
        /// Reading an invoice.
        ReadInvoice = "erp: read invoice",
        /// Creating an invoice.
        CreateInvoice = "erp: create invoice",
        /// Posting an invoice.
        PostInvoice = "erp: post invoice",
        /// Booking a payment.
        ApplyPayment = "erp: apply payment",
        /// Creating a credit note.
        CreateCreditMemo = "erp: create credit memo",
        /// Posting a credit note.
        PostCreditMemo = "erp: post credit memo",
        /// Setting a credit note off.
        SetOffCreditMemo = "erp: set off credit memo",
        /// Reading a credit note.
        ReadCreditMemo = "erp: read credit memo",
        /// Creating a project.
        CreateProject = "psa: create project",
        /// Creating a task.
        CreateTask = "psa: create task",
        /// Creating a milestone.
        CreateMilestone = "psa: create milestone",
        /// Creating a rate card.
        CreateRateCard = "psa: create rate card",
        /// Putting roles on a project.
        CreateAssignments = "psa: create assignments",
        /// Reading a project.
        ReadProject = "psa: read project",
        /// Setting a project's budget.
        SetBudget = "psa: set budget",
        /// Adding, changing or dropping a milestone.
        ChangeMilestone = "psa: change milestone",
        /// Setting a rate card's rates.
        SetRateCard = "psa: set rate card",
        /// Showing an invoice on a project.
        WriteInvoiceStatus = "psa: write invoice status",
        /// Reading a product's log of changes.
        ReadChanges = "psa, erp: read changes",
    }
}

impl Place {
    /// Whether a process may stand still here. Between its decision to send to a product and the
    /// sending there is no such place: the workflow looks at the clock in between.
    pub(crate) const fn may_freeze(self) -> bool {
        matches!(
            self,
            Self::TableGet | Self::TableGetMany | Self::TableWrite | Self::TableQuery | Self::TableIndex
        )
    }

    /// Whether a product keeps something after a call here.
    const fn is_product_write(self) -> bool {
        matches!(
            self,
            Self::WriteDealStatus
                | Self::CreateCustomer
                | Self::LinkCustomer
                | Self::CreateBillingPlan
                | Self::AmendBillingPlan
                | Self::CreateInvoice
                | Self::PostInvoice
                | Self::ApplyPayment
                | Self::CreateCreditMemo
                | Self::PostCreditMemo
                | Self::SetOffCreditMemo
                | Self::CreateProject
                | Self::CreateTask
                | Self::CreateMilestone
                | Self::CreateRateCard
                | Self::CreateAssignments
                | Self::SetBudget
                | Self::ChangeMilestone
                | Self::SetRateCard
                | Self::WriteInvoiceStatus
        )
    }

    const fn is_product_read(self) -> bool {
        matches!(
            self,
            Self::ReadQuote
                | Self::ReadCustomer
                | Self::ReadInvoice
                | Self::ReadBillingPlan
                | Self::ReadProject
                | Self::ReadCreditMemo
                | Self::ReadChanges
        )
    }
}

impl Fault {
    /// Whether this can go wrong there: every such pair must have happened in a run of many seeds.
    #[must_use]
    pub const fn applies(self, place: Place) -> bool {
        let table = place.may_freeze();
        let (read, write) = (place.is_product_read(), place.is_product_write());
        let sends = matches!(place, Place::Bus | Place::RetryQueue);
        match self {
            Self::CrashBefore | Self::CrashAfter | Self::Slow => table || read || write || sends,
            Self::Unavailable => table || read || write || sends,
            Self::AnswerLost => matches!(place, Place::TableWrite) || sends,
            Self::Contention => matches!(place, Place::TableWrite),
            Self::Frozen => table,
            Self::RefusedInPart => matches!(place, Place::Bus),
            Self::Lags => matches!(
                place,
                Place::TableIndex
                    | Place::CreateProject
                    | Place::CreateTask
                    | Place::CreateMilestone
                    | Place::CreateRateCard
                    | Place::CreateAssignments
                    | Place::ChangeMilestone
                    | Place::ReadChanges
            ),
            Self::Throttled | Self::Unauthorised => read || write,
            // These come right after another call to the same product: an outage begins before that, but for a run
            // that is resumed at them, which need not happen.
            Self::Down => {
                let after_another = matches!(
                    place,
                    Place::LinkCustomer
                        | Place::AmendBillingPlan
                        | Place::ChangeMilestone
                        | Place::SetRateCard
                        | Place::PostCreditMemo
                        | Place::SetOffCreditMemo
                );
                (read || write) && !after_another
            }
            Self::Silent | Self::Late | Self::Refused => write,
            Self::WrongAmount => matches!(
                place,
                Place::CreateInvoice | Place::PostInvoice | Place::CreateCreditMemo | Place::PostCreditMemo
            ),
            Self::Twice => {
                matches!(place, Place::Message | Place::Stream | Place::Webhook | Place::ReadChanges)
            }
            Self::Delayed => matches!(place, Place::Message),
            Self::Lost => matches!(place, Place::Webhook),
            Self::ClockOff => matches!(place, Place::Clock),
        }
    }
}

impl Fault {
    /// Whether this can go wrong there at all.
    pub(super) const fn may_strike(self, place: Place) -> bool {
        let resumed = matches!(self, Self::Down) && (place.is_product_read() || place.is_product_write());
        resumed || self.applies(place)
    }
}

/// How often each fault strikes in one history, in ten thousandths. Some histories are calm, some
/// know one fault only, some know all of them.
pub(crate) struct Plan {
    rates: Vec<u32>,
    outage: Option<Outage>,
}

/// One product is out of reach for some hours.
struct Outage {
    connection: &'static str,
    from: u64,
    to: u64,
}

impl Plan {
    /// Nothing goes wrong.
    pub(crate) fn quiet() -> Self {
        Self { rates: vec![0; Fault::ALL.len()], outage: None }
    }

    /// Draws one.
    pub(crate) fn draw(rng: &mut fastrand::Rng) -> Self {
        const RATES: [u32; 4] = [20, 60, 200, 600];
        let mood = rng.u32(0..10);
        let mut rates: Vec<u32> = Fault::ALL
            .iter()
            .map(|_| match mood {
                0 => 0,
                1..=3 => u32::from(rng.u32(0..8) == 0) * RATES[rng.usize(0..RATES.len())],
                _ => u32::from(rng.bool()) * RATES[rng.usize(0..RATES.len() - 1)],
            })
            .collect();
        // What a person must put right is rarer than what puts itself right.
        for fault in [Fault::WrongAmount, Fault::Frozen] {
            rates[fault as usize] /= 2;
        }
        let outage = (mood > 0 && rng.u32(0..4) == 0).then(|| {
            // Half of them while deals are being set up: the reads and writes of that are few.
            let from = if rng.bool() { rng.u64(0..4_500) } else { rng.u64(0..14_400) };
            let connection = [CRM, PSA, ERP][rng.usize(0..3)];
            Outage { connection, from, to: from + rng.u64(1_800..21_600) }
        });
        Self { rates, outage }
    }

    /// Whether a product is down so many seconds after the beginning.
    pub(crate) fn is_down(&self, connection: &str, second: u64) -> bool {
        self.outage.as_ref().is_some_and(|o| o.connection == connection && (o.from..o.to).contains(&second))
    }

    /// In how many of ten thousand cases the fault strikes.
    pub(crate) fn rate(&self, fault: Fault) -> u32 {
        self.rates[fault as usize]
    }
}
