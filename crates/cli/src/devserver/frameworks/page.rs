//! `docs/FRAMEWORKS.md`, generated from the table.

use std::fmt::Write;

use super::row::{Framework, Twice, Way, When};
use super::table::TABLE;

const HEAD: &str = "\
# Dev servers and their ports

`styxy run -- COMMAND` sets `PORT` for every command. Many dev servers do not read it. This table says what `styxy run`
does for those that it knows. It is generated from `crates/cli/src/devserver/frameworks/table.rs`; a test compares the two.

A tool is found behind `npm`, `pnpm`, `yarn` and `bun` (by reading the script), `npx`, `pnpm exec`, `bunx`, `yarn dlx`,
`node node_modules/…`, `python -m`, `uv run`, `poetry run`, `bundle exec`, `cross-env`, `env`,
`sudo`, `env-cmd`, `doppler run` and their like. A command that is not in
the table gets only the variables. Where added words would not reach the server, a `styxy run` begins in front of it: in a script
with a pipeline, a redirection, a subshell, a command in the background or another command after the server, and in a script of
another workspace (`npm -w`, `pnpm --filter`). That needs npm, pnpm or yarn 1; with others `styxy run` says what to write. A command
with [several servers](COMMANDS.md#start-servers) has a port for each.

- A port flag in your command is the preferred port; another one is used if it is taken. The command gets the port that was
  leased in its place.
- `{port}` in an argument is replaced by the port. Then nothing is added: you say where it goes.
- *Added* words come at the end, before a `--` of the command.
- *A second one*: whether the tool uses the last of two port flags. If it does not, a script with its own port flag keeps
  it; that port is preferred, and `styxy run` says so if it is unavailable.

| tool | started as | added | port flags | a second one | other variables than `PORT` | service |
| --- | --- | --- | --- | --- | --- | --- |
";

fn code(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let all: Vec<String> = words.into_iter().map(|word| format!("`{}`", word.as_ref())).collect();
    all.join(" ")
}

fn started(row: &Framework) -> String {
    let commands = code(row.commands);
    match row.when {
        When::Always => commands,
        When::Unless(words) => format!("{commands} without {}", code(words)),
        When::Sub(words) | When::Flag(words) => format!("{commands} with {}", code(words)),
    }
}

fn line(row: &Framework) -> String {
    let (told, own, twice) = match row.port {
        Way::Flag { write, also, twice } => {
            let second = match twice {
                Twice::LastWins => "counts",
                Twice::Wrong => "is wrong",
            };
            (format!("{write} PORT"), code(std::iter::once(write).chain(also.iter().copied())), second)
        }
        Way::Word => ("PORT".to_owned(), "`PORT` `ADDRESS:PORT`".to_owned(), "is wrong"),
        Way::InFlag(flag) => (String::new(), format!("`{flag} ADDRESS:PORT`"), "is wrong"),
        Way::Env => (String::new(), String::new(), ""),
    };
    let told: Vec<String> = Some(told)
        .filter(|told| !told.is_empty())
        .into_iter()
        .chain(row.strict.iter().map(ToString::to_string))
        .collect();
    let told = if told.is_empty() { String::new() } else { code([told.join(" ")]) };
    let env = code(row.env.iter().map(|(name, value)| format!("{name}={}", value.replace("{port}", "PORT"))));
    format!("| {} | {} | {told} | {own} | {twice} | {env} | `{}` |\n", row.name, started(row), row.service)
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.extend(TABLE.iter().map(line));
    page.push_str("\nWorth knowing:\n\n");
    for row in TABLE.iter().filter(|row| !row.note.is_empty()) {
        let _ = writeln!(page, "- {}: {}.", row.name, row.note);
    }
    page
}

#[test]
fn the_committed_page_of_frameworks_is_the_generated_one() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/FRAMEWORKS.md");
    let generated = page();
    if std::env::var("STYXY_REGENERATE").is_ok_and(|on| on == "1") {
        return std::fs::write(file, generated).unwrap();
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(committed == generated, "docs/FRAMEWORKS.md is old: run this test with STYXY_REGENERATE=1");
}
