//! Products that push: they sign what they send and send it again until it is taken.

mod payments;

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue, Method};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::json;
use sha2::Sha256;

use crate::engine::{Fault, Place};
use crate::world::{CRM, ERP, PAYMENTS, SECRET, SIGNATURE, World};

pub(crate) use payments::told_afterwards;

type Signing = fn(&World, &str, &str, Timestamp) -> Vec<(&'static str, String)>;

/// Changes of a deal that announce it: the quote approved, the deal won, the contract active, the
/// statement of work approved. All of them hold of every deal of the simulation.
const ANNOUNCED: [(&str, &str); 4] = [
    ("quote_status", "APPROVED"),
    ("dealstage", "closedwon"),
    ("contract_status", "ACTIVATED"),
    ("sow_status", "APPROVED"),
];

/// A deal is announced in any of the ways in which its tenant lets one begin.
pub(crate) fn approved(world: &Arc<World>, deal: &str) {
    let which = usize::try_from(world.sim.below(ANNOUNCED.len() as u64 + 1)).unwrap_or(0);
    match ANNOUNCED.get(which) {
        Some((property, value)) => changed(world, deal, property, value),
        None => signed(world, deal),
    }
}

/// The CRM tells that a property of a deal changed.
fn changed(world: &Arc<World>, deal: &str, property: &str, value: &str) {
    let now = world.sim.now();
    let body = json!([{
        "eventId": world.sim.below(1 << 40), "subscriptionId": 1, "portalId": 62515, "appId": 1,
        "occurredAt": now.as_millisecond(), "subscriptionType": "deal.propertyChange", "attemptNumber": 0,
        "objectId": deal.parse::<u64>().unwrap_or(0), "propertyName": property, "propertyValue": value,
        "changeSource": "CRM",
    }]);
    send(world, CRM, body.to_string(), by_hubspot);
}

/// The signature product tells that everybody has signed.
fn signed(world: &Arc<World>, deal: &str) {
    let (now, envelope) = (world.sim.now().to_string(), format!("e-{}", world.sim.below(1 << 40)));
    let body = json!({
        "event": "envelope-completed", "apiVersion": "v2.1", "retryCount": 0, "generatedDateTime": now,
        "data": {"accountId": "1", "envelopeId": envelope, "envelopeSummary": {
            "status": "completed", "completedDateTime": now,
            "customFields": {"textCustomFields": [{"name": "q2c_deal", "value": deal}]}}},
    });
    send(world, SIGNATURE, body.to_string(), by_docusign);
}

/// The CRM tells that a property of a company changed.
pub(crate) fn company_changed(world: &Arc<World>, company: &str, property: &str, value: &str) {
    let now = world.sim.now();
    let body = json!([{
        "eventId": world.sim.below(1 << 40), "subscriptionId": 2, "portalId": 62515, "appId": 1,
        "occurredAt": now.as_millisecond(), "subscriptionType": "company.propertyChange", "attemptNumber": 0,
        "objectId": company.parse::<u64>().unwrap_or(0), "propertyName": property, "propertyValue": value,
        "changeSource": "CRM_UI",
    }]);
    send(world, CRM, body.to_string(), by_hubspot);
}

/// The ERP tells that an invoice or credit note of ours was posted. Such a message may get lost for good: its log tells it too.
pub(crate) fn posted(world: &Arc<World>, external_id: &str, record: &str, at: Timestamp) {
    if world.sim.strikes(Fault::Lost, Place::Webhook) {
        return;
    }
    let body = json!({
        "type": "invoice.posted", "timestamp": at.to_string(),
        "data": {"id": record.parse::<i64>().unwrap_or(0), "external_id": external_id, "number": null, "state": "posted",
                 "write_date": at.to_string()},
    });
    send(world, ERP, body.to_string(), by_standard_webhooks);
}

/// The payment product tells that money was received.
pub(crate) fn paid(world: &Arc<World>, intent: &str, cents: i64, number: Option<&str>) {
    let metadata = number.map_or(json!({}), |n| json!({"q2c_invoice_number": n}));
    let body = json!({
        "id": format!("evt_{intent}"), "object": "event", "type": "payment_intent.succeeded",
        "created": world.sim.now().as_second(),
        "data": {"object": {"id": intent, "object": "payment_intent", "amount": cents, "amount_received": cents,
                            "currency": "usd", "status": "succeeded", "metadata": metadata}},
    });
    send(world, PAYMENTS, body.to_string(), by_stripe);
}

fn send(world: &Arc<World>, connection: &'static str, body: String, sign: Signing) {
    world.under_way();
    let again = world.sim.strikes(Fault::Twice, Place::Webhook);
    let sending = Arc::clone(world);
    world.sim.spawn(async move {
        sending.sim.wait(0, 2).await;
        until_taken(&sending, connection, &body, sign).await;
        if again {
            sending.sim.wait(0, 900).await;
            until_taken(&sending, connection, &body, sign).await;
        }
        sending.arrived();
    });
}

async fn until_taken(world: &Arc<World>, connection: &'static str, body: &str, sign: Signing) {
    loop {
        let (tell, told) = tokio::sync::oneshot::channel::<ApiGatewayProxyResponse>();
        let request = request(world, connection, body, sign);
        let process = Arc::clone(world);
        world.sim.spawn(async move {
            let _ = tell.send(webhook::receive(&process.context("webhook"), request).await);
        });
        // A process that died tells nothing, and API Gateway answers 502 in its place.
        let status = told.await.map_or(502, |response| response.status_code);
        world.sim.note(|| format!("webhook {connection} answered {status}"));
        match status {
            202 => return,
            // Turned down for good: no product of the simulation sends what it should not.
            400..=499 => {
                world.complain(format!("an authentic delivery of {connection} was answered {status}"));
                return;
            }
            _ => world.sim.wait(5, 900).await,
        }
    }
}

fn request(world: &World, connection: &str, body: &str, sign: Signing) -> ApiGatewayProxyRequest {
    let mut headers = HeaderMap::new();
    for (name, value) in sign(world, connection, body, world.sim.now()) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).expect("a header"));
    }
    let mut request = ApiGatewayProxyRequest::default();
    request.path_parameters.insert("connection".into(), connection.into());
    request.http_method = Method::POST;
    request.headers = headers;
    request.body = Some(body.to_owned());
    request
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn by_hubspot(world: &World, connection: &str, body: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let url = world.connection(connection).map(|c| c.config.webhook_url.clone()).unwrap_or_default();
    let timestamp = now.as_millisecond().to_string();
    let signature = STANDARD.encode(mac(SECRET.as_bytes(), &format!("POST{url}{body}{timestamp}")));
    vec![("x-hubspot-request-timestamp", timestamp), ("x-hubspot-signature-v3", signature)]
}

fn by_docusign(_: &World, _: &str, body: &str, _: Timestamp) -> Vec<(&'static str, String)> {
    vec![("x-docusign-signature-1", STANDARD.encode(mac(SECRET.as_bytes(), body)))]
}

fn by_stripe(_: &World, _: &str, body: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let signature = hex::encode(mac(SECRET.as_bytes(), &format!("{}.{body}", now.as_second())));
    vec![("stripe-signature", format!("t={},v1={signature}", now.as_second()))]
}

fn by_standard_webhooks(world: &World, _: &str, body: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("a key");
    let (id, timestamp) = (format!("msg_{}", world.sim.below(1 << 40)), now.as_second().to_string());
    let signature = STANDARD.encode(mac(&key, &format!("{id}.{timestamp}.{body}")));
    vec![
        ("webhook-id", id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", format!("v1,{signature}")),
    ]
}
