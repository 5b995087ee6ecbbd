//! The settings files that `styxy hooks install` and its `--uninstall` edit as text: no text makes an edit panic or go on for ever, a
//! second edit changes nothing, and what was installed in somebody's file is taken out again to the byte (R40). Its length chooses the agent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use styxy_core::session::Agent;

/// The command's own files. They know the core and each other.
#[path = "../../crates/cli/src/here/agent_settings/codex_config.rs"]
mod codex_config;
#[path = "../../crates/cli/src/here/agent_settings/edit/mod.rs"]
#[allow(dead_code, reason = "the command asks more of it")]
mod edit;
#[path = "../../crates/cli/src/here/agent_settings/entry.rs"]
mod entry;
#[path = "../../crates/cli/src/here/agent_settings/recognised.rs"]
mod recognised;
#[path = "../../crates/cli/src/here/agent_settings/text.rs"]
mod text;

const PROGRAM: &str = "/opt/styxy/styxy";
const SHELL: &str = "/home/ada/.styxy/guard/env.bash";

fuzz_target!(|text: &str| {
    settings(Agent::ALL[text.len() % Agent::ALL.len()], text);
    config(text);
});

fn settings(agent: Agent, before: &str) {
    let entries = entry::entries(agent);
    let shell = (agent == Agent::Claude).then_some(SHELL);
    let wanted = edit::Wanted { entries: &entries, nesting: entry::nesting(agent), program: PROGRAM, shell };
    let taken = edit::without(before);
    let Ok(after) = edit::with(before, wanted) else { return };
    assert_eq!(edit::with(&after, wanted).as_ref(), Ok(&after), "a second time: {before:?}");
    let again = edit::without(&after).unwrap_or_else(|trouble| panic!("{trouble:?}: {after:?}"));
    assert_eq!(edit::without(&again).as_ref(), Ok(&again), "removed twice: {before:?}");
    // An empty file gets an object, which stays.
    if taken.as_deref() == Ok(before) && !before.trim_start_matches('\u{feff}').trim().is_empty() {
        assert_eq!(again, before, "{after:?}");
    }
}

fn config(before: &str) {
    let taken = codex_config::without(before);
    let Some(after) = codex_config::with(before, SHELL) else { return };
    assert_eq!(codex_config::with(&after, SHELL).as_ref(), Some(&after), "a second time: {before:?}");
    if taken == before {
        assert_eq!(codex_config::without(&after), before, "{after:?}");
    }
}
