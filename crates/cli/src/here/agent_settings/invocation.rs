//! How an entry begins: the program's path, as the shell reads it that the agent hands its entries to.
//!
//! On Windows each agent has another one, and no quoted path is a command in all of them: PowerShell takes it for a text, cmd
//! knows no `'`, and for Git Bash a `\` is not a separator. A path without special characters needs no quotes.

use styxy_client::agents::Agent;

use crate::say::shell_word::quoted;

/// What reads an entry's command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// `/bin/sh`.
    Posix,
    /// Git for Windows.
    GitBash,
    /// `%ComSpec% /c`.
    Cmd,
    /// Windows PowerShell or PowerShell 7.
    PowerShell,
}

impl Reader {
    /// The one that `agent` uses on this system, as its documentation or its source says.
    pub(super) const fn of(agent: Agent) -> Self {
        match agent {
            _ if cfg!(not(windows)) => Self::Posix,
            // PowerShell without Git Bash: a plain path is right for both.
            Agent::Claude => Self::GitBash,
            Agent::Codex | Agent::Qwen => Self::Cmd,
            Agent::Cursor | Agent::Gemini | Agent::Copilot => Self::PowerShell,
        }
    }

    /// The program at `path` as the beginning of a command.
    pub(super) fn call(self, path: &str) -> String {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:\\/".contains(&byte);
        let needs_no_quotes = path.bytes().all(is_plain);
        match self {
            Self::Posix => quoted(path),
            Self::GitBash if needs_no_quotes => path.replace('\\', "/"),
            Self::GitBash => format!("\"{}\"", escaped(&path.replace('\\', "/"), '\\')),
            Self::Cmd | Self::PowerShell if needs_no_quotes => path.to_owned(),
            Self::Cmd => format!("\"{path}\""),
            Self::PowerShell => format!("& \"{}\"", escaped(path, '`')),
        }
    }
}

/// A path, in which `"` cannot be, for double quotes in which `$` and backticks mean something.
fn escaped(path: &str, escape: char) -> String {
    let marked = |letter: char| ['$', '`'].contains(&letter).then_some(escape).into_iter().chain([letter]);
    path.chars().flat_map(marked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::here::agent_settings::recognised::is_ours;

    const ALL: [Reader; 4] = [Reader::Posix, Reader::GitBash, Reader::Cmd, Reader::PowerShell];

    #[test]
    fn a_plain_path_is_a_command_in_every_shell_of_windows() {
        let path = r"C:\Users\ada\node_modules\styxy\styxy.exe";
        assert_eq!(
            (Reader::Cmd.call(path), Reader::PowerShell.call(path)),
            (path.to_owned(), path.to_owned())
        );
        // PowerShell reads this too.
        assert_eq!(Reader::GitBash.call(path), "C:/Users/ada/node_modules/styxy/styxy.exe");
    }

    #[test]
    fn a_path_with_blanks_is_quoted_as_its_shell_reads_it() {
        let path = r"C:\Program Files\a$b\styxy.exe";
        assert_eq!(Reader::Cmd.call(path), r#""C:\Program Files\a$b\styxy.exe""#);
        assert_eq!(Reader::PowerShell.call(path), r#"& "C:\Program Files\a`$b\styxy.exe""#);
        assert_eq!(Reader::GitBash.call(path), r#""C:/Program Files/a\$b/styxy.exe""#);
        assert_eq!(Reader::Posix.call("/opt/my tools/styxy"), quoted("/opt/my tools/styxy"));
    }

    #[test]
    fn every_form_is_recognised_as_ours() {
        for path in [r"C:\x\styxy.exe", r"C:\Program Files\styxy.exe", r"C:\O'Brien & Co\$x\styxy.exe"] {
            for shell in ALL {
                let command = format!("{} hook gemini", shell.call(path));
                assert!(is_ours(&command, &[]), "{command}");
            }
        }
    }

    #[test]
    fn each_agent_has_its_shell() {
        for agent in Agent::ALL {
            assert_eq!(Reader::of(agent) == Reader::Posix, cfg!(unix), "{agent:?}");
        }
    }
}
