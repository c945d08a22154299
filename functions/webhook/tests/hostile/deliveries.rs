//! Any delivery: only documented answers, and nothing that is authentic is lost.

use proptest::prelude::*;
use webhook::receive;

use crate::attacks::webhook::{ANSWERS, nothing_is_lost, request, signed, world};
use crate::attacks::{block_on, products};
use crate::mutation::{arbitrary, mutated};

type Headers = Vec<(String, String)>;

fn answered(
    connection: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> (i64, crate::attacks::webhook::World) {
    let world = world();
    let status = block_on(receive(&world.context, request(connection, headers, body, true))).status_code;
    (status, world)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Proves EXC-14 in part: whatever is wrong with an authentic delivery, it becomes events or one
    /// exception that keeps every byte of it.
    #[test]
    fn an_authentic_delivery_is_taken_whole((product, body) in prop_oneof![3 => mutated(), 1 => arbitrary()]) {
        let (status, world) = answered(&format!("{product}-main"), &signed(product, &body), &body);
        prop_assert_eq!(status, 202);
        nothing_is_lost(&world, product, &body);
    }

    /// One bit of what was signed, and it is refused and leaves no trace.
    #[test]
    fn a_delivery_with_a_flipped_bit_leaves_no_trace((product, body) in mutated(), at in any::<usize>(), bit in 0_u8..8) {
        prop_assume!(!body.is_empty());
        let headers = signed(product, &body);
        let mut other = body;
        let length = other.len();
        other[at % length] ^= 1 << bit;
        let (status, world) = answered(&format!("{product}-main"), &headers, &other);
        prop_assert_eq!(status, 401);
        prop_assert!(world.bus.taken().is_empty() && world.store.items().is_empty());
    }

    /// Names, values and connections of any form are answered as documented, never with a fault of ours.
    #[test]
    fn any_request_has_a_documented_answer(
        connection in "[ -~é]{0,60}|hubspot-main|stripe-main", body in prop::collection::vec(any::<u8>(), 0..200),
        values in prop::collection::vec("[ -~é\t]{0,100}", 0..8),
    ) {
        let headers: Headers = values.into_iter().enumerate().map(|(i, value)| (NAMES[i].to_owned(), value)).collect();
        let (status, world) = answered(&connection, &headers, &body);
        prop_assert!(ANSWERS.contains(&status) && status != 202, "{}", status);
        prop_assert!(world.bus.taken().is_empty() && world.store.items().is_empty());
    }
}

const NAMES: [&str; 8] = [
    "Stripe-Signature",
    "stripe-signature",
    "X-HubSpot-Signature-v3",
    "X-HUBSPOT-REQUEST-TIMESTAMP",
    "webhook-id",
    "X-HubSpot-Signature",
    "X-HubSpot-Signature-Version",
    "Accept",
];

/// What no connection can be called is not looked up: as the key of an item it could be refused, and
/// the product would be asked to send again for ever.
#[test]
fn what_no_connection_can_be_called_is_not_found() {
    let long = "a".repeat(41);
    let body = b"{}";
    for connection in [
        "",
        "a",
        "A-main",
        "9main",
        "-main",
        "stripe main",
        "stripe_main",
        "ströme",
        "a#config",
        "../x",
        &long,
    ] {
        let (status, _) = answered(connection, &signed("stripe", body), body);
        assert_eq!(status, 404, "{connection:?}");
    }
    assert_eq!(answered(&"a".repeat(3_000), &[], body).0, 404, "longer than a key of the table may be");
}

/// Two deliveries that would read the same as an exception's payload are two exceptions.
#[test]
fn text_that_looks_encoded_is_not_taken_for_what_is() {
    let bytes = [0xff, 0xfe, 0x00];
    let text = b"base64://4A";
    let world = world();
    for body in [bytes.as_slice(), text.as_slice()] {
        let request = request("stripe-main", &signed("stripe", body), body, true);
        assert_eq!(block_on(receive(&world.context, request)).status_code, 202);
    }
    let mut kept: Vec<Vec<u8>> = world.store.items().iter().map(crate::attacks::webhook::kept).collect();
    kept.sort();
    assert_eq!(kept, [text.to_vec(), bytes.to_vec()]);
}

/// Kantata has no webhook; what is signed for its connection is kept all the same.
#[test]
fn a_product_that_is_only_polled_loses_nothing_either() {
    assert!(products::ALL.contains(&"kantata"));
    let (status, world) = answered("kantata-main", &signed("kantata", b"{}"), b"{}");
    assert_eq!(status, 202);
    nothing_is_lost(&world, "kantata", b"{}");
}
