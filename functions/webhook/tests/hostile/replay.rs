//! Every input that once found something, played again: `tests/fuzz/regressions/<target>/`.

use std::path::Path;

use crate::attacks::{TARGETS, replay};

#[test]
fn what_was_once_found_is_not_found_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/regressions");
    for folder in std::fs::read_dir(&root).unwrap().map(Result::unwrap).filter(|f| f.path().is_dir()) {
        let target = folder.file_name().into_string().unwrap();
        assert!(TARGETS.contains(&target.as_str()), "no target {target}");
        for file in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            println!("{}", file.path().display());
            replay(&target, &std::fs::read(file.path()).unwrap());
        }
    }
}

/// The harness itself, over an input of each target that gets past its front door.
#[test]
fn every_target_takes_its_seeds() {
    let approval = include_str!("../../../../tests/fixtures/payloads/hubspot-quote-approved.json");
    let letter = include_str!("../../../../tests/fixtures/invoke/dead-letter.json");
    let letter: serde_json::Value = serde_json::from_str(letter).unwrap();
    let letter = letter["Records"][0]["body"].as_str().unwrap();
    for (target, input) in [
        ("translate", format!("h{approval}")),
        ("webhook", format!("hb{approval}")),
        ("messages", format!("m{letter}")),
        ("letters", format!("{letter}\0{letter}\0not json")),
    ] {
        replay(target, input.as_bytes());
    }
}
