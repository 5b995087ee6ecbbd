//! The ports in the variables of an agent's shell (R98).
//!
//! One shell command may run in another checkout than the next one: a session enters worktrees, its sub-agents have their own, and
//! no event says where a command runs. So the shell is given lines that it reads before each command, and that ask for the ports of
//! its folder ([`lines`]). Only in the folder in which the session began they need not ask, if its leases last as long as it does.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use styxy_client::agents::Agent;
use styxy_client::leases::{self, Accepted, Holder, Leased, Missing};
use styxy_client::{Caller, Session};
use styxy_core::project::fence;

use super::session::Here;
use crate::here::context;
use crate::say::shell_word::in_quotes;
use crate::say::voice::Exports;

/// How long the daemon may take: each command of the agent waits. A healthy one takes less than a millisecond; without an answer a
/// command in a worktree of a sub-agent has no port.
const PATIENCE: Duration = Duration::from_millis(500);

/// The file whose lines the agent's shell reads before each command.
pub(super) fn file(agent: Agent) -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    match agent {
        Agent::Claude => named("CLAUDE_ENV_FILE"),
        Agent::Codex => named("CODEX_ENV_FILE").or_else(|| named("CLAUDE_ENV_FILE")),
        Agent::Cursor | Agent::Gemini | Agent::Qwen | Agent::Copilot => None,
    }
}

/// Has the shell of `agent` export `told` where the session begins, and everywhere else what [`lines`] says.
pub(super) fn begin(agent: Agent, caller: &Caller, leased: &[Leased], told: &[(String, String)]) -> Exports {
    let Some(path) = file(agent) else {
        return if agent == Agent::Cursor { Exports::OfSession } else { Exports::No };
    };
    // The server of somebody else may end at any time.
    let lasts = leased.iter().all(|leased| leased.holder == Holder::Caller);
    let fixed = caller.folder().filter(|_| lasts);
    match program().map(|program| script(&program, caller.known_root(), fixed, told)) {
        Some(script) => append(&path, &script),
        None => Exports::No,
    }
}

/// The same for a shell whose lines may have got lost, as after the resume of a session; nothing if they are there.
pub(super) fn again(agent: Agent) {
    if let Some((path, program)) = file(agent).zip(program()) {
        let script = script(&program, None, None, &[]);
        append(&path, &format!("command -v styxyPorts >/dev/null 2>&1 || {{\n{script}}}\n"));
    }
}

fn program() -> Option<String> {
    styxy_client::own_program().ok()?.to_str().map(in_quotes)
}

fn append(path: &Path, lines: &str) -> Exports {
    let opened = File::options().append(true).create(true).open(path);
    match opened.and_then(|mut file| file.write_all(lines.as_bytes())) {
        Ok(()) => Exports::OfFolder,
        Err(_) => Exports::No,
    }
}

/// The lines, for bash and zsh. They keep what the user has made of `cd`.
fn script(program: &str, root: Option<&Path>, fixed: Option<&Path>, told: &[(String, String)]) -> String {
    let text = |path: Option<&Path>| in_quotes(path.and_then(Path::to_str).unwrap_or_default());
    let mut script = String::new();
    let (session, ports): (Vec<_>, Vec<_>) = told.iter().partition(|(name, _)| name == INSTANCE);
    for (name, value) in session {
        let _ = writeln!(script, "export {name}={}", in_quotes(value));
    }
    // A shell would read any other text as more than a word; such a one it has to ask for.
    let is_word =
        |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@:,%".contains(&byte));
    let fixed = fixed.filter(|_| ports.iter().all(|(_, value)| is_word(value)));
    let ports = ports.iter().filter(|(_, value)| is_word(value));
    let ports: Vec<String> = ports.map(|(name, value)| format!("{name}={value}")).collect();
    let _ = writeln!(script, "styxyTold={}", in_quotes(&ports.join(" ")));
    let root = text(root);
    let _ = writeln!(
        script,
        "styxyPorts() {{ eval \"$({program} hook env {root} \"$styxyTold\" 2>/dev/null)\"; }}"
    );
    match fixed {
        Some(_) => {
            let fixed = text(fixed);
            let _ = writeln!(
                script,
                "if [ \"$PWD\" = {fixed} ]; then eval \"export $styxyTold\"; else styxyPorts; fi"
            );
        }
        None => script.push_str("styxyPorts\n"),
    }
    script.push_str(AFTER_CD);
    script
}

/// Has the ports follow a `cd` inside of a command.
const AFTER_CD: &str = r#"if [ -n "${ZSH_VERSION-}" ]; then
  case " ${chpwd_functions[*]-} " in *" styxyPorts "*) ;; *) chpwd_functions+=(styxyPorts) ;; esac
elif ! declare -F cd >/dev/null && ! alias cd >/dev/null 2>&1; then
  function cd { builtin cd "$@" && styxyPorts; }
fi
"#;

const INSTANCE: &str = "STYXY_INSTANCE";
/// Names the variables that hold texts of the project's file, with commas between them.
pub(super) const TEXTS: &str = "STYXY_TEXTS";

/// What the lines ask for in each folder: `export` for the ports of its checkout, `unset` for those of another one. `told` are the
/// session's ports, which are those of the checkout at `root`. In another checkout nothing is leased unless somebody works there
/// already: the agent may only pass through.
pub(super) fn lines(caller: &Caller, session: Option<&Session>, root: Option<&Path>, told: &str) -> String {
    let told: Vec<(&str, &str)> = told.split(' ').filter_map(|one| one.split_once('=')).collect();
    let as_told = || told.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let now = match caller.known_root() {
        // Nothing says that a project is here.
        None => as_told(),
        Some(here) if Some(here) == root => {
            // No daemon answers inside a sandbox.
            found(caller, session, Missing::AreLeased).unwrap_or_else(as_told)
        }
        Some(_) => found(caller, session, Missing::AreLeasedBesideOthers).unwrap_or_default(),
    };
    written(&now, env::vars_os())
}

/// The ports of the folder's checkout; `None` if they are unknown.
fn found(caller: &Caller, session: Option<&Session>, otherwise: Missing) -> Option<Vec<(String, String)>> {
    let here = Here::new(caller, session);
    let leased = context::try_ask(PATIENCE, async |client| {
        leases::present_or(client, &here.requests, &here.terms, Accepted::Running, otherwise).await
    });
    let mut now = here.exported(&leased.ok()?.ok()?);
    now.retain(|(name, _)| name != INSTANCE);
    Some(now)
}

/// The lines for the ports of `now` in a shell that has `variables`: those of Styxy's that are not of now go, and so do others that
/// hold such a port, as far as a project's file can have named them.
fn written(now: &[(String, String)], variables: impl Iterator<Item = (OsString, OsString)>) -> String {
    let mut lines = String::new();
    for (name, value) in now {
        let _ = writeln!(lines, "export {name}={}", in_quotes(value));
    }
    let variables: Vec<(String, String)> = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let texts = variables.iter().find(|(name, _)| name == TEXTS).map(|(_, names)| names.as_str());
    let texts: Vec<&str> = texts.into_iter().flat_map(|names| names.split(',')).collect();
    let is_ours = |name: &str| {
        name == TEXTS
            || texts.contains(&name) && fence::check(name).is_ok()
            || name.starts_with("STYXY_") && (name.ends_with("_PORT") || name.ends_with("_URL"))
    };
    let ours: Vec<&str> =
        variables.iter().filter(|(name, _)| is_ours(name)).map(|(_, value)| &**value).collect();
    for (name, value) in &variables {
        let has_ours = name.contains("PORT") && ours.contains(&&**value);
        if (is_ours(name) || has_ours) && now.iter().all(|(kept, _)| kept != name) {
            let _ = writeln!(lines, "unset {name}");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_agents_shell_gets_the_ports_of_its_start_and_asks_for_others() {
        let told = owned(&[("STYXY_INSTANCE", "claude-42"), ("PORT", "8000"), ("STYXY_PORT", "8000")]);
        let root = Path::new("/w/it's mine");
        let text = owned(&[("VITE_API", "http://localhost:1"), ("DB", "$(id)")]);
        let with_text = super::script("/opt/styxy", Some(root), Some(root), &text);
        assert!(with_text.contains("styxyTold='VITE_API=http://localhost:1'\n"), "{with_text}");
        assert!(!with_text.contains("$(id)") && with_text.contains("\nstyxyPorts\n"), "{with_text}");
        let script = |fixed| script("/opt/styxy", Some(root), fixed, &told);
        snapshot!(
            "shell",
            each([
                ("its own ports", script(Some(Path::new("/w/it's mine/web")))),
                ("a server of somebody else's", script(None)),
                ("lines that got lost", super::script("/opt/styxy", None, None, &[])),
            ])
        );
    }

    #[test]
    fn variables_of_another_checkout_go_and_the_users_own_stay() {
        let written = |now: &[(&str, &str)], has: &[(&str, &str)]| {
            let has = has.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
            super::written(&owned(now), has)
        };
        let other = [
            ("PORT", "8000"),
            ("STYXY_PORT", "8000"),
            ("STYXY_WEB_URL", "http://localhost:8000"),
            ("BACKEND_PORT", "8000"),
            ("DB_PORT", "5432"),
            ("ANSWER", "8000"),
            ("STYXY_HOME", "/h"),
        ];
        assert_eq!(
            written(&[], &other),
            "unset PORT\nunset STYXY_PORT\nunset STYXY_WEB_URL\nunset BACKEND_PORT\n"
        );
        let now = [("PORT", "8001"), ("STYXY_PORT", "8001")];
        assert_eq!(
            written(&now, &other),
            "export PORT='8001'\nexport STYXY_PORT='8001'\nunset STYXY_WEB_URL\nunset BACKEND_PORT\n"
        );
        let told = [("STYXY_TEXTS", "VITE_API,PATH,X;id"), ("VITE_API", "x"), ("PATH", "/bin"), ("DB", "x")];
        assert_eq!(written(&[], &told), "unset STYXY_TEXTS\nunset VITE_API\n");
        let now = [("VITE_API", "it's"), ("STYXY_TEXTS", "VITE_API")];
        assert_eq!(written(&now, &told), "export VITE_API='it'\\''s'\nexport STYXY_TEXTS='VITE_API'\n");
        assert_eq!(written(&[], &[("PORT", "5000")]), "");
        assert_eq!(written(&[], &[("PORT", "5000"), ("STYXY_PORT", "8000")]), "unset STYXY_PORT\n");
    }
}
