//! Verifiers over any request: what is signed is believed, and no neighbour of it.

use connectors::Connection;
use connectors::inbound::{Delivery, verify};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use crate::products::{NOW, SECRET, url, verifying};
use crate::signing::{ALL, Scheme, Signed, headers};

type Headers = Vec<(String, String)>;

/// A request that a product signed.
#[derive(Debug, Clone)]
struct Request {
    scheme: Scheme,
    method: String,
    url: String,
    headers: Headers,
    body: Vec<u8>,
}

impl Request {
    fn signed(scheme: Scheme, id: &str, offset: i64, body: Vec<u8>) -> Self {
        let timestamp = match scheme {
            Scheme::HubspotV3 => ((NOW + offset) * 1_000).to_string(),
            _ => (NOW + offset).to_string(),
        };
        let url = url("any");
        let what = Signed { method: "POST", url: &url, id, timestamp: &timestamp, body: &body };
        let headers = headers(scheme, SECRET, &what);
        Self { scheme, method: "POST".into(), headers, url, body }
    }

    fn connection(&self) -> Connection {
        let mut connection = verifying(self.scheme, &[SECRET]);
        connection.config.webhook_url.clone_from(&self.url);
        connection
    }

    fn accepted(&self) -> bool {
        let delivery = Delivery { method: &self.method, headers: &self.headers, body: &self.body };
        verify(&self.connection(), &delivery, Timestamp::from_second(NOW).expect("a moment")).is_ok()
    }
}

fn request() -> impl Strategy<Value = Request> {
    let body = prop::collection::vec(any::<u8>(), 1..400);
    (select(ALL.as_slice()), "[a-zA-Z0-9_-]{1,40}", -300_i64..=300, body)
        .prop_map(|(scheme, id, offset, body)| Request::signed(scheme, &id, offset, body))
}

/// Which part of a request one bit is flipped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Body,
    Header,
    Method,
    Url,
}

impl Part {
    /// Whether the scheme's signature covers the part.
    fn is_covered(self, scheme: Scheme) -> bool {
        match self {
            Self::Body | Self::Header => true,
            Self::Method | Self::Url => matches!(scheme, Scheme::HubspotV2 | Scheme::HubspotV3),
        }
    }
}

/// The same text with a bit flipped; none where that is no text.
fn flipped(text: &str, at: usize, bit: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let length = bytes.len();
    bytes[at % length] ^= 1 << bit;
    String::from_utf8(bytes).ok()
}

/// Whether a header's values are what the verifier reads of it, and not only its name's case.
fn is_other(before: &Request, after: &Request) -> bool {
    before.headers != after.headers
        || before.body != after.body
        || before.method != after.method
        || before.url != after.url
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// The signature covers exactly the bytes that came. One bit of body, message
    /// ID, timestamp or signature, or of method and URL where the scheme signs them, and it is refused.
    #[test]
    fn one_flipped_bit_and_a_request_is_refused(
        request in request(), part in select([Part::Body, Part::Header, Part::Method, Part::Url].as_slice()),
        which in any::<usize>(), at in any::<usize>(), bit in 0_u8..8,
    ) {
        prop_assert!(request.accepted(), "what is signed is believed");
        prop_assume!(part.is_covered(request.scheme));
        let mut other = request.clone();
        match part {
            Part::Body => { let length = other.body.len(); other.body[at % length] ^= 1 << bit; }
            Part::Method => other.method = flipped(&request.method, at, bit).unwrap_or_default(),
            Part::Url => other.url = flipped(&request.url, at, bit).unwrap_or_default(),
            Part::Header => {
                let which = which % other.headers.len();
                let value = flipped(&request.headers[which].1, at, bit);
                prop_assume!(value.is_some());
                other.headers[which].1 = value.expect("was looked at");
            }
        }
        prop_assert!(is_other(&request, &other));
        prop_assert!(!other.accepted(), "{:?} of {:?}", part, request.scheme);
    }

    /// A header that came twice, or not at all, decides nothing; the case of its name does not matter.
    #[test]
    fn a_header_twice_or_missing_is_refused_and_its_case_is_not(request in request(), which in any::<usize>()) {
        let which = which % request.headers.len();
        let mut odd = request.clone();
        odd.headers.iter_mut().for_each(|(name, _)| *name = name.to_uppercase());
        prop_assert!(odd.accepted());
        let mut twice = request.clone();
        twice.headers.push((request.headers[which].0.to_lowercase(), request.headers[which].1.clone()));
        prop_assert!(!twice.accepted(), "twice");
        let mut missing = request.clone();
        missing.headers.remove(which);
        prop_assert!(!missing.accepted(), "missing");
    }

    /// Headers of any form, huge and in any alphabet, are refused and never panic.
    #[test]
    fn any_headers_are_refused(
        scheme in select(ALL.as_slice()), values in prop::collection::vec(".{0,200}", 7), huge in 0_usize..100_000,
        method in ".{0,10}", body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let names = ["x-hubspot-signature", "x-hubspot-request-timestamp", "x-hubspot-signature-v3", "stripe-signature",
            "webhook-id", "webhook-timestamp", "x-docusign-signature-1"];
        let mut headers: Headers =
            names.into_iter().map(str::to_owned).zip(values.iter().cloned()).collect();
        headers.push(("x-hubspot-signature-version".into(), "v1".into()));
        headers.push(("webhook-signature".into(), format!("v1,{}", "A".repeat(huge))));
        let request = Request { scheme, method, url: url("any"), headers, body };
        prop_assert!(!request.accepted());
    }

    /// Numbers that only look like the moment.
    #[test]
    fn a_timestamp_has_one_form(
        scheme in select([Scheme::HubspotV3, Scheme::Stripe, Scheme::Standard].as_slice()),
        form in select(["0{}", "+{}", " {}", "{}.0", "{} ", "{}e0", "-{}", "００{}", "0x{}"].as_slice()),
    ) {
        let unit = if scheme == Scheme::HubspotV3 { 1_000 } else { 1 };
        let timestamp = form.replace("{}", &(NOW * unit).to_string());
        let url = url("any");
        let what = Signed { method: "POST", url: &url, id: "msg_1", timestamp: &timestamp, body: b"{}" };
        let headers = headers(scheme, SECRET, &what);
        let request = Request { scheme, method: "POST".into(), headers, url: what.url.into(), body: b"{}".to_vec() };
        prop_assert!(!request.accepted(), "{timestamp}");
    }
}

/// HubSpot signs the timestamp right behind the body. A digit that ends the one must not be taken for
/// the beginning of the other.
#[test]
fn body_and_timestamp_have_one_border() {
    let longer = Request::signed(Scheme::HubspotV3, "", 0, b"[1,0".to_vec());
    assert!(longer.accepted());
    let mut moved = longer.clone();
    moved.body.pop();
    let timestamp = moved.headers.iter_mut().find(|(name, _)| name == "X-HubSpot-Request-Timestamp");
    let timestamp = &mut timestamp.expect("it is signed").1;
    timestamp.insert(0, '0');
    assert!(!moved.accepted(), "another body under the same signature");
}
