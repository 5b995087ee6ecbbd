//! Codex' `config.toml`: the guard's file as `BASH_ENV` of the shells that Codex starts (R94). Pure: texts in, texts out.
//!
//! Codex takes `LD_*` out of its own environment, and gives its shells the variables of `shell_environment_policy.set` after that.
//! Our lines are recognised by the comment above them. Everything else keeps every byte.

use std::ops::Range;

use serde_json::Value;

use super::recognised::is_shell_file;

/// The table of the variables, and the one that it is in.
const TABLE: &str = "[shell_environment_policy.set]";
const OUTER: &str = "[shell_environment_policy]";
const WORD: &str = "shell_environment_policy";
const KEY: &str = "BASH_ENV = ";
/// The comment above our lines.
const MARK: &str = "# Styxy's guard. To remove it: styxy hooks install codex --uninstall";

/// Our lines in a text.
struct Ours {
    /// With the line end in front, and the one behind if the table is ours too.
    all: Range<usize>,
    /// The header of the table, with its line end; none if it was there before.
    table: Option<Range<usize>>,
    value: Range<usize>,
}

/// `text` with the guard's file `shell` for bash; none if that would need a reader of TOML. A `BASH_ENV` of the user's stays.
pub(crate) fn with(text: &str, shell: &str) -> Option<String> {
    let value = Value::from(shell).to_string();
    if let Some(ours) = Ours::find(text) {
        return Some(format!("{}{value}{}", &text[..ours.value.start], &text[ours.value.end..]));
    }
    // A `\r` by itself ends no line in TOML, and with one of ours it would.
    if text.replace("\r\n", "").contains('\r') {
        return None;
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines = format!("{end}{MARK}{end}{KEY}{value}");
    let mut mentions = code(text).filter(|(_, line)| line.contains(WORD));
    let is_plain = !text.contains("\"\"\"") && !text.contains("'''");
    match (mentions.next(), mentions.next()) {
        (None, _) => Some(appended(text, end, &value)),
        _ if !is_plain => None,
        (Some((at, line)), None) if header(line) == TABLE => {
            let is_set = members(&text[at + line.len()..])
                .any(|member| key(member) == KEY.trim_end_matches([' ', '=']));
            // Blanks at the end of a line are the user's, and stay on it.
            let behind = at + line.trim_end_matches(['\r', '\n']).len();
            Some(if is_set {
                text.to_owned()
            } else {
                format!("{}{lines}{}", &text[..behind], &text[behind..])
            })
        }
        (Some((at, line)), None) if header(line) == OUTER => {
            let has_set =
                members(&text[at + line.len()..]).any(|member| key(member).split('.').next() == Some("set"));
            (!has_set).then(|| appended(text, end, &value))
        }
        (Some((at, line)), Some((_, second))) if header(line) == OUTER && header(second) == TABLE => {
            // The outer table has nothing to do with it.
            let behind = at + line.len();
            with(&text[behind..], shell).map(|rest| text[..behind].to_owned() + &rest)
        }
        _ => None,
    }
}

/// `text` without our lines.
pub(crate) fn without(text: &str) -> String {
    let Some(ours) = Ours::find(text) else { return text.to_owned() };
    let (before, after) = (&text[..ours.all.start], &text[ours.all.end..]);
    match ours.table {
        // Others have put something into the table since.
        Some(table) if members(after).next().is_some() => {
            format!("{before}{}{}{after}", line_end(&text[ours.all.start..]), &text[table])
        }
        Some(_) | None => format!("{before}{after}"),
    }
}

/// The whole table at the end. In a text without a last line end the first of ours ends that line.
fn appended(text: &str, end: &str, value: &str) -> String {
    let first = if text.is_empty() { "" } else { end };
    format!("{text}{first}{MARK}{end}{TABLE}{end}{KEY}{value}{end}")
}

impl Ours {
    fn find(text: &str) -> Option<Self> {
        let mark = text.find(MARK).filter(|at| *at == 0 || text[..*at].ends_with('\n'))?;
        let mut at = next_line(text, mark + MARK.len())?;
        let table =
            text[at..].starts_with(TABLE).then(|| next_line(text, at + TABLE.len()).map(|end| at..end));
        if let Some(table) = &table {
            at = table.as_ref()?.end;
        }
        let table = table.flatten();
        let start = at + text[at..].strip_prefix(KEY).map(|_| KEY.len())?;
        let stop = start + text[start..].find(['\r', '\n']).unwrap_or(text.len() - start);
        let written = text[start..stop].trim_end();
        let path = serde_json::from_str::<String>(written).ok()?;
        let first = mark - line_end_before(text, mark);
        let last = if table.is_some() { next_line(text, stop).unwrap_or(stop) } else { stop };
        is_shell_file(&path).then_some(Self { all: first..last, table, value: start..start + written.len() })
    }
}

/// Where the next line begins, if this one ends at `at`.
fn next_line(text: &str, at: usize) -> Option<usize> {
    let length = line_end(&text[at..]).len();
    (length > 0).then_some(at + length)
}

/// The line end that a text begins with.
fn line_end(text: &str) -> &str {
    ["\r\n", "\n"].into_iter().find(|end| text.starts_with(end)).unwrap_or_default()
}

fn line_end_before(text: &str, at: usize) -> usize {
    ["\r\n", "\n"].into_iter().find(|end| text[..at].ends_with(end)).map_or(0, str::len)
}

/// The lines that are not comments, with their line ends, and where they begin.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.split_inclusive('\n').scan(0, |at, line| {
        *at += line.len();
        Some((*at - line.len(), line))
    });
    lines.filter(|(_, line)| !line.trim_start().starts_with('#'))
}

/// What a table has, up to the next header.
fn members(text: &str) -> impl Iterator<Item = &str> {
    let lines = code(text).map(|(_, line)| line.trim()).filter(|line| !line.is_empty());
    lines.take_while(|line| !line.starts_with('['))
}

fn header(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

fn key(member: &str) -> &str {
    member.split('=').next().unwrap_or_default().trim().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: &str = "/h/.styxy/guard/env.bash";

    #[test]
    fn every_byte_comes_back() {
        for text in [
            "",
            "\n",
            "model = \"o\"",
            "model = \"o\"\n",
            "model = \"o\"\r\n[tui]\r\nx = 1\r\n",
            "[shell_environment_policy]\ninherit = \"core\"\n[tui]\n",
            "[shell_environment_policy.set]",
            "[shell_environment_policy.set]  ",
            "[shell_environment_policy.set] # mine\nA = \"1\"\n\n[tui]\n",
            "[shell_environment_policy]\ninherit = \"all\"\n\n[shell_environment_policy.set]\r\nA = \"1\"\r\n",
            "# shell_environment_policy = 1\n",
        ] {
            let once = with(text, SHELL).unwrap();
            assert!(once.contains("[shell_environment_policy.set]") && once.contains(SHELL), "{once}");
            assert_eq!(with(&once, SHELL).as_ref(), Some(&once), "twice: {text:?}");
            let moved = with(&once, "/other/guard/env.bash").unwrap();
            assert!(moved.contains("/other/guard/env.bash") && !moved.contains(SHELL), "{moved}");
            for there in [once, moved] {
                assert_eq!(without(&there), text, "{there:?}");
            }
        }
    }

    #[test]
    fn a_table_of_its_own_is_shown_as_a_person_would_write_it() {
        let expected =
            format!("model = \"o\"\n\n{MARK}\n[shell_environment_policy.set]\nBASH_ENV = \"{SHELL}\"\n");
        assert_eq!(with("model = \"o\"\n", SHELL).unwrap(), expected);
    }

    #[test]
    fn what_is_the_users_stays_and_what_is_not_certain_is_not_changed() {
        let own = "[shell_environment_policy.set]\n\"BASH_ENV\" = \"/mine\"\n";
        assert_eq!(with(own, SHELL).as_deref(), Some(own));
        assert_eq!(without(own), own);
        for unsure in [
            "shell_environment_policy = { inherit = \"core\" }\n",
            "shell_environment_policy.set = { A = \"1\" }\n",
            "[shell_environment_policy]\nset = { A = \"1\" }\n",
            "[shell_environment_policy]\nset.A = \"1\"\n",
            "[profiles.x.shell_environment_policy]\nset = {}\n[shell_environment_policy]\n",
            "a = \"\"\"\n[shell_environment_policy.set]\n\"\"\"\n",
            "model = \"o\"\r",
        ] {
            assert_eq!(with(unsure, SHELL), None, "{unsure}");
        }
    }

    #[test]
    fn a_table_that_others_use_since_stays() {
        let text = with("a = 1\n", SHELL).unwrap() + "B = \"2\"\n[tui]\n";
        assert_eq!(without(&text), "a = 1\n\n[shell_environment_policy.set]\nB = \"2\"\n[tui]\n");
    }

    #[test]
    fn lines_that_only_look_like_ours_stay() {
        for text in [
            MARK.to_owned(),
            format!("{MARK}\n"),
            format!("{MARK}\nBASH_ENV = \"/mine\"\n"),
            format!("x = 1 {MARK}\n"),
        ] {
            assert_eq!(without(&text), text);
        }
    }
}
