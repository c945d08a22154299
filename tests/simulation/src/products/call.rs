//! A call to a product, and all the ways in which it may end.

use std::sync::Arc;
use std::time::Duration;

use connectors::{CallError, CallErrorKind};
use jiff::{SignedDuration, Timestamp};

use super::Books;
use crate::engine::{Fault, Place, open};
use crate::world::World;

/// How long a connector waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a product refuses, in its own words.
pub(crate) type Effect<T> = Result<T, CallErrorKind>;

impl World {
    fn failed(connection: &str, place: Place, kind: CallErrorKind) -> CallError {
        CallError {
            kind,
            connection: connection.into(),
            operation: place.name(),
            detail: format!("{kind:?}"),
        }
    }

    /// Faults in which nothing happens at the product.
    fn turned_away(&self, place: Place, connection: &str) -> Option<CallErrorKind> {
        if self.sim.is_down(connection, place) {
            return Some(CallErrorKind::Transient { retry_after: None });
        }
        let wait = Some(Duration::from_secs(1 + self.sim.below(60)));
        [
            (Fault::Unavailable, CallErrorKind::Transient { retry_after: None }),
            (Fault::Throttled, CallErrorKind::Transient { retry_after: wait }),
            (Fault::Unauthorised, CallErrorKind::Unauthorised),
            (Fault::Refused, CallErrorKind::Refused),
        ]
        .into_iter()
        .filter(|(fault, _)| fault.applies(place))
        .find(|(fault, _)| self.sim.strikes(*fault, place))
        .map(|(_, kind)| kind)
    }

    /// A call that only reads.
    pub(crate) async fn asks<T>(
        self: &Arc<Self>,
        place: Place,
        connection: &str,
        look: impl FnOnce(&mut Books) -> T + Send,
    ) -> Result<T, CallError>
    where
        T: Send,
    {
        self.sim.reach(place).await;
        if let Some(kind) = self.turned_away(place, connection) {
            return Err(Self::failed(connection, place, kind));
        }
        let answer = look(&mut open(&self.books));
        self.sim.answered(place).await;
        Ok(answer)
    }

    /// A call that changes something. The effect is told from when on a search shows it.
    pub(crate) async fn changes<T>(
        self: &Arc<Self>,
        place: Place,
        connection: &'static str,
        effect: impl FnOnce(&mut Books, Timestamp) -> Effect<T> + Send + 'static,
    ) -> Result<T, CallError>
    where
        T: Send,
    {
        self.sim.reach(place).await;
        if let Some(kind) = self.turned_away(place, connection) {
            return Err(Self::failed(connection, place, kind));
        }
        let silent = Self::failed(connection, place, CallErrorKind::Unknown);
        if self.sim.strikes(Fault::Late, place) {
            let world = Arc::clone(self);
            let delay = PATIENCE + Duration::from_secs(self.sim.below(20));
            self.sim.spawn(async move {
                tokio::time::sleep(delay).await;
                let now = world.sim.now();
                world.sim.note(|| format!("{} takes effect late", place.name()));
                let _ = effect(&mut open(&world.books), now);
            });
            tokio::time::sleep(PATIENCE).await;
            return Err(silent);
        }
        let now = self.sim.now();
        let lags = Fault::Lags.applies(place) && self.sim.strikes(Fault::Lags, place);
        let lag = if lags { 1 + self.sim.below(35) } else { 0 };
        let lag = SignedDuration::from_secs(i64::try_from(lag).unwrap_or(0));
        let answer = effect(&mut open(&self.books), now.saturating_add(lag).unwrap_or(now));
        self.sim.note(|| format!("{} {}", place.name(), if answer.is_ok() { "done" } else { "refused" }));
        self.sim.answered(place).await;
        if self.sim.strikes(Fault::Silent, place) {
            tokio::time::sleep(PATIENCE).await;
            return Err(silent);
        }
        answer.map_err(|kind| Self::failed(connection, place, kind))
    }
}
