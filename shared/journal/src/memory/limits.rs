//! What DynamoDB refuses.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::key::Key;
use crate::store::{Item, Op, StoreError};

const MOST_OPS: usize = 100;
const ITEM_BYTES: usize = 400 * 1024;
const TRANSACTION_BYTES: usize = 4 * 1024 * 1024;
const PARTITION_KEY_BYTES: usize = 2048;
const SORT_KEY_BYTES: usize = 1024;
const LEVELS: usize = 32;

/// Attributes that are keys of the table or the index, with the longest value.
const KEYS: [(&str, usize); 2] = [("pk", PARTITION_KEY_BYTES), ("sk", SORT_KEY_BYTES)];
const INDEX_KEYS: [(&str, usize); 2] = [("status_key", PARTITION_KEY_BYTES), ("status_at", SORT_KEY_BYTES)];

/// Where an item that is looked at comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It was given whole.
    Given,
    /// It is what an update makes.
    Result,
}

fn refused<T>(what: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Refused(what.into()))
}

fn key_value(name: &str, value: &str, most: usize) -> Result<(), StoreError> {
    match value.len() {
        0 => refused(format!("{name} is empty")),
        length if length > most => refused(format!("{name} has {length} bytes, of {most}")),
        _ => Ok(()),
    }
}

/// A key that a read or write names.
pub(super) fn key(key: &Key) -> Result<(), StoreError> {
    key_value("pk", &key.pk, PARTITION_KEY_BYTES)?;
    key_value("sk", &key.sk, SORT_KEY_BYTES)
}

/// What a request shows by itself, whatever stands in the table.
pub(super) fn request(ops: &[Op]) -> Result<(), StoreError> {
    if ops.len() > MOST_OPS {
        return refused(format!("{} operations in one transaction", ops.len()));
    }
    let mut bytes = 0;
    for op in ops {
        key(&op.key())?;
        match op {
            Op::Put { item: given, .. } => bytes += item(given, Place::Given)?,
            Op::Update { set, remove, .. } => {
                update(set, remove)?;
                bytes += fields(set, 1)?;
            }
            Op::Delete { .. } => {}
        }
    }
    if ops.len() > 1 {
        if ops.iter().map(Op::key).collect::<BTreeSet<_>>().len() < ops.len() {
            return refused("an item twice in one transaction");
        }
        if bytes > TRANSACTION_BYTES {
            return refused(format!("{bytes} bytes in one transaction"));
        }
    }
    Ok(())
}

fn update(set: &Map<String, Value>, remove: &[&'static str]) -> Result<(), StoreError> {
    if set.is_empty() && remove.is_empty() {
        return refused("an update that changes nothing");
    }
    let named = || set.keys().map(String::as_str).chain(remove.iter().copied());
    if named().any(|name| KEYS.iter().any(|(key, _)| *key == name)) {
        return refused("an update of a key");
    }
    if named().collect::<BTreeSet<_>>().len() < set.len() + remove.len() {
        return refused("an update that names a field twice");
    }
    Ok(())
}

/// An item as a whole; gives its size.
pub(super) fn item(item: &Item, place: Place) -> Result<usize, StoreError> {
    let keys: &[(&str, usize)] = if place == Place::Given { &KEYS } else { &[] };
    for (name, most) in keys {
        key_value(name, item.text(name).unwrap_or_default(), *most)?;
    }
    for (name, most) in INDEX_KEYS {
        match item.0.get(name) {
            None => {}
            Some(Value::String(value)) => key_value(name, value, most)?,
            Some(_) => return refused(format!("{name} is no text")),
        }
    }
    let size = fields(&item.0, 1)?;
    if size > ITEM_BYTES { refused(format!("an item of {size} bytes, of {ITEM_BYTES}")) } else { Ok(size) }
}

fn fields(map: &Map<String, Value>, level: usize) -> Result<usize, StoreError> {
    let mut sum = 0;
    for (name, field) in map {
        sum += name.len() + size(field, level)?;
    }
    Ok(sum)
}

/// The bytes that DynamoDB counts of a value.
fn size(value: &Value, level: usize) -> Result<usize, StoreError> {
    if level > LEVELS + 1 {
        return refused(format!("more than {LEVELS} levels"));
    }
    Ok(match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => number.to_string().len() / 2 + 2,
        Value::String(text) => text.len(),
        Value::Array(values) => values
            .iter()
            .try_fold(3 + values.len(), |sum, v| Ok::<_, StoreError>(sum + size(v, level + 1)?))?,
        Value::Object(map) => 3 + map.len() + fields(map, level + 1)?,
    })
}
