//! The other systems: books of their own, each as forgetful, slow or unsure as a real one.

mod books;
mod call;
mod changes;
mod credits;
mod crm;
mod erp;
mod held;
mod psa;
mod staffing;

pub(crate) use books::{Books, Change, ErpInvoice, Fate, Received};
pub(crate) use credits::issue_by_hand;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::role::{Crm, Erp, Polled, Psa};
use connectors::{Connection, Idempotency};
use domain::TenantConfig;
use runtime::{Connect, ConnectError};

use crate::world::{CRM, ERP, PSA, World};

/// What every connector of the simulation says of how long its writes take to settle; the
/// products below keep to it.
const SETTLES: Duration = Duration::from_secs(60);
pub(crate) const UPSERT: Idempotency = Idempotency::Upsert { settles_within: SETTLES };
pub(crate) const SEARCH: Idempotency = Idempotency::SearchThenCreate { settles_within: SETTLES };
pub(crate) const REFUSED_TWICE: Idempotency = Idempotency::RefusedTwice { settles_within: SETTLES };

/// The connections of the tenant, each leading to its stand-in.
pub(crate) struct Products(pub(crate) Arc<World>);

fn unknown(connection: &str) -> ConnectError {
    ConnectError::Unknown(connection.to_owned())
}

#[async_trait]
impl Connect for Products {
    async fn tenant(&self, _: &str) -> Result<Arc<TenantConfig>, ConnectError> {
        Ok(self.0.config())
    }
    async fn connection(&self, connection: &str) -> Result<Arc<Connection>, ConnectError> {
        self.0.connection(connection).map(Arc::clone).ok_or_else(|| unknown(connection))
    }
    async fn crm(&self, connection: &str) -> Result<Arc<dyn Crm>, ConnectError> {
        if connection == CRM {
            Ok(Arc::new(crm::SimulatedCrm(Arc::clone(&self.0))))
        } else {
            Err(unknown(connection))
        }
    }
    async fn psa(&self, connection: &str) -> Result<Arc<dyn Psa>, ConnectError> {
        if connection == PSA {
            Ok(Arc::new(psa::SimulatedPsa(Arc::clone(&self.0))))
        } else {
            Err(unknown(connection))
        }
    }
    async fn erp(&self, connection: &str) -> Result<Arc<dyn Erp>, ConnectError> {
        if connection == ERP {
            Ok(Arc::new(erp::SimulatedErp(Arc::clone(&self.0))))
        } else {
            Err(unknown(connection))
        }
    }
    async fn polled(&self, connection: &str) -> Result<Arc<dyn Polled>, ConnectError> {
        match connection {
            PSA => Ok(Arc::new(psa::SimulatedPsa(Arc::clone(&self.0)))),
            ERP => Ok(Arc::new(erp::SimulatedErp(Arc::clone(&self.0)))),
            _ => Err(unknown(connection)),
        }
    }
}
