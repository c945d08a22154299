//! Kantata: roles put on a project, and what its log leads to of projects and people.

use connectors::CallErrorKind;
use connectors::inbound::Translated;
use connectors::operation::{Assigned, CreateAssignments, Undone};
use domain::contract::PlannedRole;
use domain::event::{Event, RecordChanged};
use domain::ownership::Role;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::kantata::{empty, engagement, page, psa};
use crate::support::{ENGAGEMENT, answer, connection, kantata_settings, on, sent, silent, vendor};

const RESOURCES: &str = "/api/v1/workspace_resources";
const ROLES: &str = "/api/v1/roles";
const LOG: &str = "/api/v1/subscribed_events";

fn planned(key: &str, role: &str) -> PlannedRole {
    PlannedRole {
        key: key.into(),
        role: role.into(),
        service: "ADVISORY".into(),
        quote_line: "3".into(),
        planned_hours: Some(100.into()),
        rated: true,
    }
}

fn both() -> CreateAssignments {
    let roles = vec![planned("R-1", "consultant"), planned("R-2", "principal")];
    CreateAssignments { engagement: engagement(), project: "42".into(), roles }
}

fn assigned(records: &[(&str, &str)]) -> Assigned {
    let records = records.iter().map(|(key, id)| ((*key).to_owned(), (*id).to_owned())).collect();
    Assigned { project: "42".into(), records }
}

fn roles() -> ResponseTemplate {
    answer(&page(
        "roles",
        &[json!({"id": "66", "name": "consultant"}), json!({"id": "67", "name": "principal"})],
    ))
}

fn resource(id: &str, role: &str) -> ResponseTemplate {
    let made = json!({"id": id, "workspace_id": "42", "role_id": role, "updated_at": "2026-11-21T06:10:00Z"});
    answer(&page("workspace_resources", &[made]))
}

/// Proves WFA-20 in part: each role becomes a resource of the project that names nobody, with our reference in the
/// same call; asked again, they are found and nothing is made.
#[tokio::test]
async fn roles_are_put_on_the_project_once() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    on(&server, "GET", RESOURCES, empty("workspace_resources"), 2).await;
    assert_eq!(psa.find(&both()).await, Ok(None));
    on(&server, "GET", ROLES, roles(), 1).await;
    on(&server, "POST", RESOURCES, resource("88", "66"), 1).await;
    on(&server, "POST", RESOURCES, resource("89", "67"), 1).await;
    let made = psa.perform(&both(), "key").await.expect("is done");
    assert_eq!(made, assigned(&[("R-1", "88"), ("R-2", "89")]));
    let bodies = sent(&server, "POST", RESOURCES).await;
    let told: Vec<&Value> = bodies.iter().map(|b| &b["workspace_resource"]).collect();
    assert_eq!((&told[0]["workspace_id"], &told[0]["role_id"]), (&json!("42"), &json!("66")));
    assert_eq!(told[0].get("user_id"), None, "who fills it is decided in the PSA");
    let reference = &told[1]["external_reference"];
    assert_eq!(reference["service_model"], "assignment");
    assert_eq!(reference["service_model_ref"], format!("{ENGAGEMENT}/R-2"));

    on(&server, "GET", RESOURCES, answer(&vendor("kantata/workspace_resources.json")), 2).await;
    assert_eq!(psa.find(&both()).await, Ok(Some(made.clone())));
    assert_eq!(psa.perform(&both(), "key").await, Ok(made.clone()));
    assert!(matches!(psa.undo(&both(), &made).await, Ok(Undone::Kept(_))));
}

/// Of what an attempt left half-way only the rest is made.
#[tokio::test]
async fn only_what_is_missing_is_made() {
    let server = MockServer::start().await;
    let psa = psa(&server.uri());
    let mut three = both();
    three.roles.push(planned("R-3", "principal"));
    on(&server, "GET", RESOURCES, answer(&vendor("kantata/workspace_resources.json")), 2).await;
    assert_eq!(psa.find(&three).await, Ok(None), "not all of them");
    on(&server, "GET", ROLES, roles(), 1).await;
    on(&server, "POST", RESOURCES, resource("91", "67"), 1).await;
    let made = psa.perform(&three, "key").await.expect("is done");
    assert_eq!(made, assigned(&[("R-1", "88"), ("R-2", "89"), ("R-3", "91")]));
}

#[tokio::test]
async fn another_role_than_was_sent_and_no_answer_are_told() {
    let server = MockServer::start().await;
    on(&server, "GET", RESOURCES, empty("workspace_resources"), 2).await;
    on(&server, "GET", ROLES, roles(), 2).await;
    on(&server, "POST", RESOURCES, resource("88", "67"), 1).await;
    let error = psa(&server.uri()).perform(&both(), "key").await.expect_err("another role");
    let told = "resource 88 has another role than consultant";
    assert_eq!((error.kind, error.detail.as_str()), (CallErrorKind::Mismatch, told));
    on(&server, "POST", RESOURCES, ResponseTemplate::new(503), 1).await;
    let error = psa(&server.uri()).perform(&both(), "key").await.expect_err("half-way");
    assert_eq!(error.kind, CallErrorKind::Unknown, "something may have been made");
    let error = psa(&silent().await).find(&both()).await.expect_err("no answer");
    assert!(matches!(error.kind, CallErrorKind::Transient { .. }));
}

fn entry(id: &str, kind: &str, subject: &str, subject_id: u32, more: &Value) -> Value {
    let mut entry = json!({
        "id": id, "event_type": kind, "subject_type": subject, "subject_id": subject_id,
        "subject_changed_at": "2026-11-21T06:30:00Z", "created_at": "2026-11-21T06:31:00Z",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        entry[name] = value.clone();
    }
    entry
}

/// What a log of these entries leads to.
async fn polled(entries: &[Value], settings: Value) -> (Vec<Translated>, MockServer) {
    let server = MockServer::start().await;
    let log = Mock::given(method("GET")).and(path(LOG));
    log.respond_with(answer(&page("subscribed_events", entries))).expect(1).mount(&server).await;
    for (collection, file) in [
        ("workspaces", "kantata/workspaces.json"),
        ("workspace_resources", "kantata/workspace_resources.json"),
    ] {
        let known = Mock::given(method("GET")).and(path(format!("/api/v1/{collection}")));
        known.respond_with(answer(&vendor(file))).mount(&server).await;
    }
    let psa = connectors::registry::psa(&connection("kantata", &server.uri(), settings)).expect("opens");
    let found = psa.changes_since("2026-11-21T05:00:00Z".parse().expect("a moment")).await;
    (found.expect("is read"), server)
}

fn told(translated: &Translated) -> &RecordChanged {
    assert_eq!(translated.subject.as_str(), ENGAGEMENT);
    match &translated.event {
        Event::RecordChanged(told) => told,
        other => panic!("{}", other.type_name()),
    }
}

fn with_resources() -> Value {
    let mut settings = kantata_settings();
    settings["resource_events"] = json!(["workspace_resource:updated", "workspace_resource:deleted"]);
    settings
}

/// Proves EVT-07 in part: a project of ours whose status changed is told as it is now, under the same name each time;
/// a change of its budget alone is not.
#[tokio::test]
async fn a_changed_status_of_a_project_is_told() {
    let status = json!({"payload_changes": "{\"status_key\": [100, 300]}"});
    let entries = [
        entry("1", "workspace:updated", "Workspace", 42, &status),
        entry("2", "workspace:updated", "Workspace", 42, &status),
        entry(
            "3",
            "workspace:updated",
            "Workspace",
            43,
            &json!({"payload_changes": {"archived": [false, true]}}),
        ),
    ];
    let (found, _) = polled(&entries, kantata_settings()).await;
    let [one] = found.as_slice() else { panic!("{found:?}") };
    let changed = told(one);
    assert_eq!(
        (changed.object.as_str(), changed.record.as_str(), changed.role),
        ("project", "42", Role::Psa)
    );
    assert_eq!(
        (changed.fields["status"].as_str(), changed.fields["status_code"].as_str()),
        ("In Progress", "300")
    );
    assert_eq!(changed.fields["archived"], "false");
    assert_eq!(changed.changed_at, "2026-11-21T05:58:46Z".parse().expect("a moment"));
    let (again, _) = polled(&entries[..1], kantata_settings()).await;
    assert_eq!(again[0].delivery, one.delivery);
    for budget in
        [json!({"payload_changes": {"price": [1, 2]}}), json!({"payload_changes": "{\"price\": [1, 2]}"})]
    {
        let (found, server) =
            polled(&[entry("1", "workspace:updated", "Workspace", 42, &budget)], kantata_settings()).await;
        assert_eq!(found, []);
        assert_eq!(sent(&server, "GET", "/api/v1/workspaces").await.len(), 0, "not even read");
    }
    let (found, _) =
        polled(&[entry("1", "workspace:updated", "Workspace", 42, &json!({}))], kantata_settings()).await;
    assert_eq!(found.len(), 1, "what can't be read of the log is read of the record");
}

/// Proves EVT-24 in part: who is named on a role of a project of ours is told by an ID; so is a role that is gone.
#[tokio::test]
async fn who_is_on_a_project_is_told_by_an_id() {
    let was = json!({"previous_payload": "{\"workspace_id\": 42, \"user_id\": 77}"});
    let entries = [
        entry("1", "workspace_resource:updated", "WorkspaceResource", 88, &json!({})),
        entry("2", "workspace_resource:updated", "WorkspaceResource", 90, &json!({})),
        entry("3", "workspace_resource:deleted", "WorkspaceResource", 70, &was),
        entry("4", "workspace_resource:deleted", "WorkspaceResource", 71, &json!({})),
    ];
    let (found, server) = polled(&entries, with_resources()).await;
    let all: Vec<&RecordChanged> = found.iter().map(told).collect();
    let [named, open, removed] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((named.object.as_str(), named.record.as_str()), ("resource", "88"));
    assert_eq!((named.fields["person"].as_str(), named.fields["role"].as_str()), ("77", "consultant"));
    assert_eq!((named.fields["planned_role"].as_str(), open.fields["person"].as_str()), ("R-1", ""));
    assert_eq!((removed.record.as_str(), removed.fields["removed"].as_str()), ("70", "true"));
    assert_eq!(removed.changed_at, "2026-11-21T06:30:00Z".parse().expect("a moment"));
    assert!(!format!("{found:?}").contains("Ada"), "no name");
    let asked = server.received_requests().await.expect("recorded");
    let log = asked.iter().find(|r| r.url.path() == LOG).expect("the log");
    let types = log.url.query_pairs().find(|(name, _)| name == "event_types").expect("types").1.into_owned();
    assert!(
        types.ends_with(",workspace:updated,workspace_resource:updated,workspace_resource:deleted"),
        "{types}"
    );
}

/// What an activation made itself is no news; whoever is named on it, or adds somebody, is.
#[tokio::test]
async fn what_was_made_for_a_plan_is_not_told_back() {
    let created = |id: &str, resource: u32| {
        entry(id, "workspace_resource:created", "WorkspaceResource", resource, &json!({}))
    };
    let (found, _) = polled(&[created("1", 88), created("2", 89)], with_resources()).await;
    assert_eq!(found.iter().map(|t| told(t).record.as_str()).collect::<Vec<_>>(), ["88"], "it has a person");
    let updated = entry("3", "workspace_resource:updated", "WorkspaceResource", 89, &json!({}));
    let (found, _) = polled(&[created("2", 89), updated], with_resources()).await;
    assert_eq!(found.iter().map(|t| told(t).record.as_str()).collect::<Vec<_>>(), ["88", "89"]);
}

/// An account whose log has no such events is not asked for them.
#[tokio::test]
async fn resources_are_asked_for_where_they_are_configured() {
    let server = MockServer::start().await;
    let types = query_param("event_types", "story:updated,time_entry:updated,workspace:updated");
    let log = Mock::given(method("GET")).and(path(LOG)).and(types);
    log.respond_with(empty("subscribed_events")).expect(1).mount(&server).await;
    let found = psa(&server.uri()).changes_since("2026-11-21T05:00:00Z".parse().expect("a moment")).await;
    assert_eq!(found, Ok(vec![]));
}
