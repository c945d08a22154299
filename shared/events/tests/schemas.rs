//! The published schemas in `infra/schemas/` and the types that produce them agree.
//!
//! `make schemas` (this test with `UPDATE_SCHEMAS=1`) writes what changed compatibly and
//! refuses what did not: an incompatible change is a new version of the event's type.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::PathBuf;

use domain::event::Event;
use serde_json::{Map, Value};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/schemas")
}

fn generated() -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = Event::schemas()
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), serde_json::to_value(schema).expect("schema is JSON")))
        .collect();
    let envelope = schemars::schema_for!(events::Envelope);
    all.push(("envelope".to_owned(), serde_json::to_value(envelope).expect("schema is JSON")));
    all
}

/// What a reader of the old schema, or a writer of the old form, would trip over.
fn incompatibilities(old: &Value, new: &Value, path: &str, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => object(old, new, path, found),
        (Value::Array(old), Value::Array(new)) if path.ends_with("/required") => {
            for name in new.iter().filter(|n| !old.contains(n)) {
                found.push(format!("{path}: {name} became required"));
            }
            for name in old.iter().filter(|n| !new.contains(n)) {
                found.push(format!("{path}: {name} is no longer always present"));
            }
        }
        // The list of event types, of problem codes, and of what may earn a line, is open: a reader passes over
        // what it does not know.
        (Value::Array(old), Value::Array(new))
            if path == "/oneOf"
                || path.contains("/$defs/ProblemCode/")
                || path.ends_with("/$defs/Evidence/oneOf") =>
        {
            for gone in old.iter().filter(|o| !new.contains(o)) {
                found.push(format!("{path}: {gone} was removed or changed"));
            }
        }
        (old, new) if old == new => {}
        (old, new) => found.push(format!("{path}: {old} became {new}")),
    }
}

fn object(old: &Map<String, Value>, new: &Map<String, Value>, path: &str, found: &mut Vec<String>) {
    let grows = path.ends_with("/properties") || path.ends_with("/$defs");
    for (key, was) in old {
        if matches!(key.as_str(), "description" | "title" | "$schema") && !grows {
            continue;
        }
        match new.get(key) {
            Some(is) => incompatibilities(was, is, &format!("{path}/{key}"), found),
            None => found.push(format!("{path}/{key} was removed")),
        }
    }
    for key in new.keys().filter(|k| !old.contains_key(*k) && !grows && k.as_str() != "description") {
        found.push(format!("{path}/{key} was added"));
    }
}

/// Proves EVT-26 and EVT-31: each type is registered under its version, and GOV-03 in part: an
/// incompatible change without a new version fails here.
#[test]
fn committed_schemas_are_what_the_types_produce() {
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    for (name, schema) in generated() {
        let file = directory().join(format!("{name}.json"));
        let committed = std::fs::read_to_string(&file).ok();
        if let Some(text) = &committed {
            let old: Value = serde_json::from_str(text).expect("committed schema is JSON");
            let mut found = Vec::new();
            incompatibilities(&old, &schema, "", &mut found);
            assert!(
                found.is_empty(),
                "{name} changed incompatibly; give it a new version:\n{}",
                found.join("\n")
            );
        }
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).expect("schema is JSON"));
        if update {
            std::fs::create_dir_all(directory()).expect("directory");
            std::fs::write(&file, text).expect("writes");
        } else {
            assert_eq!(
                committed.as_deref(),
                Some(text.as_str()),
                "{name}: run `make schemas` and commit the result"
            );
        }
    }
}

#[test]
fn no_schema_is_left_of_a_type_that_is_gone() {
    let known: Vec<String> = generated().into_iter().map(|(name, _)| format!("{name}.json")).collect();
    for file in std::fs::read_dir(directory()).expect("infra/schemas") {
        let name = file.expect("entry").file_name().to_string_lossy().into_owned();
        assert!(
            known.contains(&name),
            "{name} belongs to no type: published types are kept, deprecated, not dropped"
        );
    }
}

#[test]
fn types_follow_the_naming_convention() {
    for name in Event::TYPES {
        let parts: Vec<&str> = name.split('.').collect();
        let [product, object, verb, version] = parts.as_slice() else { panic!("{name}: four parts") };
        let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(*product == "q2c" && word(object) && word(verb), "{name}");
        assert!(version.starts_with('v') && version[1..].parse::<u32>().is_ok_and(|v| v > 0), "{name}");
    }
}

#[test]
fn the_comparison_finds_each_incompatible_change() {
    let old = serde_json::json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}});
    let check = |edit: fn(&mut Value)| {
        let mut new = old.clone();
        edit(&mut new);
        let mut found = Vec::new();
        incompatibilities(&old, &new, "", &mut found);
        found
    };
    assert!(check(|_| {}).is_empty());
    assert!(check(|s| s["properties"]["c"] = serde_json::json!({"type": "string"})).is_empty());
    assert!(!check(|s| s["properties"]["a"]["type"] = "integer".into()).is_empty());
    assert!(!check(|s| s["required"] = serde_json::json!(["a", "b"])).is_empty());
    assert!(!check(|s| s["required"] = serde_json::json!([])).is_empty());
    assert!(
        !check(|s| {
            s["properties"].as_object_mut().expect("object").remove("b");
        })
        .is_empty()
    );
}
