//! The table in memory and DynamoDB are one: what simulations prove of the one holds of the other.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "same_store/engine.rs"]
mod engine;
#[path = "same_store/sequence.rs"]
mod sequence;

use journal::memory::MemoryStore;
use journal::{Expect, Item, Key, Op, Store, StoreError};
use proptest::collection::vec;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sequence::{Call, PARTITIONS, STATUSES, call};
use serde_json::{Map, Value, json};

/// What a call came to, without the words of a refusal.
#[derive(Debug, PartialEq)]
enum Answer {
    Items(Vec<Item>),
    Unmet(Vec<(usize, Option<Item>)>),
    Contention,
    Unavailable,
    Refused,
}

fn answer(result: Result<Vec<Item>, StoreError>) -> Answer {
    match result {
        Ok(items) => Answer::Items(items),
        Err(StoreError::Unmet(unmet)) => Answer::Unmet(unmet),
        Err(StoreError::Contention) => Answer::Contention,
        Err(StoreError::Unavailable(_)) => Answer::Unavailable,
        Err(StoreError::Refused(_)) => Answer::Refused,
    }
}

async fn ask(store: &dyn Store, call: &Call) -> Answer {
    answer(match call {
        Call::Write(ops) => store.write(ops.clone()).await.map(|()| vec![]),
        Call::Get(key) => store.get(key).await.map(|item| item.into_iter().collect()),
        Call::GetMany(keys) => store.get_many(keys).await,
        Call::Query(pk, prefix, limit) => store.query(pk, prefix, *limit).await,
        Call::ByStatus(status, limit) => {
            store.by_status(status, *limit).await.map(|found| listed(found, *limit))
        }
        Call::ByStatusAfter(status, after, limit) => {
            store.by_status_after(status, after, *limit).await.map(|found| listed(found, *limit))
        }
    })
}

/// Items of the index in an order that it promises: those of one moment come in any. Of a list
/// that was cut, only the moments are promised.
fn listed(mut found: Vec<Item>, limit: usize) -> Vec<Item> {
    let at = |item: &Item| item.text("status_at").unwrap_or_default().to_owned();
    assert!(found.is_sorted_by_key(at), "oldest first");
    if limit < usize::MAX {
        return found.iter().map(|item| Item::default().with("status_at", at(item))).collect();
    }
    found.sort_by_key(|item| (at(item), item.key()));
    found
}

/// Everything that stands in the table.
async fn content(store: &dyn Store) -> Vec<Answer> {
    let mut seen = Vec::new();
    for pk in PARTITIONS {
        seen.push(ask(store, &Call::Query(pk.into(), String::new(), usize::MAX)).await);
    }
    for status in STATUSES {
        seen.push(ask(store, &Call::ByStatus(status.into(), usize::MAX)).await);
    }
    seen
}

async fn clear(store: &dyn Store) {
    for pk in PARTITIONS {
        for item in store.query(pk, "", usize::MAX).await.unwrap() {
            store.write(vec![Op::Delete { key: item.key() }]).await.unwrap();
        }
    }
}

/// Plays sequences of calls against both and compares after each.
fn compare(real: &dyn Store, runtime: &tokio::runtime::Runtime, cases: u32, taken: fn(&Call) -> bool) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let kinds = std::cell::RefCell::new(std::collections::BTreeMap::<&str, u32>::new());
    let played = runner.run(&vec(call(), 1..30), |calls| {
        runtime.block_on(async {
            clear(real).await;
            let memory = MemoryStore::new();
            for call in calls.iter().filter(|call| !taken(call)) {
                let (expected, found) = (ask(real, call).await, ask(&memory, call).await);
                if expected != found {
                    return Err(TestCaseError::fail(format!(
                        "{call:?}\n real   {expected:?}\n memory {found:?}"
                    )));
                }
                let kind = match found {
                    Answer::Items(_) => "done",
                    Answer::Unmet(_) => "unmet",
                    Answer::Refused => "refused",
                    Answer::Contention | Answer::Unavailable => "failed",
                };
                *kinds.borrow_mut().entry(kind).or_default() += 1;
                let (expected, found) = (content(real).await, content(&memory).await);
                if expected != found {
                    return Err(TestCaseError::fail(format!(
                        "after {call:?}\n real   {expected:?}\n memory {found:?}"
                    )));
                }
            }
            Ok(())
        })
    });
    if let Err(difference) = played {
        panic!("{}", difference.to_string().split("minimal failing input").next().unwrap_or_default());
    }
    println!("answers: {:?}", kinds.borrow());
    assert!(["done", "unmet", "refused"].iter().all(|kind| kinds.borrow().contains_key(kind)));
}

/// Where the emulator is known to answer otherwise than AWS: mostly it takes what AWS refuses.
/// Memory does as AWS does, and so does the embedded engine.
fn differs_from_aws(call: &Call) -> bool {
    let Call::Write(ops) = call else { return false };
    // A sort key of more than 1024 bytes, unless it is put.
    let too_long = |op: &Op| !matches!(op, Op::Put { .. }) && op.key().sk.len() > 1024;
    // "Two document paths overlap with each other": a field set and removed in one update. Or an
    // update without any.
    let overlaps = |op: &Op| match op {
        Op::Update { set, remove, .. } => {
            remove.iter().any(|name| set.contains_key(*name)) || set.is_empty() && remove.is_empty()
        }
        Op::Put { .. } | Op::Delete { .. } => false,
    };
    // An index key of another type or empty: refused by AWS only once the condition is met.
    let no_text = |value: &Value| value.as_str().is_none_or(str::is_empty);
    let mistyped = |op: &Op| match op {
        Op::Update { set, .. } => {
            ["status_key", "status_at"].iter().any(|name| set.get(*name).is_some_and(no_text))
        }
        Op::Put { .. } | Op::Delete { .. } => false,
    };
    ops.iter().any(|op| too_long(op) || overlaps(op) || mistyped(op))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn memory_answers_like_an_embedded_dynamodb() {
    compare(&engine::embedded(), &runtime(), 150, |_| false);
}

#[test]
fn memory_answers_like_the_emulator() {
    let runtime = runtime();
    let emulator = runtime.block_on(common::dynamodb());
    compare(&emulator, &runtime, 40, differs_from_aws);
}

fn put(sk: &str, body: impl Into<Value>) -> Op {
    let item = Item::default().with("pk", "p1").with("sk", sk).with("body", body);
    Op::Put { item, expect: Expect::Anything }
}

fn grow(sk: &str, bytes: usize, expect: Expect) -> Op {
    let set = Map::from_iter([("more".into(), "x".repeat(bytes).into())]);
    Op::Update { key: Key::new("p1", sk), set, remove: vec![], expect }
}

/// Lists in lists, so many levels deep.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!("x"), |inner, _| json!([inner]))
}

/// Calls at the limits, which chance does not find, each with what is expected.
fn at_the_limits() -> Vec<(&'static str, Call, bool)> {
    let key = |n: usize| Key::new("p1", format!("n#{n:03}"));
    let many = |n: usize| (0..n).map(|i| put(&key(i).sk, i)).collect::<Vec<_>>();
    let keys = |n: usize| (0..n).rev().map(key).collect::<Vec<_>>();
    let kib = |n: usize| "x".repeat(n * 1024);
    let mut again = keys(100);
    again.extend(keys(5));
    let mut twice = keys(50);
    twice.extend(keys(2));
    let absent = Expect::Absent;
    vec![
        ("100 writes", Call::Write(many(100)), true),
        ("101 writes", Call::Write(many(101)), false),
        ("101 keys, of which one is not there, in their order", Call::GetMany(keys(101)), true),
        ("a key in two batches", Call::GetMany(again), true),
        ("a key twice in one batch", Call::GetMany(twice), false),
        // pk, p1, sk, edge and body are 14 bytes.
        ("an item of 400 KiB", Call::Write(vec![put("edge", "x".repeat(400 * 1024 - 14))]), true),
        ("an item of a byte more", Call::Write(vec![put("edge", "x".repeat(400 * 1024 - 13))]), false),
        ("an item of almost 400 KiB", Call::Write(vec![put("large", kib(399))]), true),
        ("an item of more than 400 KiB", Call::Write(vec![put("larger", kib(401))]), false),
        ("the same in a transaction", Call::Write(vec![put("small", "x"), put("larger", kib(401))]), false),
        ("an update to more than 400 KiB", Call::Write(vec![grow("large", 4096, Expect::Anything)]), false),
        (
            "the same in a transaction",
            Call::Write(vec![put("small", "x"), grow("large", 4096, Expect::Anything)]),
            false,
        ),
        ("the same where its condition does not hold", Call::Write(vec![grow("large", 4096, absent)]), false),
        (
            "three pages of a query",
            Call::Write((0..8).map(|i| put(&format!("page#{i}"), kib(300))).collect()),
            true,
        ),
        ("and reading them", Call::Query("p1".into(), "page#".into(), usize::MAX), true),
        ("and a part of them", Call::Query("p1".into(), "page#".into(), 5), true),
        (
            "more than 4 MiB",
            Call::Write((0..14).map(|i| put(&format!("page#{i}"), kib(300))).collect()),
            false,
        ),
        ("31 levels", Call::Write(vec![put("deep", nested(31))]), true),
        ("33 levels", Call::Write(vec![put("deeper", nested(33))]), false),
        (
            "an update of a key",
            Call::Write(vec![Op::Update {
                key: key(1),
                set: Map::from_iter([("sk".into(), "other".into())]),
                remove: vec![],
                expect: Expect::Anything,
            }]),
            false,
        ),
        (
            "an item without keys",
            Call::Write(vec![Op::Put { item: Item::default(), expect: Expect::Anything }]),
            false,
        ),
    ]
}

fn compare_at_the_limits(real: &dyn Store, runtime: &tokio::runtime::Runtime, differs: &[&str]) {
    runtime.block_on(async {
        let memory = MemoryStore::new();
        for (what, call, taken) in at_the_limits().into_iter().filter(|(what, ..)| !differs.contains(what)) {
            let (expected, found) = (ask(real, &call).await, ask(&memory, &call).await);
            assert!(expected == found, "{what}: {} differs from {}", brief(&expected), brief(&found));
            assert_eq!(matches!(found, Answer::Items(_)), taken, "{what}: {}", brief(&found));
            assert!(content(real).await == content(&memory).await, "after {what}");
        }
    });
}

/// An answer without its megabytes.
fn brief(answer: &Answer) -> String {
    format!("{answer:?}").chars().take(200).collect()
}

#[test]
fn memory_has_the_limits_of_an_embedded_dynamodb() {
    compare_at_the_limits(&engine::embedded(), &runtime(), &[]);
}

#[test]
fn memory_has_the_limits_of_the_emulator() {
    let runtime = runtime();
    let emulator = runtime.block_on(common::dynamodb());
    compare_at_the_limits(&emulator, &runtime, &[]);
}
