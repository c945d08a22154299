//! Requests of the API's callers: the same key is answered the same, however often it comes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commit::Write;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// A request that was taken, and what its caller was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who asked: the name of the token.
    pub caller: String,
    /// The caller's own key of the request.
    pub key: String,
    /// Hash of what was asked for; the same key with another hash is a conflict.
    pub body_hash: String,
    /// The answer, JSON text.
    pub answer: String,
    /// When it was taken.
    pub recorded_at: Timestamp,
}

impl Journal {
    /// What was asked for under a key, if anything was.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn request(
        &self,
        tenant: &str,
        caller: &str,
        key: &str,
    ) -> Result<Option<Request>, JournalError> {
        self.store.get(&Key::request(tenant, caller, key)).await?.map(|i| i.body()).transpose()
    }

    /// The write that keeps a request; it must not be known yet.
    ///
    /// # Errors
    /// Never for a well-formed request.
    pub fn write_request(&self, tenant: &str, request: &Request, cause: Uuid) -> Result<Write, JournalError> {
        let key = Key::request(tenant, &request.caller, &request.key);
        Ok(Write::Insert { item: Item::new(&key, "request", tenant, request)?, cause })
    }
}
