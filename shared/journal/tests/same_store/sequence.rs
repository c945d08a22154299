//! Sequences of reads and writes, made up at random around few keys so that they meet.

use journal::{Expect, Item, Key, Op};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// One call.
#[derive(Debug, Clone)]
pub enum Call {
    Write(Vec<Op>),
    Get(Key),
    GetMany(Vec<Key>),
    Query(String, String, usize),
    ByStatus(String, usize),
    ByStatusAfter(String, String, usize),
}

pub const PARTITIONS: [&str; 2] = ["p1", "p2"];
pub const STATUSES: [&str; 2] = ["ready", "open"];
const FIELDS: [&str; 6] = ["status", "lease_until", "version", "status_key", "status_at", "body"];
const WORDS: [&str; 5] = ["", "a", "ready", "2026-11-21T12:00:00Z", "Zürich"];

fn key() -> impl Strategy<Value = Key> {
    // Every so often a key that the table refuses.
    let sort = prop_oneof![
        30 => select(&["line#1", "line#2", "line#2x", "state", "x"][..]).prop_map(str::to_owned),
        1 => Just(String::new()),
        1 => Just("k".repeat(1025)),
    ];
    (select(&PARTITIONS[..]), sort).prop_map(|(pk, sk)| Key::new(pk, sk))
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(&WORDS[..]).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u64..3).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-c]{1,2}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// A field's value: mostly of the type that it has in the table, sometimes another.
fn field(name: &'static str) -> BoxedStrategy<Value> {
    let usual = match name {
        "version" => (0u64..3).prop_map(Value::from).boxed(),
        "status_key" => select(&STATUSES[..]).prop_map(Value::from).boxed(),
        "body" => return value().boxed(),
        _ => select(&WORDS[1..]).prop_map(Value::from).boxed(),
    };
    prop_oneof![20 => usual, 1 => leaf()].boxed()
}

fn fields() -> impl Strategy<Value = Map<String, Value>> {
    proptest::sample::subsequence(FIELDS.to_vec(), 0..=FIELDS.len())
        .prop_flat_map(|names| {
            names
                .into_iter()
                .map(|name| field(name).prop_map(move |v| (name.to_owned(), v)))
                .collect::<Vec<_>>()
        })
        .prop_map(Map::from_iter)
}

fn expect() -> impl Strategy<Value = Expect> {
    let word = || select(&WORDS[..]).prop_map(str::to_owned);
    prop_oneof![
        3 => Just(Expect::Anything),
        2 => Just(Expect::Absent),
        2 => (0u64..4).prop_map(Expect::Version),
        2 => (select(&["status", "version", "body", "status_key"][..]), word())
            .prop_map(|(name, value)| Expect::Field(name, value)),
        2 => (select(&["status", "body"][..]), word(), select(&["version", "lease_until", "status_key"][..]))
            .prop_map(|(name, value, absent)| Expect::FieldWithout(name, value, absent)),
        2 => (select(&["lease_until", "version", "status"][..]), word())
            .prop_map(|(name, value)| Expect::AbsentOrBefore(name, value)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let remove = proptest::sample::subsequence(FIELDS.to_vec(), 0..=3);
    prop_oneof![
        3 => (key(), fields(), expect()).prop_map(|(key, mut fields, expect)| {
            fields.insert("pk".into(), key.pk.into());
            fields.insert("sk".into(), key.sk.into());
            Op::Put { item: Item(fields), expect }
        }),
        3 => (key(), fields(), remove, expect()).prop_map(|(key, set, remove, expect)| {
            // Mostly not the same field twice: that is refused.
            let keep = set.len() % 4 == 3;
            let remove = remove.into_iter().filter(|name| keep || !set.contains_key(*name)).collect();
            Op::Update { key, set, remove, expect }
        }),
        1 => key().prop_map(|key| Op::Delete { key }),
    ]
}

/// A call of any kind.
pub fn call() -> impl Strategy<Value = Call> {
    let partition = || select(&["p1", "p2", "p3"][..]).prop_map(str::to_owned);
    let prefix = select(&["", "line#", "line#2", "state", "zz"][..]).prop_map(str::to_owned);
    let limit = || select(&[0, 1, 2, usize::MAX][..]);
    let status = select(&["ready", "open", "none"][..]).prop_map(str::to_owned);
    prop_oneof![
        6 => op().prop_map(|op| Call::Write(vec![op])),
        6 => vec(op(), 2..5).prop_map(Call::Write),
        1 => key().prop_map(Call::Get),
        1 => vec(key(), 0..6).prop_map(Call::GetMany),
        1 => (partition(), prefix, limit()).prop_map(|(pk, sk, limit)| Call::Query(pk, sk, limit)),
        1 => (status.clone(), limit()).prop_map(|(status, limit)| Call::ByStatus(status, limit)),
        1 => (status, prop::sample::select(&WORDS[1..]), limit())
            .prop_map(|(status, after, limit)| Call::ByStatusAfter(status, after.to_owned(), limit)),
    ]
}
