//! Every folder of `tests/settings-files` is a settings file before and after, and with Styxy's entries taken out again.
//!
//! The folder's name begins with the agent's. A file that is missing is an empty text. `STYXY_REGENERATE=1` writes what
//! comes of each; look at the difference then.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::Named;
use super::super::agents::{entries, form};
use super::*;

const PROGRAM: &str = "/opt/styxy/styxy";

fn cases() -> Vec<(String, PathBuf)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/settings-files");
    let mut cases: Vec<_> = fs::read_dir(top)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .collect();
    cases.sort();
    cases
}

fn agent(name: &str) -> Named {
    match name.split('-').next() {
        Some("codex") => Named::Codex,
        Some("cursor") => Named::Cursor,
        Some("gemini") => Named::Gemini,
        _ => Named::Claude,
    }
}

#[test]
fn every_settings_file_becomes_exactly_what_it_should() {
    let cases = cases();
    for (name, folder) in &cases {
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        let agent = agent(name);
        let install = |text: &str| with(text, &entries(agent), form(agent), PROGRAM);
        let before = text("before");
        let Ok(after) = install(&before) else {
            assert!(!folder.join("after").exists(), "{name} is refused");
            continue;
        };
        let uninstalled = without(&after).unwrap();
        if std::env::var_os("STYXY_REGENERATE").is_some() {
            fs::write(folder.join("after"), &after).unwrap();
            fs::write(folder.join("uninstalled"), &uninstalled).unwrap();
        }
        assert_eq!(after, text("after"), "{name}");
        assert_eq!(uninstalled, text("uninstalled"), "{name}");
        assert_eq!(install(&after).unwrap(), after, "{name}: a second time changes nothing");
        assert_eq!(without(&uninstalled).unwrap(), uninstalled, "{name}");
        // Whatever the text looks like, every event has one entry of ours.
        let root = parse(&after).unwrap();
        for entry in entries(agent) {
            let list = root.get("hooks").and_then(|hooks| hooks.get(entry.event)).unwrap();
            assert_eq!(ours(list).count(), 1, "{name}: {}", entry.event);
        }
        assert!(!after.contains("WorktreeCreate") || before.contains("WorktreeCreate"), "{name}");
    }
    assert!(cases.len() >= 30, "{}", cases.len());
}
