//! What a key does to a server: the command that a person would type in its worktree, so that its rules and its words count.

use std::io;
use std::process::{Child, Command, Stdio};

use styxy_core::api::{OpenAnswer, Refusal, ReleaseAnswer};
use tokio::task::spawn_blocking;

use super::state::Target;
use crate::say::output;

/// Opens the server in a browser; says what came of it.
pub(super) async fn open(target: &Target) -> Vec<String> {
    answered(target, "open", |answer: OpenAnswer| {
        let named = answer.named_url.unwrap_or_else(|| answer.url.clone());
        if answer.opened { format!("{named} is open in your browser") } else { answer.url }
    })
    .await
}

/// Ends the lease; says what came of it.
pub(super) async fn release(target: &Target) -> Vec<String> {
    answered(target, "release", |answer: ReleaseAnswer| answer.message).await
}

/// `styxy kill` on this terminal, where it shows what it would end, and asks.
///
/// # Errors
/// The program cannot be started.
pub(super) fn kill(target: &Target) -> io::Result<Child> {
    let folder = target.folder.as_ref().map(|folder| format!("   # in {folder}")).unwrap_or_default();
    output::note(&format!("$ styxy kill {}{folder}", target.port));
    command(target, "kill")?.spawn()
}

/// Runs the command and reads its answer, without the terminal.
async fn answered<A: serde::de::DeserializeOwned>(
    target: &Target,
    word: &str,
    said: impl FnOnce(A) -> String,
) -> Vec<String> {
    let output = match command(target, word) {
        Ok(mut command) => {
            command.arg("--json").stdin(Stdio::null()).stderr(Stdio::null());
            spawn_blocking(move || command.output()).await.unwrap_or_else(|ended| Err(ended.into()))
        }
        Err(error) => Err(error),
    };
    let stdout = match output {
        Ok(output) => output.stdout,
        Err(error) => return vec![format!("error: could not run styxy {word}: {error}")],
    };
    if let Ok(answer) = serde_json::from_slice(&stdout) {
        return vec![said(answer)];
    }
    match serde_json::from_slice::<Refusal>(&stdout) {
        Ok(refusal) => {
            let hint = refusal.hint.map(|hint| format!("hint: {hint}"));
            std::iter::once(format!("error: {}", refusal.error)).chain(hint).collect()
        }
        Err(_) => vec![format!("error: styxy {word} {} answered nothing", target.port)],
    }
}

/// The command in the worktree of the row: whose a server is depends on where that is asked.
fn command(target: &Target, word: &str) -> io::Result<Command> {
    let mut command = Command::new(styxy_client::own_program()?);
    command.args([word, &target.port.to_string()]);
    if let Some(folder) = &target.folder {
        // Where the folder is gone, it is asked from here.
        if std::path::Path::new(folder).is_dir() {
            command.current_dir(folder).env("PWD", folder);
        }
    }
    Ok(command)
}
