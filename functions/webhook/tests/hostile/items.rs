//! What is kept must fit into an item of the table: 400 KiB with the names of its fields. The largest
//! body of each kind is kept in the emulator's DynamoDB and read back.

use std::sync::Arc;

use jiff::Timestamp;
use journal::{Item, Key, Store};
use runtime::fake::{FakeBus, FakeClock, FakeConnections, context};
use runtime::{ConfiguredConnections, SecretSource};
use webhook::{MOST_BYTES, receive};

use crate::attacks::products::{NOW, SECRET, connection};
use crate::attacks::webhook::{kept, request, signed};
use crate::emulator::dynamodb;

/// DynamoDB's limit of an item.
const MOST_ITEM_BYTES: usize = 400 * 1024;

/// An item as DynamoDB counts it: the UTF-8 bytes of names and texts. All that an exception has is text.
fn size(item: &Item) -> usize {
    item.0.iter().map(|(name, value)| name.len() + value.as_str().map_or(64, str::len)).sum()
}

async fn kept_in(store: Arc<dyn Store>, product: &str, body: &[u8]) -> (i64, Vec<Item>) {
    let mut connections = FakeConnections::default();
    let name = format!("{product}-main");
    connections.connections.insert(name.clone(), Arc::new(connection(product, &["v3"], &[SECRET])));
    let clock = Arc::new(FakeClock::at(Timestamp::from_second(NOW).unwrap()));
    let context = context("webhook", Arc::clone(&store), &Arc::new(FakeBus::default()), &clock, connections);
    let status = receive(&context, request(&name, &signed(product, body), body, true)).await.status_code;
    let partition = Key::partition("northwind", &format!("connection_{name}"));
    (status, store.query(&partition, "exception#", 10).await.unwrap())
}

/// Bodies of exactly the largest size that make the largest items.
fn largest() -> Vec<(&'static str, Vec<u8>)> {
    let long = |before: &str, filling: &str, after: &str| {
        let room = MOST_BYTES - before.len() - after.len();
        let mut body = format!("{before}{}", filling.repeat(room / filling.len()));
        body.push_str(&" ".repeat(room % filling.len()));
        body.push_str(after);
        assert_eq!(body.len(), MOST_BYTES);
        body.into_bytes()
    };
    vec![
        // No text: a third longer.
        ("stripe", vec![0xff; MOST_BYTES]),
        // Text that looks encoded is encoded as well.
        ("stripe", long("base64:", "A", "")),
        // JSON writes each of these as six characters on the way; DynamoDB counts one.
        ("stripe", vec![1; MOST_BYTES]),
        // What the parser says of these quotes them whole.
        ("stripe", long(r#"{"object":""#, "x", r#"","type":"a"}"#)),
        ("stripe", long(r#"{"object":"event","type":{"x":1},"created":""#, "\u{e9}", r#""}"#)),
        (
            "stripe",
            long(r#"{"object":"event","type":"payment_intent.succeeded","created":""#, "\\\"", r#""}"#),
        ),
        ("hubspot", long(r#"[{"subscriptionType":null,"eventId":""#, "\u{10ffff}", r#""}]"#)),
        ("tryton", long(r#"{"type":"invoice.posted","data":""#, "\\n", r#""}"#)),
    ]
}

/// Proves EXC-14 in part: the largest delivery that is taken is kept, and not answered with 202 and lost.
#[tokio::test]
async fn the_largest_deliveries_fit_into_an_item() {
    for (product, body) in largest() {
        let store: Arc<dyn Store> = Arc::new(dynamodb().await);
        let (status, items) = kept_in(store, product, &body).await;
        let begin = String::from_utf8_lossy(&body[..60]);
        assert_eq!((status, items.len()), (202, 1), "{begin}");
        assert_eq!(kept(&items[0]), body, "{begin}");
        // An item of the emulator may be larger than one of AWS: so it is counted as well.
        assert!(size(&items[0]) <= MOST_ITEM_BYTES, "{begin}: {} bytes", size(&items[0]));
    }
}

/// What the table refuses for its size is answered 503 and sent again; the emulator refuses it as AWS does.
#[tokio::test]
async fn the_table_takes_400_kib_and_not_a_byte_more() {
    let store = dynamodb().await;
    let key = Key::new("limit", "item");
    let empty = Item::default().with("pk", key.pk.clone()).with("sk", key.sk.clone()).with("payload", "");
    let room = MOST_ITEM_BYTES - size(&empty);
    for (bytes, taken) in [(room, true), (room + 1, false)] {
        let item = empty.clone().with("payload", "x".repeat(bytes));
        let written = store.write(vec![journal::Op::Put { item, expect: journal::Expect::Anything }]).await;
        assert_eq!(written.is_ok(), taken, "{bytes}: {written:?}");
    }
}

/// A store that refuses, as the table does what is too large for it.
struct Refusing(journal::memory::MemoryStore);

#[async_trait::async_trait]
impl Store for Refusing {
    async fn get(&self, key: &Key) -> Result<Option<Item>, journal::StoreError> {
        self.0.get(key).await
    }
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, journal::StoreError> {
        self.0.get_many(keys).await
    }
    async fn write(&self, _: Vec<journal::Op>) -> Result<(), journal::StoreError> {
        Err(journal::StoreError::Refused(
            "ValidationException: Item size has exceeded the maximum allowed size".into(),
        ))
    }
    async fn query(&self, pk: &str, prefix: &str, limit: usize) -> Result<Vec<Item>, journal::StoreError> {
        self.0.query(pk, prefix, limit).await
    }
    async fn by_status(&self, key: &str, limit: usize) -> Result<Vec<Item>, journal::StoreError> {
        self.0.by_status(key, limit).await
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_accepted() {
    let store = Arc::new(Refusing(journal::memory::MemoryStore::new()));
    let (status, items) = kept_in(store, "stripe", b"not an event").await;
    assert_eq!((status, items.len()), (503, 0));
}

/// No secret of any connection.
struct NoSecrets;

#[async_trait::async_trait]
impl SecretSource for NoSecrets {
    async fn secret(&self, _: &str) -> Result<String, String> {
        Err("there is none".into())
    }
}

/// A connection's ID is a key of the table. One that the table would refuse is not looked up: its
/// refusal would be answered 503, and whoever calls would be asked to call again.
#[tokio::test]
async fn an_id_that_is_no_key_is_not_found() {
    let store: Arc<dyn Store> = Arc::new(dynamodb().await);
    let clock = Arc::new(FakeClock::at(Timestamp::from_second(NOW).unwrap()));
    let bus = Arc::new(FakeBus::default());
    let mut context = context("webhook", Arc::clone(&store), &bus, &clock, FakeConnections::default());
    context.connect = Arc::new(ConfiguredConnections::new(context.journal.clone(), Box::new(NoSecrets)));
    let too_long = "a".repeat(2_049);
    assert!(store.get(&Key::connection(&too_long)).await.is_err(), "the table refuses the key");
    for connection in ["nobody", "a#b", "", &too_long] {
        let answer = receive(&context, request(connection, &[], b"{}", true)).await;
        assert_eq!(answer.status_code, 404, "{} bytes", connection.len());
    }
}
