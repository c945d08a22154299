//! Each limit of the function: at the limit, and one past it.

use webhook::{MOST_BYTES, MOST_HEADER_BYTES, receive};

use crate::attacks::block_on;
use crate::attacks::webhook::{World, kept, nothing_is_lost, request, signed, world};

fn answered(headers: &[(String, String)], body: &[u8], base64: bool) -> (i64, World) {
    let world = world();
    let status = block_on(receive(&world.context, request("stripe-main", headers, body, base64))).status_code;
    (status, world)
}

/// 256 KiB, as text and as base64, of characters that JSON writes six times as long too.
#[test]
fn a_body_of_256_kib_is_kept_whole_and_one_byte_more_is_refused() {
    for base64 in [false, true] {
        for filling in ["x", "\u{1}", "\"", "\u{0}"] {
            let body = filling.repeat(MOST_BYTES);
            let (status, world) = answered(&signed("stripe", body.as_bytes()), body.as_bytes(), base64);
            assert_eq!(status, 202, "{filling:?} base64 {base64}");
            nothing_is_lost(&world, "stripe", body.as_bytes());
            let longer = format!("{body}{filling}");
            let (status, world) = answered(&signed("stripe", longer.as_bytes()), longer.as_bytes(), base64);
            assert_eq!(status, 413, "{filling:?} base64 {base64}");
            assert!(world.store.items().is_empty() && world.bus.taken().is_empty());
        }
    }
}

/// 256 KiB that are no text: kept encoded, a third longer, and still whole.
#[test]
fn bytes_of_256_kib_are_kept_whole_and_one_more_is_refused() {
    let body = vec![0xff; MOST_BYTES];
    let (status, world) = answered(&signed("stripe", &body), &body, true);
    assert_eq!(status, 202);
    assert_eq!(kept(&world.store.items()[0]), body);
    let longer = vec![0xff; MOST_BYTES + 1];
    assert_eq!(answered(&signed("stripe", &longer), &longer, true).0, 413);
}

/// 16 KiB of names and values together.
#[test]
fn headers_of_16_kib_are_read_and_one_byte_more_is_refused() {
    let body = br#"{"object":"event","type":"customer.created"}"#;
    let mut headers = signed("stripe", body);
    let present: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let padding = MOST_HEADER_BYTES - present - "X-Padding".len();
    for (bytes, expected) in [(padding, 202), (padding + 1, 413)] {
        headers.push(("X-Padding".into(), "x".repeat(bytes)));
        assert_eq!(answered(&headers, body, true).0, expected, "{bytes}");
        headers.pop();
    }
    headers.push(("Stripe-Signature".into(), "v1=0,".repeat(1_000)));
    assert_eq!(answered(&headers, body, true).0, 401, "a header that came twice, whatever its size");
}

/// JSON that is read to 127 levels: past them the delivery is kept and not refused.
#[test]
fn a_delivery_128_levels_deep_is_kept_whole() {
    for depth in [127, 128, 129, 100_000] {
        let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for product in ["hubspot", "stripe", "tryton", "docusign"] {
            let world = world();
            let request = request(
                &format!("{product}-main"),
                &signed(product, body.as_bytes()),
                body.as_bytes(),
                false,
            );
            assert_eq!(block_on(receive(&world.context, request)).status_code, 202, "{product} {depth}");
            nothing_is_lost(&world, product, body.as_bytes());
            assert_eq!(world.store.items().len(), 1, "{product} {depth}");
        }
    }
}

/// A batch that is taken whole, and one notification more that is kept whole.
#[test]
fn a_thousand_notifications_are_put_on_the_bus_and_one_more_is_kept() {
    let one = |i: usize| {
        format!(
            r#"{{"eventId":{i},"subscriptionId":1,"portalId":62515,"occurredAt":1795262400000,"objectId":{i},
            "subscriptionType":"deal.propertyChange","propertyName":"quote_status","propertyValue":"APPROVED"}}"#
        )
    };
    for (count, events, exceptions) in [(1_000, 1_000, 0), (1_001, 0, 1)] {
        let body = format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","));
        let world = world();
        let request = request("hubspot-main", &signed("hubspot", body.as_bytes()), body.as_bytes(), true);
        assert_eq!(block_on(receive(&world.context, request)).status_code, 202, "{count}");
        assert_eq!((world.bus.taken().len(), world.store.items().len()), (events, exceptions), "{count}");
        nothing_is_lost(&world, "hubspot", body.as_bytes());
    }
}
