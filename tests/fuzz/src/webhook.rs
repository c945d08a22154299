//! The webhook from API Gateway's event to the table and the bus: only documented answers, and what
//! is answered with 202 is on the bus, of no interest, or kept whole.
//!
//! An input is a product's letter, a letter for how it comes (`t` text, `b` base64, `u` unsigned),
//! then the body; or `{` and so on: API Gateway's event itself.

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use journal::Item;
use journal::memory::MemoryStore;
use runtime::Context;
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use serde_json::json;

use super::products::{self, NOW, SECRET};
use super::signing::{self, Signed};
use super::translate::{product_of, translated};

/// Every answer that is documented.
pub const ANSWERS: [i64; 6] = [202, 400, 401, 404, 413, 503];

/// The function with a connection of each product.
pub struct World {
    /// The table.
    pub store: Arc<MemoryStore>,
    /// The bus.
    pub bus: Arc<FakeBus>,
    /// What the function works with.
    pub context: Context,
}

/// A world in which nothing happened yet.
pub fn world() -> World {
    let mut connections = FakeConnections::default();
    for product in products::ALL {
        let connection = products::connection(product, &["v3"], &[SECRET]);
        connections.connections.insert(format!("{product}-main"), Arc::new(connection));
    }
    let (store, bus) = (Arc::new(MemoryStore::new()), Arc::new(FakeBus::default()));
    let clock = Arc::new(FakeClock::at(Timestamp::from_second(NOW).expect("a moment")));
    let context = context("webhook", store.clone(), &bus, &clock, connections);
    World { store, bus, context }
}

/// The headers of a delivery that the product signed.
pub fn signed(product: &str, body: &[u8]) -> Vec<(String, String)> {
    let scheme = products::scheme_of(product);
    let timestamp = match scheme {
        signing::Scheme::HubspotV3 => (NOW * 1_000).to_string(),
        _ => NOW.to_string(),
    };
    let url = products::url(product);
    let what = Signed { method: "POST", url: &url, id: "msg_1", timestamp: &timestamp, body };
    signing::headers(scheme, SECRET, &what)
}

/// API Gateway's event of a delivery.
pub fn request(
    connection: &str,
    headers: &[(String, String)],
    body: &[u8],
    base64: bool,
) -> ApiGatewayProxyRequest {
    let mut multi = serde_json::Map::new();
    for (name, value) in headers {
        let values = multi.entry(name.clone()).or_insert_with(|| json!([]));
        values.as_array_mut().expect("an array").push(value.clone().into());
    }
    let body = if base64 { STANDARD.encode(body) } else { String::from_utf8_lossy(body).into_owned() };
    let event = json!({
        "resource": "/v1/webhooks/{connection}", "path": format!("/v1/webhooks/{connection}"), "httpMethod": "POST",
        "headers": {}, "multiValueHeaders": multi, "pathParameters": {"connection": connection},
        "requestContext": {"httpMethod": "POST"}, "body": body, "isBase64Encoded": base64});
    serde_json::from_value(event).expect("an event of API Gateway")
}

/// The bytes that an exception keeps.
pub fn kept(item: &Item) -> Vec<u8> {
    let payload = item.text("payload").expect("a payload");
    match payload.strip_prefix("base64:") {
        Some(encoded) => STANDARD.decode(encoded).expect("base64"),
        None => payload.as_bytes().to_vec(),
    }
}

/// That nothing of an authentic delivery is lost: what it becomes is on the bus, or it is kept as it came.
pub fn nothing_is_lost(world: &World, product: &str, body: &[u8]) {
    let (taken, items) = (world.bus.taken(), world.store.items());
    match translated(product, body) {
        Some(events) => {
            let ids = |events: &[events::Envelope]| events.iter().map(|e| e.id).collect::<Vec<_>>();
            assert_eq!((ids(&taken), items.len()), (ids(&events), 0));
        }
        None => {
            assert_eq!((taken.len(), items.len()), (0, 1), "one exception and nothing else");
            assert_eq!(kept(&items[0]), body, "every byte of it");
            assert_eq!(items[0].text("status"), Some("open"));
            let outbox: Vec<events::Envelope> =
                serde_json::from_str(items[0].text("outbox").expect("it is announced")).expect("events");
            outbox.iter().for_each(super::is_sound);
        }
    }
}

fn deliver(product: &str, how: u8, body: &[u8]) {
    let world = world();
    let mut headers = if how == b'u' { Vec::new() } else { signed(product, body) };
    headers.push(("Content-Type".into(), "application/json".into()));
    // As text only text can come: anything else is another body.
    let base64 = how == b'b' || std::str::from_utf8(body).is_err();
    let request = request(&format!("{product}-main"), &headers, body, base64);
    let status = super::block_on(::webhook::receive(&world.context, request)).status_code;
    assert!(ANSWERS.contains(&status), "answered {status}");
    let expected = match how {
        _ if body.len() > ::webhook::MOST_BYTES => 413,
        b'u' => 401,
        _ => 202,
    };
    assert_eq!(status, expected);
    if status == 202 {
        nothing_is_lost(&world, product, body);
    } else {
        assert!(world.bus.taken().is_empty() && world.store.items().is_empty(), "refused, and left a trace");
    }
}

/// What must hold of any delivery.
pub fn run(data: &[u8]) {
    if data.first() == Some(&b'{') {
        let Ok(request) = serde_json::from_slice::<ApiGatewayProxyRequest>(data) else { return };
        let world = world();
        let status = super::block_on(::webhook::receive(&world.context, request)).status_code;
        assert!(ANSWERS.contains(&status), "answered {status}");
        return;
    }
    let Some((product, rest)) = product_of(data) else { return };
    if let Some((how, body)) = rest.split_first() {
        deliver(product, *how, body);
    }
}
