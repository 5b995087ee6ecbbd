//! `docs/FRAMEWORKS.md`, generated from the table.

use std::fmt::Write;

use super::row::{Framework, Second, Twice, Way, When};
use super::table::rows;

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

const MORE: &str = "
## Further ports

Some of these listen on a further port: for an inspector, for live reload, for a user interface of their own. `styxy run` leases it
together with the first one, as another service of the checkout, with the same name: `styxy list` shows `inspector` beside `dev`,
`STYXY_INSPECTOR_PORT` is its port, the next run gets the same one again, and `.styxy.json` may wish for one under `services`.

- A number that you type is the preferred port, as with the first: `node --inspect=9230 server.js`. `0` stays: the tool then takes any.
- A number in a script is leased too, but cannot be changed there. If somebody else has it, `styxy run` says so.
- Nothing further is leased with `--block`, or if the command has `{port}` in it. `-s inspector` asks for one then, and `{port:inspector}`
  stands for it.
- If the further port is refused, the command runs with its first one, and the tool chooses the other itself.

| tool | service | by itself | opened | words | variables |
| --- | --- | --- | --- | --- | --- |
";

const TRIED: &str = "
## What was tried

`npm run test:frameworks` starts each of these in two checkouts at once, and both serve on their leased ports, the further ones too:
";

const UNTRIED: &str = "
The run does not have the other rows, which follow the tools' documentation: VALUES.

.NET, Phoenix, Spring Boot, Quarkus, Laravel and Zola need registries other than npm, PyPI and Debian's. Angular, Expo, Gatsby and
others need a project of many files.
";

fn code(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let all: Vec<String> = words.into_iter().map(|word| format!("`{}`", word.as_ref())).collect();
    all.join(" ")
}

fn started(row: &Framework) -> String {
    let commands = code(row.commands);
    match row.when {
        When::Always => commands,
        When::Unless(words) | When::NoFlag(words) => format!("{commands} without {}", code(words)),
        When::Sub(words) | When::Flag(words) | When::Task(words) => {
            format!("{commands} with {}", code(words))
        }
    }
}

fn variables(env: &[(&str, &str)]) -> String {
    code(env.iter().map(|(name, value)| {
        let value = value.replace("{port}", "PORT").replace("{inherited} ", "");
        format!("{name}={value}")
    }))
}

/// The line of a further port.
fn second(row: &Framework, second: &Second) -> String {
    let when = match second.when {
        When::Always => "always".to_owned(),
        When::NoFlag(words) | When::Unless(words) => format!("without {}", code(words)),
        When::Sub(words) | When::Flag(words) | When::Task(words) => format!("with {}", code(words)),
    };
    let words = second.port.words().map(|words| code([words.join(" ").replace("{port}", "PORT")]));
    let words = match second.port {
        Way::InFlag(flags) | Way::Joined(flags) => code(flags.iter().map(|flag| format!("{flag}=PORT"))),
        Way::Flag { .. } | Way::Word | Way::Env => words.unwrap_or_default(),
    };
    let env = variables(second.env);
    format!("| {} | `{}` | {} | {when} | {words} | {env} |\n", row.name, second.service, second.default)
}

fn line(row: &Framework) -> String {
    let (told, own, twice) = match row.port {
        Way::Flag { write, value, also, twice } => {
            let second = match twice {
                Twice::LastWins => "counts",
                Twice::Wrong => "is wrong",
            };
            (
                format!("{write} {}", value.replace("{port}", "PORT")),
                code(std::iter::once(write).chain(also.iter().copied())),
                second,
            )
        }
        Way::Word => ("PORT".to_owned(), "`PORT` `ADDRESS:PORT`".to_owned(), "is wrong"),
        Way::InFlag(flags) => {
            (String::new(), code(flags.iter().map(|flag| format!("{flag} ADDRESS:PORT"))), "is wrong")
        }
        Way::Joined(flags) => {
            (String::new(), code(flags.iter().map(|flag| format!("{flag}=PORT"))), "is wrong")
        }
        Way::Env => (String::new(), String::new(), ""),
    };
    let told: Vec<String> = Some(told)
        .filter(|told| !told.is_empty())
        .into_iter()
        .chain(row.strict.iter().map(ToString::to_string))
        .collect();
    let told = if told.is_empty() { String::new() } else { code([told.join(" ")]) };
    let env = variables(row.env);
    format!("| {} | {} | {told} | {own} | {twice} | {env} | `{}` |\n", row.name, started(row), row.service)
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.extend(rows().map(line));
    page.push_str(MORE);
    page.extend(rows().flat_map(|row| row.more.iter().map(|each| second(row, each))));
    page.push_str("\n## Worth knowing\n\n");
    for row in rows().filter(|row| !row.note.is_empty()) {
        let _ = writeln!(page, "- {}: {}.", row.name, row.note);
    }
    page.push_str(TRIED);
    let tried = rows().filter(|row| !row.tried.is_empty()).map(|row| format!("{} ({})", row.name, row.tried));
    let _ = writeln!(page, "{}.", tried.collect::<Vec<_>>().join("; "));
    let untried: Vec<&str> = rows().filter(|row| row.tried.is_empty()).map(|row| row.name).collect();
    page.push_str(&UNTRIED.replace("VALUES", &untried.join("; ")));
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
