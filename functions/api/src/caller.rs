//! Who calls: a bearer token that names its tenant and caller, of which only the hash is kept.
//!
//! The hashes lie among the connections, in the half of the table that functions can read and none
//! can write: whoever takes over a function can't let itself in. A token is 256 random bits, so its
//! hash tells nothing of it. They are read for every call: a token that is taken back is refused at once.

use aws_lambda_events::http::HeaderMap;
use aws_lambda_events::http::header::AUTHORIZATION;
use journal::Key;
use runtime::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{ApiError, Kind};

/// Begins every token, so that a leaked one is recognised.
const PREFIX: &str = "q2c_";
/// Longest token: prefix, tenant, name, 256 bits in hex, and the dots between.
const LONGEST: usize = 160;
/// Longest name of a tenant or caller.
const LONGEST_NAME: usize = 40;

/// What a caller may be. Each route names the roles that it admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees deals, quotes and customers, asks for activation; no invoices and payments.
    Sales,
    /// Sees everything that has money in it, asks for invoices.
    Finance,
    /// Runs the flows: activation, withdrawal, approved work.
    Operations,
    /// A bot or another system that reports and asks on its own.
    Automation,
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
}

impl Caller {
    /// Whether one of its roles is among these.
    pub(crate) fn is_one_of(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Who it is, for the audit: name and roles.
    pub(crate) fn described(&self) -> String {
        let roles = serde_json::to_string(&self.roles).unwrap_or_default();
        format!("{} {}", self.name, roles.replace('"', ""))
    }
}

/// The callers of a tenant, as `infra/configure.py` writes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    callers: Vec<ConfiguredCaller>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfiguredCaller {
    name: String,
    /// SHA-256 of the tokens in hex: the current one and, during a rotation, the previous one.
    token_sha256: Vec<String>,
    roles: Vec<Role>,
}

/// Where the callers of a tenant are configured. No connection can have this ID: it has a slash.
fn place(tenant: &str) -> Key {
    Key::connection(&format!("api/{tenant}"))
}

/// Who sent a call. Whatever is wrong with the token, the caller learns that it is not accepted.
pub(crate) async fn authenticate(context: &Context, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let refused = || ApiError::new(Kind::Unauthenticated, "the call is not authenticated");
    let token = token(headers).ok_or_else(refused)?;
    let (tenant, name) = named(token).ok_or_else(refused)?;
    let given = hex::encode(Sha256::digest(token.as_bytes()));
    let configured: Option<Configured> = context.journal.configuration(&place(tenant)).await?;
    let mut found = None;
    for caller in configured.into_iter().flat_map(|c| c.callers) {
        for hash in &caller.token_sha256 {
            let same = bool::from(given.as_bytes().ct_eq(hash.as_bytes()));
            if same && caller.name == name {
                found = Some(Caller {
                    tenant: tenant.to_owned(),
                    name: name.to_owned(),
                    roles: caller.roles.clone(),
                });
            }
        }
    }
    found.ok_or_else(refused)
}

/// The token of a header that came once.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= LONGEST).then_some(token)
}

/// Tenant and caller as a token names them.
fn named(token: &str) -> Option<(&str, &str)> {
    let mut parts = token.strip_prefix(PREFIX)?.split('.');
    let (tenant, name, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let complete = parts.next().is_none() && secret.len() >= 32;
    (complete && is_identifier(tenant) && is_identifier(name)).then_some((tenant, name))
}

/// Whether a text has the form that the configuration's rules give tenants, connections and callers.
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && (2..=LONGEST_NAME).contains(&text.len())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
