//! From a connection to the connector that serves its role.

use std::sync::Arc;

use crate::connection::{Connection, Product};
use crate::error::{CallError, CallErrorKind};
use crate::role::{Crm, Erp, Polled, Psa};

fn wrong_role(connection: &Connection, role: &'static str) -> CallError {
    CallError {
        kind: CallErrorKind::Unauthorised,
        connection: connection.config.connection.clone(),
        operation: "open connection",
        detail: format!("{:?} can't serve as {role}", connection.config.product),
    }
}

/// The CRM behind a connection.
///
/// # Errors
/// When its product is no CRM, or its settings don't parse.
pub fn crm(connection: &Connection) -> Result<Arc<dyn Crm>, CallError> {
    match connection.config.product {
        Product::Hubspot => Ok(Arc::new(crate::hubspot::Hubspot::open(connection)?)),
        Product::Kantata | Product::Tryton | Product::Stripe | Product::Docusign => {
            Err(wrong_role(connection, "crm"))
        }
    }
}

/// The PSA behind a connection.
///
/// # Errors
/// When its product is no PSA, or its settings don't parse.
pub fn psa(connection: &Connection) -> Result<Arc<dyn Psa>, CallError> {
    match connection.config.product {
        Product::Kantata => Ok(Arc::new(crate::kantata::Kantata::open(connection)?)),
        Product::Hubspot | Product::Tryton | Product::Stripe | Product::Docusign => {
            Err(wrong_role(connection, "psa"))
        }
    }
}

/// The ERP behind a connection.
///
/// # Errors
/// When its product is no ERP, or its settings don't parse.
pub fn erp(connection: &Connection) -> Result<Arc<dyn Erp>, CallError> {
    match connection.config.product {
        Product::Tryton => Ok(Arc::new(crate::tryton::Tryton::open(connection)?)),
        Product::Hubspot | Product::Kantata | Product::Stripe | Product::Docusign => {
            Err(wrong_role(connection, "erp"))
        }
    }
}

/// What can be polled behind a connection.
///
/// # Errors
/// When its product has no log to read, or its settings don't parse.
pub fn polled(connection: &Connection) -> Result<Arc<dyn Polled>, CallError> {
    match connection.config.product {
        Product::Kantata => Ok(Arc::new(crate::kantata::Kantata::open(connection)?)),
        Product::Tryton => Ok(Arc::new(crate::tryton::Tryton::open(connection)?)),
        Product::Hubspot | Product::Stripe | Product::Docusign => {
            Err(wrong_role(connection, "polled source"))
        }
    }
}
