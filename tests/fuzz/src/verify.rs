//! Every verifier over any request. What it accepts, an independent signer must have made over
//! exactly these bytes, and no neighbour of the request may be accepted with it.
//!
//! An input is text and a body: `scheme TAB secret TAB seconds TAB method TAB url`, a line
//! `name: value` for each header, an empty line, the body.

use connectors::inbound::{Delivery, verify};
use jiff::Timestamp;

use super::products;
use super::signing::{Scheme, Signed, signature};

/// A request out of an input.
pub struct Request {
    scheme: Scheme,
    secret: String,
    now: Timestamp,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Reads an input; none where it has no such form.
    pub fn read(data: &[u8]) -> Option<Self> {
        let end = data.windows(2).position(|pair| pair == b"\n\n")?;
        let head = std::str::from_utf8(&data[..end]).ok()?;
        let mut lines = head.split('\n');
        let mut first = lines.next()?.split('\t');
        let scheme = Scheme::named(first.next()?)?;
        let (secret, now) = (first.next()?.to_owned(), first.next()?.parse().ok()?);
        let (method, url) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let now = Timestamp::from_second(now).ok()?;
        Some(Self { scheme, secret, now, method, url, headers, body: data[end + 2..].to_vec() })
    }

    fn accepted(&self, method: &str, url: &str, headers: &[(String, String)], body: &[u8]) -> bool {
        let mut connection = products::verifying(self.scheme, &[&self.secret]);
        url.clone_into(&mut connection.config.webhook_url);
        verify(&connection, &Delivery { method, headers, body }, self.now).is_ok()
    }

    /// The only value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let (_, value) = named.next()?;
        named.next().is_none().then_some(value.as_str())
    }

    /// What the scheme's headers say was signed, and the signatures given.
    fn claimed(&self) -> Option<(&str, String, Vec<&str>)> {
        match self.scheme {
            Scheme::HubspotV1 | Scheme::HubspotV2 => {
                Some(("", String::new(), vec![self.header("x-hubspot-signature")?]))
            }
            Scheme::HubspotV3 => {
                let timestamp = self.header("x-hubspot-request-timestamp")?.to_owned();
                Some(("", timestamp, vec![self.header("x-hubspot-signature-v3")?]))
            }
            Scheme::Stripe => {
                let items: Vec<&str> = self.header("stripe-signature")?.split(',').collect();
                let of = |scheme| items.iter().filter_map(move |item| item.strip_prefix(scheme));
                Some(("", of("t=").next()?.to_owned(), of("v1=").collect()))
            }
            Scheme::Docusign => {
                let named = |n: &str| n.to_ascii_lowercase().starts_with("x-docusign-signature-");
                let given = self.headers.iter().filter(|(name, _)| named(name)).map(|(_, v)| v.as_str());
                Some(("", String::new(), given.collect()))
            }
            Scheme::Standard => {
                let given = self.header("webhook-signature")?.split(' ');
                let given = given.filter_map(|entry| entry.strip_prefix("v1,")).collect();
                Some((self.header("webhook-id")?, self.header("webhook-timestamp")?.to_owned(), given))
            }
        }
    }

    /// Whether an independent signer makes one of the signatures given, within five minutes of now.
    fn is_authentic(&self) -> bool {
        let Some((id, timestamp, given)) = self.claimed() else { return false };
        let (method, url, body) = (self.method.as_str(), self.url.as_str(), self.body.as_slice());
        let signed = Signed { method, url, id, timestamp: &timestamp, body };
        let fresh =
            |at: i64, unit: i64| at.abs_diff(self.now.as_second() * unit) <= 300 * unit.unsigned_abs();
        let timely = match self.scheme {
            Scheme::HubspotV1 | Scheme::HubspotV2 | Scheme::Docusign => true,
            Scheme::HubspotV3 => timestamp.parse().is_ok_and(|at| fresh(at, 1_000)),
            Scheme::Stripe | Scheme::Standard => timestamp.parse().is_ok_and(|at| fresh(at, 1)),
        };
        let made = signature(self.scheme, &self.secret, &signed);
        timely && !self.secret.trim().is_empty() && made.is_some_and(|made| given.contains(&made.as_str()))
    }

    /// Whether the scheme covers the method and URL.
    const fn covers_address(&self) -> bool {
        matches!(self.scheme, Scheme::HubspotV2 | Scheme::HubspotV3)
    }
}

/// What must hold of any request.
pub fn run(data: &[u8]) {
    let Some(request) = Request::read(data) else { return };
    let Request { method, url, headers, body, .. } = &request;
    if !request.accepted(method, url, headers, body) {
        return;
    }
    assert!(request.is_authentic(), "accepted, and nobody signed it");
    let refused = |what: &str, accepted: bool| assert!(!accepted, "accepted with another {what}");
    for at in [0, body.len() / 2, body.len().saturating_sub(1)] {
        let mut other = body.clone();
        match other.get_mut(at) {
            Some(byte) => *byte ^= 1,
            None => other.push(b' '),
        }
        refused("body", request.accepted(method, url, headers, &other));
    }
    if request.covers_address() {
        refused("method", request.accepted(&format!("{method}X"), url, headers, body));
        refused("URL", request.accepted(method, &format!("{url}/"), headers, body));
    }
    let twice: Vec<_> = headers.iter().chain(headers).cloned().collect();
    refused("number of headers", request.accepted(method, url, &twice, body));
}
