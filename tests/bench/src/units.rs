//! What DynamoDB bills, by its documented rules.
//!
//! Sizes: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
//! Writes: one unit for each 1 KB of the larger of old and new item, twice that in a
//! transaction; an index entry that appears, changes or disappears is a write of its own, and
//! is not doubled. Reads: one unit for each 4 KB read consistently, half of it otherwise.

use journal::Item;
use serde_json::Value;

const WRITE_UNIT: usize = 1024;
const READ_UNIT: usize = 4096;

/// Bytes of an item: names and values.
pub(crate) fn size(item: &Item) -> usize {
    item.0.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        // About one byte for two significant digits, and one more.
        Value::Number(number) => number.to_string().trim_end_matches('0').len().div_ceil(2) + 1,
        Value::String(text) => text.len(),
        Value::Array(elements) => 3 + elements.iter().map(|e| 1 + value_size(e)).sum::<usize>(),
        Value::Object(fields) => 3 + fields.iter().map(|(k, v)| 1 + k.len() + value_size(v)).sum::<usize>(),
    }
}

fn in_units(bytes: usize, unit: usize) -> usize {
    bytes.div_ceil(unit).max(1)
}

/// Write units of the table for a write that leaves `new` where `old` was.
pub(crate) fn table_write(old: Option<&Item>, new: Option<&Item>, in_transaction: bool) -> usize {
    let bytes = old.map_or(0, size).max(new.map_or(0, size));
    in_units(bytes, WRITE_UNIT) * if in_transaction { 2 } else { 1 }
}

/// Write units of the sparse `by-status` index for the same write.
pub(crate) fn index_write(old: Option<&Item>, new: Option<&Item>) -> usize {
    let entry = |item: Option<&Item>| {
        item.and_then(|i| Some((i.text("status_key")?.to_owned(), i.text("status_at")?.to_owned())))
    };
    let units = |item: Option<&Item>| in_units(item.map_or(0, size), WRITE_UNIT);
    match (entry(old), entry(new)) {
        (None, None) => 0,
        (None, Some(_)) => units(new),
        (Some(_), None) => units(old),
        (Some(before), Some(after)) if before == after => {
            if old == new {
                0
            } else {
                units(old).max(units(new))
            }
        }
        // A changed key is a deletion and an insertion.
        (Some(_), Some(_)) => units(old) + units(new),
    }
}

/// Halves of read units for bytes read in one go, consistently.
pub(crate) fn consistent_read(bytes: usize) -> usize {
    in_units(bytes, READ_UNIT) * 2
}

/// The same read with eventual consistency.
pub(crate) fn eventual_read(bytes: usize) -> usize {
    in_units(bytes, READ_UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::Key;

    fn item(bytes: usize) -> Item {
        let bare = Item::new(&Key::new("p", "s"), "line", "t", &serde_json::json!({})).expect("item");
        let rest = bytes - size(&bare) - "body".len();
        bare.with("body", "x".repeat(rest))
    }

    #[test]
    fn started_kilobytes_are_billed_whole_and_twice_in_a_transaction() {
        assert_eq!(table_write(None, Some(&item(1024)), false), 1);
        assert_eq!(table_write(None, Some(&item(1025)), false), 2);
        assert_eq!(table_write(Some(&item(3000)), Some(&item(100)), true), 6);
        assert_eq!(table_write(None, None, false), 1, "deleting nothing is a write");
    }

    #[test]
    fn the_index_is_written_when_an_entry_appears_changes_or_goes() {
        let plain = item(100);
        let listed = item(100).with("status_key", "ready").with("status_at", "2026");
        assert_eq!(index_write(None, Some(&plain)), 0);
        assert_eq!(index_write(None, Some(&listed)), 1);
        assert_eq!(index_write(Some(&listed), Some(&plain)), 1);
        assert_eq!(index_write(Some(&listed), Some(&listed.clone().with("status_at", "2027"))), 2);
    }

    #[test]
    fn reads_are_counted_in_halves() {
        assert_eq!((consistent_read(0), eventual_read(4096), consistent_read(4097)), (2, 1, 4));
    }
}
