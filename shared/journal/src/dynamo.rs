//! The store over DynamoDB.

mod expression;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure as ReturnOld,
    TransactWriteItem, Update,
};

use self::expression::{Expression, from_attributes, key_attributes, to_attributes, update_expression};
use crate::key::Key;
use crate::store::{Item, Op, Store, StoreError};

/// DynamoDB takes this many keys in one batch read.
const KEYS_A_READ: usize = 100;
/// Rounds of asking again for keys that a batch read left out.
const MOST_READS: usize = 10;

/// A DynamoDB table.
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl DynamoStore {
    /// The table of a name.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    async fn write_one(&self, op: Op) -> Result<(), StoreError> {
        match op {
            Op::Put { item, expect } => {
                let condition = Expression::of(&expect);
                self.client
                    .put_item()
                    .table_name(&self.table)
                    .set_item(Some(to_attributes(item)?))
                    .set_condition_expression(condition.text)
                    .set_expression_attribute_names(condition.names)
                    .set_expression_attribute_values(condition.values)
                    .return_values_on_condition_check_failure(ReturnOld::AllOld)
                    .send()
                    .await
                    .map(drop)
                    .map_err(|e| {
                        let old = e.as_service_error().and_then(|s| match s {
                            aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(c) => {
                                Some(c.item.clone())
                            }
                            _ => None,
                        });
                        single(e, old)
                    })
            }
            Op::Update { key, set, remove, expect } => {
                let (update, condition) = update_expression(set, &remove, &expect)?;
                self.client
                    .update_item()
                    .table_name(&self.table)
                    .set_key(Some(key_attributes(&key)))
                    .update_expression(update)
                    .set_condition_expression(condition.text)
                    .set_expression_attribute_names(condition.names)
                    .set_expression_attribute_values(condition.values)
                    .return_values_on_condition_check_failure(ReturnOld::AllOld)
                    .send()
                    .await
                    .map(drop)
                    .map_err(|e| {
                        let old = e.as_service_error().and_then(|s| match s {
                            aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
                                c,
                            ) => Some(c.item.clone()),
                            _ => None,
                        });
                        single(e, old)
                    })
            }
            Op::Delete { key } => self
                .client
                .delete_item()
                .table_name(&self.table)
                .set_key(Some(key_attributes(&key)))
                .send()
                .await
                .map(drop)
                .map_err(|e| failed(&e)),
        }
    }

    async fn write_all(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        let items = ops.into_iter().map(|op| self.transact_item(op)).collect::<Result<Vec<_>, _>>()?;
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        match sent {
            Ok(_) => Ok(()),
            Err(e) => Err(cancelled(&e)),
        }
    }

    fn transact_item(&self, op: Op) -> Result<TransactWriteItem, StoreError> {
        let refused = |e: aws_sdk_dynamodb::error::BuildError| StoreError::Refused(e.to_string());
        let item = TransactWriteItem::builder();
        Ok(match op {
            Op::Put { item: body, expect } => {
                let condition = Expression::of(&expect);
                let put = Put::builder()
                    .table_name(&self.table)
                    .set_item(Some(to_attributes(body)?))
                    .set_condition_expression(condition.text)
                    .set_expression_attribute_names(condition.names)
                    .set_expression_attribute_values(condition.values)
                    .return_values_on_condition_check_failure(ReturnOld::AllOld);
                item.put(put.build().map_err(refused)?)
            }
            Op::Update { key, set, remove, expect } => {
                let (expression, condition) = update_expression(set, &remove, &expect)?;
                let update = Update::builder()
                    .table_name(&self.table)
                    .set_key(Some(key_attributes(&key)))
                    .update_expression(expression)
                    .set_condition_expression(condition.text)
                    .set_expression_attribute_names(condition.names)
                    .set_expression_attribute_values(condition.values)
                    .return_values_on_condition_check_failure(ReturnOld::AllOld);
                item.update(update.build().map_err(refused)?)
            }
            Op::Delete { key } => {
                let delete = Delete::builder().table_name(&self.table).set_key(Some(key_attributes(&key)));
                item.delete(delete.build().map_err(refused)?)
            }
        }
        .build())
    }
}

/// A failed single write: `old` is the item that a failed condition returned.
fn single<E: ProvideErrorMetadata, R>(
    error: SdkError<E, R>,
    old: Option<Option<std::collections::HashMap<String, AttributeValue>>>,
) -> StoreError {
    match old {
        Some(item) => match item.map(from_attributes).transpose() {
            Ok(item) => StoreError::Unmet(vec![(0, item)]),
            Err(e) => e,
        },
        None => failed(&error),
    }
}

fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> StoreError {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return failed(error);
    };
    let reasons = cancelled.cancellation_reasons();
    let mut unmet = Vec::new();
    for (position, reason) in reasons.iter().enumerate() {
        match reason.code() {
            Some("ConditionalCheckFailed") => match reason.item.clone().map(from_attributes).transpose() {
                Ok(item) => unmet.push((position, item)),
                Err(e) => return e,
            },
            Some("ValidationError" | "ItemCollectionSizeLimitExceeded") => {
                return StoreError::Refused(reason.message().unwrap_or("validation").to_owned());
            }
            Some("ThrottlingError" | "ProvisionedThroughputExceeded") => {
                return StoreError::Unavailable("throttled".into());
            }
            _ => {}
        }
    }
    // What was not met tells more than that somebody else is writing as well.
    if unmet.is_empty() { StoreError::Contention } else { StoreError::Unmet(unmet) }
}

fn failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> StoreError {
    match error {
        SdkError::ServiceError(service) => match service.err().code() {
            Some("TransactionConflictException" | "TransactionInProgressException") => StoreError::Contention,
            Some("ValidationException" | "AccessDeniedException" | "ResourceNotFoundException") => {
                StoreError::Refused(format!(
                    "{}: {}",
                    service.err().code().unwrap_or_default(),
                    service.err().message().unwrap_or_default()
                ))
            }
            code => StoreError::Unavailable(code.unwrap_or("service error").to_owned()),
        },
        SdkError::ConstructionFailure(_) => StoreError::Refused("the request could not be built".into()),
        SdkError::TimeoutError(_) => StoreError::Unavailable("time-out".into()),
        _ => StoreError::Unavailable("no answer".into()),
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| failed(&e))?;
        answer.item.map(from_attributes).transpose()
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        for chunk in keys.chunks(KEYS_A_READ) {
            let mut wanted: Vec<_> = chunk.iter().map(key_attributes).collect();
            for _ in 0..MOST_READS {
                if wanted.is_empty() {
                    break;
                }
                let request =
                    KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
                let request = request.map_err(|e| StoreError::Refused(e.to_string()))?;
                let answer = self.client.batch_get_item().request_items(&self.table, request).send().await;
                let answer = answer.map_err(|e| failed(&e))?;
                for item in answer.responses.and_then(|mut r| r.remove(&self.table)).unwrap_or_default() {
                    found.push(from_attributes(item)?);
                }
                wanted = answer
                    .unprocessed_keys
                    .and_then(|mut u| u.remove(&self.table))
                    .map(|left| left.keys)
                    .unwrap_or_default();
            }
            if !wanted.is_empty() {
                return Err(StoreError::Unavailable("keys left unread".into()));
            }
        }
        let position = |item: &Item| keys.iter().position(|k| *k == item.key());
        found.sort_by_key(position);
        Ok(found)
    }

    async fn write(&self, mut ops: Vec<Op>) -> Result<(), StoreError> {
        match (ops.pop(), ops.is_empty()) {
            (None, _) => Ok(()),
            (Some(op), true) => self.write_one(op).await,
            (Some(op), false) => {
                ops.push(op);
                self.write_all(ops).await
            }
        }
    }

    async fn query(&self, pk: &str, sk_prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", AttributeValue::S(pk.into()));
        // DynamoDB refuses an empty prefix; it means the whole partition.
        let request = if sk_prefix.is_empty() {
            request.key_condition_expression("pk = :pk")
        } else {
            request
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", AttributeValue::S(sk_prefix.into()))
        };
        collect(request, limit).await
    }

    async fn by_status(&self, status_key: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-status")
            .key_condition_expression("status_key = :status")
            .expression_attribute_values(":status", AttributeValue::S(status_key.into()));
        collect(request, limit).await
    }

    async fn by_status_after(
        &self,
        status_key: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-status")
            .key_condition_expression("status_key = :status AND status_at > :after")
            .expression_attribute_values(":status", AttributeValue::S(status_key.into()))
            .expression_attribute_values(":after", AttributeValue::S(after.into()));
        collect(request, limit).await
    }
}

/// The items of a query, page after page, up to a limit.
async fn collect(request: QueryFluentBuilder, limit: usize) -> Result<Vec<Item>, StoreError> {
    let mut pages = request.into_paginator().items().send();
    let mut found = Vec::new();
    while found.len() < limit {
        match pages.next().await {
            Some(Ok(item)) => found.push(from_attributes(item)?),
            Some(Err(e)) => return Err(failed(&e)),
            None => break,
        }
    }
    Ok(found)
}
