//! A vendor's payload, broken on purpose: one value of it replaced by what no schema expects, or
//! its bytes damaged as transport, editors and attackers do.

use proptest::prelude::*;
use serde_json::Value;

/// Every payload that a product posts or answers with, by product.
pub(crate) const PAYLOADS: [(&str, &str); 15] = [
    ("hubspot", include_str!("../../../../tests/fixtures/payloads/hubspot-batch.json")),
    ("hubspot", include_str!("../../../../tests/fixtures/payloads/hubspot-quote-approved.json")),
    ("hubspot", include_str!("../../../../tests/fixtures/payloads/hubspot-uninteresting.json")),
    ("hubspot", include_str!("../../../../tests/fixtures/vendors/hubspot/notifications.json")),
    ("stripe", include_str!("../../../../tests/fixtures/payloads/stripe-payment-succeeded.json")),
    ("stripe", include_str!("../../../../tests/fixtures/payloads/stripe-uninteresting.json")),
    ("stripe", include_str!("../../../../tests/fixtures/payloads/stripe-thin-event.json")),
    (
        "stripe",
        include_str!("../../../../tests/fixtures/vendors/stripe/payment_intent_without_amount_received.json"),
    ),
    ("tryton", include_str!("../../../../tests/fixtures/payloads/tryton-invoice-posted.json")),
    ("tryton", include_str!("../../../../tests/fixtures/payloads/tryton-invoice-paid.json")),
    ("tryton", include_str!("../../../../tests/fixtures/vendors/tryton/notification.json")),
    ("kantata", include_str!("../../../../tests/fixtures/vendors/kantata/time_entries.json")),
    ("docusign", include_str!("../../../../tests/fixtures/vendors/docusign/envelope_completed.json")),
    ("docusign", include_str!("../../../../tests/fixtures/vendors/docusign/envelope_without_data.json")),
    ("docusign", include_str!("../../../../tests/fixtures/vendors/docusign/recipient_completed.json")),
];

/// What stands in place of a value, as JSON text.
fn replacement() -> impl Strategy<Value = String> {
    let fixed = [
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\" \"",
        "\"null\"",
        "7",
        "0",
        "-1",
        "-0",
        "0.1",
        "1e3",
        "1E400",
        "-1e-400",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551616",
        "NaN",
        "\"NaN\"",
        "\"Infinity\"",
        "\"-inf\"",
        "\"1e5\"",
        "007",
        "\"jpy\"",
        "\"USD \"",
        "\"zzz\"",
        "\"ＵＳＤ\"",
        "\"ugx\"",
        "\"mga\"",
        "\"XXX\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"e\\u0301\"",
        "\"\u{212b}\u{e9}\"",
        "\"inv_\"",
        "\"inv_#state\"",
        "\"eng_1\"",
        "\"APPROVED\"",
        "\"deal.propertyChange\"",
        "\"0000-00-00T00:00:00Z\"",
        "\"9999-12-31T23:59:59Z\"",
        "253402207200",
        "253402207201",
        "-377705023201",
    ];
    prop_oneof![
        6 => prop::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => (0_usize..300).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        1 => (0_usize..300).prop_map(|depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))),
        1 => (1_usize..100_000).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<String>().prop_map(|text| Value::String(text).to_string()),
    ]
}

/// What happens to one value.
#[derive(Debug, Clone)]
enum Change {
    /// Its name and itself are gone.
    Dropped,
    /// Something else stands there.
    Replaced(String),
    /// Its name comes a second time, with something else.
    Doubled(String),
    /// It is wrapped in an array.
    Wrapped,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => Just(Change::Dropped),
        1 => Just(Change::Wrapped),
        4 => replacement().prop_map(Change::Replaced),
        2 => replacement().prop_map(Change::Doubled),
    ]
}

/// What happens to the bytes.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Mark,
    LineEnds,
    Cut(usize),
    Flipped(usize, u8),
    NotUtf8(usize),
    Trailing(Vec<u8>),
    Sixteen,
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<usize>;
    prop_oneof![
        8 => Just(Damage::None),
        1 => Just(Damage::Mark),
        1 => Just(Damage::LineEnds),
        1 => at().prop_map(Damage::Cut),
        1 => (at(), 0_u8..8).prop_map(|(at, bit)| Damage::Flipped(at, bit)),
        1 => at().prop_map(Damage::NotUtf8),
        1 => prop::collection::vec(any::<u8>(), 1..20).prop_map(Damage::Trailing),
        1 => Just(Damage::Sixteen),
    ]
}

fn damaged(text: &str, damage: Damage) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    match damage {
        Damage::None => {}
        Damage::Mark => drop(bytes.splice(0..0, *b"\xef\xbb\xbf")),
        Damage::LineEnds => bytes = text.replace('\n', "\r\n").into_bytes(),
        Damage::Cut(at) => bytes.truncate(at % text.len()),
        Damage::Flipped(at, bit) => bytes[at % text.len()] ^= 1 << bit,
        Damage::NotUtf8(at) => bytes.insert(at % text.len(), 0xff),
        Damage::Trailing(more) => bytes.extend(more),
        Damage::Sixteen => bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    }
    bytes
}

/// Pointers to every value of a JSON value, its own included.
fn places(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, inner)| places(inner, &format!("{here}/{name}"), all))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, inner)| places(inner, &format!("{here}/{i}"), all));
        }
        _ => {}
    }
}

/// Marks where text goes that is no value of `serde_json`.
const MARK: &str = "\u{1}raw\u{1}";

fn changed(payload: &str, at: usize, change: Change) -> String {
    let mut value: Value = serde_json::from_str(payload).expect("a fixture is JSON");
    let mut all = Vec::new();
    places(&value, "", &mut all);
    let place = all[at % all.len()].clone();
    let (parent, name) = place.rsplit_once('/').unwrap_or_default();
    let mark = Value::String(MARK.into()).to_string();
    let raw = match change {
        Change::Replaced(raw) => raw,
        Change::Wrapped => format!("[{}]", value.pointer(&place).expect("it was found there")),
        Change::Dropped => {
            if place.is_empty() {
                return String::new();
            }
            match value.pointer_mut(parent) {
                Some(Value::Object(map)) => drop(map.remove(name)),
                Some(Value::Array(list)) => drop(list.remove(name.parse().expect("an index"))),
                _ => return String::new(),
            }
            return format!("{value:#}");
        }
        Change::Doubled(raw) => {
            let was = value.pointer(&place).expect("it was found there").to_string();
            if !matches!(value.pointer(parent), Some(Value::Object(_))) || place.is_empty() {
                raw
            } else {
                format!("{was},{}:{raw}", Value::String(name.into()))
            }
        }
    };
    *value.pointer_mut(&place).expect("it was found there") = MARK.into();
    format!("{value:#}").replace(&mark, &raw)
}

/// A payload with up to one value changed and its bytes damaged.
pub(crate) fn broken(payload: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::option::weighted(0.9, (any::<usize>(), change()));
    (changes, damage()).prop_map(move |(change, damage)| {
        let text = match change {
            Some((at, change)) => changed(payload, at, change),
            None => payload.to_owned(),
        };
        let text = if text.is_empty() { " ".to_owned() } else { text };
        damaged(&text, damage)
    })
}

/// A product and a broken payload of its.
pub(crate) fn mutated() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let payloads = prop::sample::select(PAYLOADS.as_slice());
    payloads.prop_flat_map(|(product, payload)| (Just(product), broken(payload)))
}

/// A product and any bytes at all.
pub(crate) fn arbitrary() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let product = prop::sample::select(["hubspot", "stripe", "tryton", "kantata", "docusign"].as_slice());
    (product, prop::collection::vec(any::<u8>(), 0..2_000))
}

#[test]
fn a_mutation_changes_what_it_says() {
    let payload = r#"{"a": 1}"#;
    let all = |change: Change| (0..2).map(|i| changed(payload, i, change.clone())).collect::<Vec<_>>();
    let compact = |text: &String| text.split_whitespace().collect::<String>();
    let texts = |change| all(change).iter().map(compact).collect::<Vec<_>>();
    assert!(texts(Change::Dropped).contains(&"{}".to_owned()), "{:?}", texts(Change::Dropped));
    assert!(texts(Change::Replaced("1E400".into())).contains(&r#"{"a":1E400}"#.to_owned()));
    assert!(texts(Change::Doubled("2".into())).contains(&r#"{"a":1,"a":2}"#.to_owned()));
    assert!(texts(Change::Wrapped).contains(&r#"{"a":[1]}"#.to_owned()));
}
