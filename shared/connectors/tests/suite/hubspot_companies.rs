//! HubSpot's companies: the one that a buyer belongs to, and changes of them that are told.

use connectors::inbound::{Delivery, Subject, Translated, Untranslatable, translate};
use connectors::registry;
use domain::event::{Event, RecordChanged};
use domain::id::CustomerId;
use domain::ownership::Role;
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::support::{answer, connection, hubspot_settings, on, vendor};

fn translated(notifications: &Value) -> Result<Vec<Translated>, Untranslatable> {
    let body = serde_json::to_vec(notifications).expect("JSON");
    let delivery = Delivery { method: "POST", headers: &[], body: &body };
    translate(&connection("hubspot", "https://api.hubapi.com", hubspot_settings()), &delivery)
}

fn told(property: &str, value: &str) -> Value {
    let mut notification = vendor("hubspot/notifications.json")[0].clone();
    notification["subscriptionType"] = "company.propertyChange".into();
    notification["objectId"] = 55.into();
    notification["propertyName"] = property.into();
    notification["propertyValue"] = value.into();
    notification
}

/// The same customer as a deal of the company has, so that both are about one record of ours.
#[test]
fn a_changed_company_is_a_changed_customer_with_our_names() {
    let events = translated(&json!([told("q2c_tax_id", "12-0000001")])).expect("translates");
    let [one] = events.as_slice() else { panic!("one") };
    let customer = CustomerId::of_company("northwind", "hubspot-main", "55");
    assert_eq!(one.subject, Subject::Other(customer.to_string()));
    assert_eq!(one.delivery, "62515:12345:3816279480:55:1764000000000:q2c_tax_id");
    let expected = RecordChanged {
        connection: "hubspot-main".into(),
        role: Role::Crm,
        object: "customer".into(),
        record: "55".into(),
        fields: [("tax_registration".to_owned(), "12-0000001".to_owned())].into(),
        changed_at: "2025-11-24T16:00:00Z".parse().expect("a moment"),
    };
    assert_eq!(one.event, Event::RecordChanged(expected));
}

#[test]
fn a_cleared_parent_is_told_and_what_no_customer_has_is_of_no_interest() {
    let events =
        translated(&json!([told("hs_parent_company_id", ""), told("phone", "555")])).expect("translates");
    let [one] = events.as_slice() else { panic!("one of two") };
    let Event::RecordChanged(changed) = &one.event else { panic!("a changed record") };
    assert_eq!(changed.fields, [("parent".to_owned(), String::new())].into());
    let mut another = told("name", "Initech");
    another["portalId"] = 1.into();
    assert_eq!(translated(&json!([another])), Ok(Vec::new()), "another portal's");
    let mut trigger = told("quote_status", "APPROVED");
    trigger["objectId"] = 123.into();
    assert_eq!(translated(&json!([trigger])), Ok(Vec::new()), "a company is no deal");
}

#[tokio::test]
async fn a_quote_is_read_with_its_delivery_owner_and_the_company_that_the_buyer_belongs_to() {
    let server = MockServer::start().await;
    let mut company = vendor("hubspot/company.json");
    company["properties"]["hs_parent_company_id"] = "54".into();
    let mut parent = vendor("hubspot/company.json");
    parent["id"] = "54".into();
    parent["properties"]["name"] = "Globex Holdings Ltd".into();
    parent["properties"]["hs_parent_company_id"] = "53".into();
    let mut quote = vendor("hubspot/quote.json");
    quote["properties"]["q2c_delivery_owner"] = "erp-practice".into();
    on(&server, "GET", "/crm/v3/objects/deals/123", answer(&vendor("hubspot/deal.json")), 1).await;
    on(&server, "GET", "/crm/v3/objects/quotes/900", answer(&quote), 1).await;
    on(&server, "GET", "/crm/v3/objects/companies/55", answer(&company), 1).await;
    on(&server, "GET", "/crm/v3/objects/companies/54", answer(&parent), 1).await;
    let lines = answer(&vendor("hubspot/line_items.json"));
    on(&server, "POST", "/crm/v3/objects/line_items/batch/read", lines, 1).await;
    let crm = registry::crm(&connection("hubspot", &server.uri(), hubspot_settings())).expect("opens");
    let quote = crm.quote_of("123").await.expect("is read");
    assert_eq!(quote.delivery_owner.as_deref(), Some("erp-practice"));
    let parent = quote.customer.parent.expect("a parent");
    assert_eq!((parent.company.as_str(), parent.name.as_str()), ("54", "Globex Holdings Ltd"));
    assert_eq!(parent.parent, None, "one level is read");
    let asked = server.received_requests().await.expect("recorded");
    let company = asked.iter().find(|r| r.url.path().ends_with("/companies/55")).expect("was asked");
    assert!(company.url.query().is_some_and(|q| q.contains("hs_parent_company_id")), "{}", company.url);
}
