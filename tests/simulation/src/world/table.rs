//! The table as a function sees it: real conditions and transactions, over a network that fails.

use std::sync::Arc;

use async_trait::async_trait;
use journal::{Item, Key, Op, Store, StoreError};

use super::World;
use crate::engine::{Fault, Place, open};

pub(super) struct SimulatedTable(pub(super) Arc<World>);

impl SimulatedTable {
    async fn read<T>(
        &self,
        place: Place,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let sim = &self.0.sim;
        sim.reach(place).await;
        if sim.strikes(Fault::Unavailable, place) {
            return Err(StoreError::Unavailable("throttled".into()));
        }
        let answer = work.await;
        sim.answered(place).await;
        answer
    }
}

#[async_trait]
impl Store for SimulatedTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.read(Place::TableGet, self.0.table.get(key)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        self.read(Place::TableGetMany, self.0.table.get_many(keys)).await
    }

    async fn write(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        let (world, place) = (&self.0, Place::TableWrite);
        world.sim.reach(place).await;
        if world.sim.strikes(Fault::Unavailable, place) {
            return Err(StoreError::Unavailable("throttled".into()));
        }
        if world.sim.strikes(Fault::Contention, place) {
            return Err(StoreError::Contention);
        }
        let keys = ops.iter().map(|op| op.key().sk).collect::<Vec<_>>();
        let answer = world.table.write(ops).await;
        world.sim.note(|| {
            format!("write {} -> {:?}", keys.join(" "), answer.as_ref().map_err(ToString::to_string))
        });
        world.streamed();
        world.sim.answered(place).await;
        if world.sim.strikes(Fault::AnswerLost, place) {
            return Err(StoreError::Unavailable("no answer".into()));
        }
        answer
    }

    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.read(Place::TableQuery, self.0.table.query(pk, sk_prefix, limit)).await
    }

    /// An index that lags shows what it showed the last time that it was asked.
    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let world = &self.0;
        let present = self.read(Place::TableIndex, world.table.by_status(status_key, limit)).await?;
        let mut shown = open(&world.index);
        if status_key.contains("#line#ready") && world.sim.strikes(Fault::Lags, Place::TableIndex) {
            return Ok(shown.get(status_key).cloned().unwrap_or_default());
        }
        shown.insert(status_key.to_owned(), present.clone());
        Ok(present)
    }
}
