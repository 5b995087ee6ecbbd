//! What in a settings file is Styxy's, whichever version wrote it and wherever the program is.

use styxy_core::session::Agent;

/// Whether an entry's command and arguments are Styxy's, wherever the program is: `… hook claude`.
///
/// Without arguments an agent passes the command to a shell. A complete command that also has arguments does not work; it is
/// one of ours that has to be corrected.
pub(crate) fn is_ours(command: &str, arguments: &[&str]) -> bool {
    let as_program = || match arguments {
        [before @ .., "hook", name] => {
            Agent::named(name).is_some() && is_styxy(&[&[command], before].concat())
        }
        _ => false,
    };
    is_whole(command.trim()) || as_program()
}

fn is_whole(command: &str) -> bool {
    // PowerShell calls what is quoted only if that comes first.
    let command = command.strip_prefix('&').map_or(command, str::trim_start);
    let Some((rest, name)) = command.rsplit_once(char::is_whitespace) else { return false };
    let Some((program, "hook")) = rest.trim_end().rsplit_once(char::is_whitespace) else { return false };
    Agent::named(name).is_some() && is_styxy(&words(program.trim_end()))
}

/// The words before `hook`. A quoted program is one word.
fn words(program: &str) -> Vec<&str> {
    match program.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inside = program[1..].strip_suffix(quote).unwrap_or_default();
            // An escaped apostrophe in a path that is quoted for a shell does not end the word.
            if inside.replace(r"'\''", "").contains(quote) { Vec::new() } else { vec![inside] }
        }
        _ => program.split_whitespace().collect(),
    }
}

fn is_styxy(words: &[&str]) -> bool {
    let package = |words: &[&str]| {
        let mut named = words.iter().filter(|word| !word.starts_with('-'));
        let name = named.next().is_some_and(|name| *name == "styxy" || name.starts_with("styxy@"));
        name && named.next().is_none()
    };
    match words {
        [program] => {
            let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
            let name = [".exe", ".cmd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            name == "styxy"
        }
        ["npx" | "pnpx" | "bunx", rest @ ..]
        | ["npm" | "pnpm" | "yarn" | "bun", "exec" | "dlx" | "x", rest @ ..] => package(rest),
        _ => false,
    }
}

/// Whether `BASH_ENV` names the guard's file, of whatever folder.
pub(crate) fn is_shell_file(path: &str) -> bool {
    path.strip_suffix("/env.bash")
        .is_some_and(|folder| folder.ends_with("/guard") || folder.ends_with("-guard"))
}

#[cfg(test)]
mod tests {
    use super::super::invocation::Reader;
    use super::*;

    #[test]
    fn our_commands_are_recognised_wherever_the_program_is() {
        for ours in [
            "styxy hook claude",
            " styxy  hook\tclaude ",
            "/usr/bin/styxy hook codex",
            "'/a b/styxy' hook claude",
            "\"C:\\x\\styxy.exe\" hook gemini",
            "& \"C:\\x y\\styxy.exe\" hook gemini",
            "npx styxy hook claude",
            "npx --yes styxy@1.2 hook claude",
            "pnpm dlx styxy hook codex",
        ] {
            assert!(is_ours(ours, &[]), "{ours}");
        }
        for other in [
            "styxy hook",
            "hook claude",
            "mystyxy hook claude",
            "styxy run x",
            "echo styxy hook claude; x",
            "echo /usr/bin/styxy hook claude",
            "\"echo\" \"/usr/bin/styxy\" hook claude",
            "' hook claude",
            "styxy hook claude2",
            "npx styxy-extra hook claude",
            "npx other styxy hook claude",
            "npx hook claude",
        ] {
            assert!(!is_ours(other, &[]), "{other}");
        }
        assert!(is_ours(&format!("{} hook claude", Reader::Posix.call("/it's/a b/styxy")), &[]));
    }

    #[test]
    fn the_guards_file_is_known_in_any_folder() {
        for ours in ["/h/.styxy/guard/env.bash", "/run/user/7/styxy/styxy-0af-guard/env.bash"] {
            assert!(is_shell_file(ours), "{ours}");
        }
        for other in ["", "/h/.bashrc", "/h/guard.env.bash", "env.bash", "/h/guarded/env.bash"] {
            assert!(!is_shell_file(other), "{other}");
        }
    }

    #[test]
    fn a_command_with_separate_arguments_is_recognised_too() {
        assert!(is_ours("styxy", &["hook", "claude"]));
        assert!(is_ours("/a b/styxy", &["hook", "claude"]));
        assert!(is_ours("npx", &["-y", "styxy", "hook", "claude"]));
        assert!(!is_ours("styxy", &["run", "claude"]));
        assert!(!is_ours("styxy", &["hook"]));
        assert!(!is_ours("styxy", &["hook", "claude", "more"]));
        assert!(!is_ours("echo", &["styxy", "hook", "claude"]));
    }
}
