//! Reads a deal's quote back: the notification says that something was approved, the record says what.

use std::collections::BTreeSet;

use domain::contract::{BillingMethod, ChargeTiming, Period};
use domain::deposit::DrawnWhen;
use domain::money::{Currency, Money};
use domain::quote::{
    Advance, Customer, Metered, Opportunity, PassThrough, Quote, QuoteLine, Recurrence, Retained,
};
use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::json;

use super::wire::{Batch, Object};
use super::{Trigger, schedule};
use crate::error::{CallError, CallErrorKind};
use crate::http::{Api, Call, Effect};

const READ: &str = "read quote";
/// The property of a deal that holds its stage.
const STAGE: &str = "dealstage";
/// The property of a deal that names its approved statements of work: a choice of several, which HubSpot
/// separates by semicolons.
const APPROVED_STATEMENTS: &str = "q2c_approved_statements";
/// The property of a line that names the categories of expenses that it passes on: a choice of several, likewise.
const EXPENSE_CATEGORIES: &str = "q2c_expense_categories";
/// The property of a line that names the roles whose time its retainer covers: a choice of several, likewise.
const RETAINER_ROLES: &str = "q2c_retainer_roles";
const APPROVED: &str = "APPROVED";
/// Most records that one batch read takes.
const BATCH: usize = 100;

const QUOTE: &str = "hs_title,hs_status,hs_currency,hs_quote_number,hs_lastmodifieddate,q2c_version,q2c_legal_entity,\
q2c_payment_terms,q2c_project_template,q2c_purchase_order,q2c_approved_at,q2c_tm_ceiling,q2c_delivery_owner";
const COMPANY: &str = "name,address,city,zip,country,q2c_tax_id,q2c_billing_email,hs_parent_company_id";
/// HubSpot fills it from the association with the label "parent company".
pub(super) const PARENT: &str = "hs_parent_company_id";
const LINE: [&str; 36] = [
    "hs_sku",
    "name",
    "price",
    "quantity",
    "amount",
    "q2c_billing_method",
    "q2c_milestone",
    "q2c_schedule",
    "q2c_holdback",
    "q2c_planned_date",
    "q2c_role",
    "q2c_person",
    "q2c_effective_from",
    "q2c_charge",
    "q2c_period",
    "q2c_starts_on",
    "q2c_charge_timing",
    "q2c_markup_percent",
    "q2c_expense_cap",
    EXPENSE_CATEGORIES,
    "q2c_retainer_hours",
    "q2c_overage_rate",
    "q2c_retainer_amount",
    RETAINER_ROLES,
    "q2c_rollover_periods",
    "q2c_rollover_most",
    "q2c_usage",
    "q2c_meter",
    "q2c_usage_tiers",
    "q2c_usage_allowance",
    "q2c_charge_aligned",
    "q2c_ends_on",
    "q2c_deposit",
    "q2c_deposit_drawn_when",
    "q2c_deposit_share",
    "q2c_statement_of_work",
];

const BILLING_METHODS: [(&str, BillingMethod); 6] = [
    ("fixed-fee", BillingMethod::FixedFee),
    ("time-and-materials", BillingMethod::TimeAndMaterials),
    ("recurring", BillingMethod::Recurring),
    ("pass-through-expense", BillingMethod::PassThroughExpense),
    ("usage", BillingMethod::Usage),
    ("deposit", BillingMethod::Deposit),
];
const PERIODS: [(&str, Period); 3] =
    [("monthly", Period::Monthly), ("quarterly", Period::Quarterly), ("yearly", Period::Yearly)];
const TIMINGS: [(&str, ChargeTiming); 2] =
    [("advance", ChargeTiming::Advance), ("arrears", ChargeTiming::Arrears)];
const DRAWN_WHEN: [(&str, DrawnWhen); 2] = [("posted", DrawnWhen::Posted), ("paid", DrawnWhen::Paid)];
const YES_OR_NO: [(&str, bool); 2] = [("true", true), ("false", false)];

/// The deal's approved quote of the highest version; where none is approved, its latest.
pub(super) async fn of(api: &Api, triggers: &[Trigger], deal: &str) -> Result<Quote, CallError> {
    let path = format!("/crm/v3/objects/deals/{deal}");
    let properties = properties(triggers);
    let query = [("properties", properties.as_str()), ("associations", "quotes,companies")];
    let found: Object = api.get(READ, &path, &query).await?;
    let quotes = found.associated("quotes");
    let buyer = found.primary_company().map_err(|several| {
        let detail = format!("deal {deal} has {several} companies and none is its primary one");
        api.error(CallErrorKind::Refused, READ, detail)
    })?;
    let (quote, company) = tokio::try_join!(chosen(api, deal, &quotes), company(api, buyer))?;
    let above = company.as_ref().and_then(|c| c.text(PARENT));
    let items = quote.associated("line_items");
    let (parent, lines) =
        tokio::try_join!(self::company(api, above.as_deref()), batch(api, "line_items", &LINE, &items))?;
    assembled(deal, (&found, triggers), &quote, customer(company, parent), &lines).map_err(|what| {
        let number = quote.text("hs_quote_number").unwrap_or_else(|| quote.id.clone());
        api.error(CallErrorKind::Mismatch, READ, format!("quote {number}: {what}"))
    })
}

/// What is read of the deal itself: its stage, which statements of work are approved, and whatever
/// announces something.
fn properties(triggers: &[Trigger]) -> String {
    let mut names = vec!["dealname", STAGE, APPROVED_STATEMENTS];
    for trigger in triggers {
        if !names.contains(&trigger.property.as_str()) {
            names.push(&trigger.property);
        }
    }
    names.join(",")
}

/// What was announced holds for as long as the deal's property has the value that announced it.
fn opportunity(deal: &Object, triggers: &[Trigger]) -> Opportunity {
    let holds = |t: &&Trigger| deal.text(&t.property).is_some_and(|held| t.is_met_by(&held));
    let standing = triggers.iter().filter(holds).map(|t| t.means.signal()).collect();
    Opportunity { stage: deal.text(STAGE), standing }
}

/// The choices that a property of several holds, each once.
fn several(object: &Object, property: &str) -> BTreeSet<String> {
    let held = object.text(property).unwrap_or_default();
    held.split(';').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// A single quote is read at once; among several the choice is made first, from one batch.
async fn chosen(api: &Api, deal: &str, quotes: &[&str]) -> Result<Object, CallError> {
    let id = match quotes {
        [] => return Err(api.error(CallErrorKind::Refused, READ, format!("deal {deal} has no quote"))),
        [only] => (*only).to_owned(),
        several => {
            let wanted = ["hs_status", "q2c_version", "hs_lastmodifieddate"];
            let candidates = batch(api, "quotes", &wanted, several).await?;
            let best = candidates.into_iter().max_by_key(|q| {
                let approved = q.text("hs_status").as_deref() == Some(APPROVED);
                let version = q.text("q2c_version").and_then(|v| v.parse::<u32>().ok()).unwrap_or(1);
                (approved, version, q.text("hs_lastmodifieddate"), q.id.clone())
            });
            best.ok_or_else(|| api.error(CallErrorKind::Refused, READ, format!("deal {deal} has no quote")))?
                .id
        }
    };
    let query = [("properties", QUOTE), ("associations", "line_items")];
    api.get(READ, &format!("/crm/v3/objects/quotes/{id}"), &query).await
}

async fn company(api: &Api, id: Option<&str>) -> Result<Option<Object>, CallError> {
    match id {
        Some(id) => api
            .get(READ, &format!("/crm/v3/objects/companies/{id}"), &[("properties", COMPANY)])
            .await
            .map(Some),
        None => Ok(None),
    }
}

/// A batch read is a POST that changes nothing. Every record that was asked for must come back:
/// a quote with a line missing would be priced too low.
async fn batch(api: &Api, kind: &str, properties: &[&str], ids: &[&str]) -> Result<Vec<Object>, CallError> {
    let mut all = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(BATCH) {
        let inputs: Vec<_> = chunk.iter().map(|id| json!({ "id": id })).collect();
        let path = format!("/crm/v3/objects/{kind}/batch/read");
        let call =
            Call { operation: READ, method: Method::POST, path: &path, query: &[], effect: Effect::None };
        let answer: Batch =
            api.send(&call, Some(&json!({ "properties": properties, "inputs": inputs }))).await?;
        all.extend(answer.results);
    }
    if all.len() != ids.len() {
        let detail = format!("{} of {} {kind} came back", all.len(), ids.len());
        return Err(api.error(CallErrorKind::Mismatch, READ, detail));
    }
    all.sort_by_key(|o| (o.id.len(), o.id.clone()));
    Ok(all)
}

/// A value that a sales person left out stays out: that is for the checks to find. A value that
/// is there and can't be read is an error.
fn assembled(
    deal: &str,
    (found, triggers): (&Object, &[Trigger]),
    quote: &Object,
    customer: Customer,
    lines: &[Object],
) -> Result<Quote, String> {
    let currency = quote.text("hs_currency").ok_or("has no currency")?;
    let currency = Currency::from_code(&currency).map_err(|e| e.to_string())?;
    let ceiling = quote.text("q2c_tm_ceiling").map(|v| Money::parse(&v, currency)).transpose();
    Ok(Quote {
        deal: deal.to_owned(),
        opportunity: opportunity(found, triggers),
        quote: quote.id.clone(),
        number: quote.text("hs_quote_number").unwrap_or_else(|| quote.id.clone()),
        title: quote.text("hs_title").unwrap_or_default(),
        version: parsed::<u32>(quote, "q2c_version")?.unwrap_or(1),
        approved: quote.text("hs_status").as_deref() == Some(APPROVED),
        approved_at: moment(quote, "q2c_approved_at")?,
        customer,
        legal_entity: quote.text("q2c_legal_entity"),
        currency,
        payment_terms: quote.text("q2c_payment_terms"),
        purchase_order: quote.text("q2c_purchase_order"),
        project_template: quote.text("q2c_project_template"),
        delivery_owner: quote.text("q2c_delivery_owner"),
        time_ceiling: ceiling.map_err(|e| format!("q2c_tm_ceiling: {e}"))?,
        approved_statements: several(found, APPROVED_STATEMENTS),
        lines: lines.iter().map(|l| line(l, currency)).collect::<Result<_, _>>()?,
        pending: vec![],
    })
}

/// A company with the one that it belongs to; a parent's own parent is not read.
fn customer(company: Option<Object>, parent: Option<Object>) -> Customer {
    let of = |name: &str| company.as_ref().and_then(|c| c.text(name));
    Customer {
        company: company.as_ref().map(|c| c.id.clone()).unwrap_or_default(),
        name: of("name").unwrap_or_default(),
        tax_registration: of("q2c_tax_id"),
        street: of("address"),
        city: of("city"),
        postal_code: of("zip"),
        country: of("country"),
        billing_email: of("q2c_billing_email"),
        parent: parent.map(|p| Box::new(customer(Some(p), None))),
    }
}

fn line(item: &Object, currency: Currency) -> Result<QuoteLine, String> {
    let within = |e: String| format!("line {}: {e}", item.id);
    let price = item.text("price").ok_or_else(|| within("has no price".into()))?;
    let billing_method = chosen_of(item, "q2c_billing_method", &BILLING_METHODS).map_err(within)?;
    Ok(QuoteLine {
        line: item.id.clone(),
        service: item.text("hs_sku").unwrap_or_default(),
        name: item.text("name").unwrap_or_default(),
        billing_method,
        unit_price: Money::parse(&price, currency).map_err(|e| within(e.to_string()))?,
        quantity: parsed::<Decimal>(item, "quantity").map_err(within)?.unwrap_or(Decimal::ONE),
        amount: item
            .text("amount")
            .map(|a| Money::parse(&a, currency))
            .transpose()
            .map_err(|e| within(e.to_string()))?,
        milestone: item.text("q2c_milestone"),
        schedule: said(item, "q2c_schedule", schedule::parts).map_err(within)?.unwrap_or_default(),
        holdback: said(item, "q2c_holdback", schedule::holdback).map_err(within)?,
        planned_on: parsed::<Date>(item, "q2c_planned_date").map_err(within)?,
        role: item.text("q2c_role"),
        person: item.text("q2c_person"),
        effective_from: parsed::<Date>(item, "q2c_effective_from").map_err(within)?,
        recurrence: match billing_method {
            Some(BillingMethod::Recurring) => Some(recurrence(item, currency).map_err(within)?),
            _ => None,
        },
        expenses: match billing_method {
            Some(BillingMethod::PassThroughExpense) => Some(expenses(item, currency).map_err(within)?),
            _ => None,
        },
        usage: match billing_method {
            Some(BillingMethod::Usage) => Some(metered(item).map_err(within)?),
            _ => None,
        },
        deposit: match billing_method {
            Some(BillingMethod::Deposit) => Some(advance(item).map_err(within)?),
            _ => None,
        },
        statement: item.text("q2c_statement_of_work"),
    })
}

/// How a line recurs. Its quantity is the periods and its price what one of them costs.
fn recurrence(item: &Object, currency: Currency) -> Result<Recurrence, String> {
    Ok(Recurrence {
        key: item.text("q2c_charge"),
        period: chosen_of(item, "q2c_period", &PERIODS)?,
        starts_on: parsed::<Date>(item, "q2c_starts_on")?,
        timing: chosen_of(item, "q2c_charge_timing", &TIMINGS)?,
        aligned: chosen_of(item, "q2c_charge_aligned", &YES_OR_NO)?.unwrap_or_default(),
        ends_on: parsed::<Date>(item, "q2c_ends_on")?,
        retainer: retained(item, currency)?,
    })
}

/// What the fee of a line buys; none where nothing says that it is a retainer.
fn retained(item: &Object, currency: Currency) -> Result<Option<Retained>, String> {
    let money = |name: &str| {
        let held = item.text(name).map(|v| Money::parse(&v, currency)).transpose();
        held.map_err(|e| format!("{name}: {e}"))
    };
    let retained = Retained {
        hours: parsed::<Decimal>(item, "q2c_retainer_hours")?,
        overage_rate: money("q2c_overage_rate")?,
        amount: money("q2c_retainer_amount")?,
        roles: several(item, RETAINER_ROLES),
        rollover_periods: parsed::<u32>(item, "q2c_rollover_periods")?,
        rollover_most: parsed::<Decimal>(item, "q2c_rollover_most")?,
    };
    Ok((retained != Retained::default()).then_some(retained))
}

/// On which terms a line passes expenses on.
fn expenses(item: &Object, currency: Currency) -> Result<PassThrough, String> {
    let cap = item.text("q2c_expense_cap").map(|v| Money::parse(&v, currency)).transpose();
    Ok(PassThrough {
        markup_percent: parsed::<Decimal>(item, "q2c_markup_percent")?,
        cap: cap.map_err(|e| format!("q2c_expense_cap: {e}"))?,
        categories: several(item, EXPENSE_CATEGORIES),
    })
}

/// On which terms a line bills usage. Its quantity is the months.
fn metered(item: &Object) -> Result<Metered, String> {
    Ok(Metered {
        key: item.text("q2c_usage"),
        meter: item.text("q2c_meter"),
        tiers: said(item, "q2c_usage_tiers", schedule::tiers)?.unwrap_or_default(),
        allowance: parsed::<Decimal>(item, "q2c_usage_allowance")?,
        starts_on: parsed::<Date>(item, "q2c_starts_on")?,
    })
}

/// On which terms a line is paid in advance. Its price is the amount, its planned day the one on which it is billed.
fn advance(item: &Object) -> Result<Advance, String> {
    Ok(Advance {
        key: item.text("q2c_deposit"),
        drawn_when: chosen_of(item, "q2c_deposit_drawn_when", &DRAWN_WHEN)?,
        share_percent: parsed::<Decimal>(item, "q2c_deposit_share")?,
    })
}

/// The choice that a property holds, if it holds one; a choice of another name is an error.
fn chosen_of<T: Copy>(object: &Object, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, String> {
    let Some(held) = object.text(name) else { return Ok(None) };
    let found = choices.iter().find(|(choice, _)| *choice == held);
    found.map(|(_, meant)| Some(*meant)).ok_or_else(|| format!("{name} `{held}`"))
}

/// What a property says in words of its own, if it says anything; words that can't be read are an error.
fn said<T>(object: &Object, name: &str, read: fn(&str) -> Option<T>) -> Result<Option<T>, String> {
    object.text(name).map(|v| read(&v).ok_or_else(|| format!("{name} `{v}` can't be read"))).transpose()
}

fn parsed<T: std::str::FromStr>(object: &Object, name: &str) -> Result<Option<T>, String> {
    object.text(name).map(|v| v.parse().map_err(|_| format!("{name} `{v}` can't be read"))).transpose()
}

/// HubSpot writes moments as RFC 3339, and in older properties as milliseconds.
fn moment(object: &Object, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(value) = object.text(name) else { return Ok(None) };
    let read = value.parse::<i64>().map_or_else(|_| value.parse::<Timestamp>(), Timestamp::from_millisecond);
    read.map(Some).map_err(|_| format!("{name} `{value}` can't be read"))
}
