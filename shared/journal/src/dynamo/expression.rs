//! From our items and expectations to DynamoDB's attributes and expressions.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};

use crate::key::Key;
use crate::store::{Expect, Item, StoreError};

/// An expression with its names and values, in the form that the SDK's setters take.
#[derive(Default)]
pub(super) struct Expression {
    pub(super) text: Option<String>,
    pub(super) names: Option<HashMap<String, String>>,
    pub(super) values: Option<HashMap<String, AttributeValue>>,
}

impl Expression {
    /// The condition of an expectation.
    pub(super) fn of(expect: &Expect) -> Self {
        let absent = Self { text: Some("attribute_not_exists(pk)".into()), ..Self::default() };
        let field = |text: &str, name: &str, value: AttributeValue| Self {
            text: Some(text.into()),
            names: Some(HashMap::from([("#expect".into(), name.to_owned())])),
            values: Some(HashMap::from([(":expect".into(), value)])),
        };
        match expect {
            Expect::Anything => Self::default(),
            Expect::Absent | Expect::Version(0) => absent,
            Expect::Version(version) => {
                field("#expect = :expect", "version", AttributeValue::N(version.to_string()))
            }
            Expect::Field(name, value) => field("#expect = :expect", name, AttributeValue::S(value.clone())),
            Expect::FieldWithout(name, value, absent) => {
                let text = "#expect = :expect AND attribute_not_exists(#absent)";
                let mut condition = field(text, name, AttributeValue::S(value.clone()));
                condition.names.get_or_insert_default().insert("#absent".into(), (*absent).to_owned());
                condition
            }
            Expect::AbsentOrBefore(name, value) => {
                field("attribute_not_exists(pk) OR #expect < :expect", name, AttributeValue::S(value.clone()))
            }
        }
    }
}

/// `SET … REMOVE …` and its condition; names and values of both are in the condition.
pub(super) fn update_expression(
    set: Map<String, Value>,
    remove: &[&'static str],
    expect: &Expect,
) -> Result<(String, Expression), StoreError> {
    let mut condition = Expression::of(expect);
    let mut names = condition.names.take().unwrap_or_default();
    let mut values = condition.values.take().unwrap_or_default();
    let mut assignments = Vec::new();
    for (i, (name, value)) in set.into_iter().enumerate() {
        names.insert(format!("#s{i}"), name);
        values.insert(format!(":s{i}"), attribute(value)?);
        assignments.push(format!("#s{i} = :s{i}"));
    }
    let mut text = String::new();
    if !assignments.is_empty() {
        text = format!("SET {}", assignments.join(", "));
    }
    if !remove.is_empty() {
        let removed: Vec<String> = (0..remove.len()).map(|i| format!("#r{i}")).collect();
        for (i, name) in remove.iter().enumerate() {
            names.insert(format!("#r{i}"), (*name).to_owned());
        }
        text = format!("{text} REMOVE {}", removed.join(", ")).trim().to_owned();
    }
    condition.names = (!names.is_empty()).then_some(names);
    condition.values = (!values.is_empty()).then_some(values);
    Ok((text, condition))
}

fn attribute(value: Value) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|e| StoreError::Refused(e.to_string()))
}

/// An item as DynamoDB takes it.
pub(super) fn to_attributes(item: Item) -> Result<HashMap<String, AttributeValue>, StoreError> {
    serde_dynamo::to_item(item.0).map_err(|e| StoreError::Refused(e.to_string()))
}

/// An item as DynamoDB gave it.
pub(super) fn from_attributes(item: HashMap<String, AttributeValue>) -> Result<Item, StoreError> {
    serde_dynamo::from_item(item).map(Item).map_err(|e| StoreError::Refused(format!("unreadable item: {e}")))
}

/// A key as DynamoDB takes it.
pub(super) fn key_attributes(key: &Key) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".into(), AttributeValue::S(key.pk.clone())),
        ("sk".into(), AttributeValue::S(key.sk.clone())),
    ])
}
