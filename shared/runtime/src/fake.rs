//! Stand-ins for what talks: a bus that records and refuses, a queue, a clock, connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use connectors::Connection;
use connectors::role::{Crm, Erp, Polled, Psa};
use domain::TenantConfig;
use events::Envelope;
use jiff::{SignedDuration, Timestamp};
use journal::{Journal, Store};
use workflow::{Clock, Purpose};

use crate::bus::{Bus, PublishError};
use crate::connect::{Connect, ConnectError};
use crate::context::Context;
use crate::outgoing::MessageQueue;

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bus that records what it takes and refuses what it is told to.
#[derive(Default)]
pub struct FakeBus {
    taken: Mutex<Vec<Envelope>>,
    refusing: Mutex<Option<usize>>,
}

impl FakeBus {
    /// What it took, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<Envelope> {
        open(&self.taken).clone()
    }

    /// Refuses every event after the first `n` of each call, until told otherwise.
    pub fn refuse_after(&self, n: Option<usize>) {
        *open(&self.refusing) = n;
    }
}

#[async_trait]
impl Bus for FakeBus {
    async fn publish(&self, mut events: Vec<Envelope>) -> Result<(), PublishError> {
        let accepted = open(&self.refusing).map_or(events.len(), |n| n.min(events.len()));
        let refused = events.split_off(accepted);
        open(&self.taken).extend(events);
        if refused.is_empty() { Ok(()) } else { Err(PublishError { refused, reason: "told to".into() }) }
    }
}

/// A queue that records what it is sent, or refuses everything.
#[derive(Default)]
pub struct FakeQueue {
    sent: Mutex<Vec<String>>,
    refusing: Mutex<bool>,
}

impl FakeQueue {
    /// What it was sent, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<String> {
        open(&self.sent).clone()
    }

    /// Refuses everything from now on.
    pub fn refuse(&self) {
        *open(&self.refusing) = true;
    }
}

#[async_trait]
impl MessageQueue for FakeQueue {
    async fn send(&self, body: String) -> Result<(), String> {
        if *open(&self.refusing) {
            return Err("told to".into());
        }
        open(&self.sent).push(body);
        Ok(())
    }
}

/// A clock that stands still until it is moved.
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    /// A clock that stands at a moment.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves it on.
    pub fn pass(&self, time: SignedDuration) {
        let mut now = open(&self.0);
        *now = now.saturating_add(time).unwrap_or(*now);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *open(&self.0)
    }
}

/// Connections given by hand; what is not given is not configured.
#[derive(Default)]
pub struct FakeConnections {
    /// Tenants.
    pub tenants: BTreeMap<String, Arc<TenantConfig>>,
    /// Connections.
    pub connections: BTreeMap<String, Arc<Connection>>,
    /// CRMs.
    pub crm: BTreeMap<String, Arc<dyn Crm>>,
    /// PSAs.
    pub psa: BTreeMap<String, Arc<dyn Psa>>,
    /// ERPs.
    pub erp: BTreeMap<String, Arc<dyn Erp>>,
    /// Logs.
    pub polled: BTreeMap<String, Arc<dyn Polled>>,
}

fn given<T: ?Sized>(known: &BTreeMap<String, Arc<T>>, name: &str) -> Result<Arc<T>, ConnectError> {
    known.get(name).map(Arc::clone).ok_or_else(|| ConnectError::Unknown(name.to_owned()))
}

#[async_trait]
impl Connect for FakeConnections {
    async fn tenant(&self, tenant: &str) -> Result<Arc<TenantConfig>, ConnectError> {
        given(&self.tenants, tenant)
    }
    async fn connection(&self, connection: &str) -> Result<Arc<Connection>, ConnectError> {
        given(&self.connections, connection)
    }
    async fn crm(&self, connection: &str) -> Result<Arc<dyn Crm>, ConnectError> {
        given(&self.crm, connection)
    }
    async fn psa(&self, connection: &str) -> Result<Arc<dyn Psa>, ConnectError> {
        given(&self.psa, connection)
    }
    async fn erp(&self, connection: &str) -> Result<Arc<dyn Erp>, ConnectError> {
        given(&self.erp, connection)
    }
    async fn polled(&self, connection: &str) -> Result<Arc<dyn Polled>, ConnectError> {
        given(&self.polled, connection)
    }
}

/// A context over stand-ins.
#[must_use]
pub fn context(
    function: &'static str,
    store: Arc<dyn Store>,
    bus: &Arc<FakeBus>,
    clock: &Arc<FakeClock>,
    connections: FakeConnections,
) -> Context {
    Context {
        function,
        journal: Journal::new(store),
        bus: Arc::clone(bus) as Arc<dyn Bus>,
        connect: Arc::new(connections),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        lease: SignedDuration::from_secs(60),
        purpose: Purpose::Finish,
    }
}

/// Credit memos for a stand-in of an ERP that takes none: whoever asks for one is refused.
#[macro_export]
macro_rules! takes_no_credit_memos {
    ($stand_in:ty) => {
        $crate::takes_no_credit_memos!($stand_in: CreateCreditMemo, PostCreditMemo, SetOffCreditMemo);
    };
    ($stand_in:ty: $($operation:ident),*) => {$(
        #[::async_trait::async_trait]
        impl ::connectors::Performs<::connectors::operation::$operation> for $stand_in {
            fn idempotency(&self) -> ::connectors::Idempotency {
                ::connectors::Idempotency::SearchThenCreate { settles_within: ::std::time::Duration::ZERO }
            }
            async fn find(
                &self,
                _: &::connectors::operation::$operation,
            ) -> Result<
                Option<<::connectors::operation::$operation as ::connectors::Operation>::Record>,
                ::connectors::CallError,
            > {
                Ok(None)
            }
            async fn perform(
                &self,
                _: &::connectors::operation::$operation,
                _: &str,
            ) -> Result<
                <::connectors::operation::$operation as ::connectors::Operation>::Record,
                ::connectors::CallError,
            > {
                Err(::connectors::CallError {
                    kind: ::connectors::CallErrorKind::Refused,
                    connection: "stand-in".into(),
                    operation: <::connectors::operation::$operation as ::connectors::Operation>::NAME,
                    detail: "not here".into(),
                })
            }
            async fn undo(
                &self,
                _: &::connectors::operation::$operation,
                _: &<::connectors::operation::$operation as ::connectors::Operation>::Record,
            ) -> Result<::connectors::operation::Undone, ::connectors::CallError> {
                Ok(::connectors::operation::Undone::Removed)
            }
        }
    )*};
}
