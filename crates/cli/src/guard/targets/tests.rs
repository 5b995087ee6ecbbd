//! The corpus: every line of `tests/corpus/shell-commands.tsv` is a command and what it would do.

use std::path::Path;

use super::*;

const CORPUS: &str = include_str!("../../../../../tests/corpus/shell-commands.tsv");

/// The package that the commands are run in.
fn script(folder: &Path, name: &str) -> Option<String> {
    // On Windows the rest of a folder is put behind it with the other separator.
    let text = match (&*folder.to_str()?.replace('\\', "/"), name) {
        ("/w/app", "dev") => "vite",
        ("/w/app", "start") => "node server.js",
        ("/w/app", "next") => "next dev",
        ("/w/app", "fixed") => "vite --port 3000 --strictPort",
        ("/w/app", "both") => "next dev -p 3000 & tsc -w",
        ("/w/app", "test") => "vitest run",
        ("/w/app", "serve") => "node server.js --port 4000",
        ("/w/app", "preview") => "PORT=4000 node server.js",
        ("/w/app", "develop") => "node --import tsx server.js",
        ("/w/app/web", "dev") => "node gen.js; vite",
        ("/w/app/web", "start") => "node gen.js; turbo dev",
        ("/w/app/web", "preview") => "vite & node watch.js",
        ("/w/app/web", "serve") => "node gen.js; node server.js",
        ("/w/app/api", "dev") => "tsx watch server.ts",
        ("/w/app/api", "start") => "nodemon server.js",
        ("/w/app/api", "preview") => "node scripts/build.js",
        ("/w/app/api", "serve") => "node server.js migrate",
        ("/w/app/api", "develop") => "export PORT=4000; next dev",
        ("/w/app/api", "env") => "env -u PORT next dev",
        ("/w/app/api", "file") => "dotenv -o -- next dev",
        ("/w/app/api", "other") => "nodemon ../web/server.js",
        ("/w/app/api", "named") => "tsx server.ts & open-browser --port 4000",
        ("/w/app/cra", "dev") => "react-scripts start",
        ("/w/app/cra", "start") => "PORT=4000 react-scripts start",
        ("/w/app/cra", "web") => "cross-env PORT=4000 node server.js",
        ("/w/app/cra", "both") => "concurrently -k \"vite --port 3000\" 'npm run dev'",
        ("/w/app/cra", "never") => "concurrently -m 1 \"tsc\" \"vite --port 3000\"",
        ("/w/app/cra" | "/w/app/cra/../api", "fixed") => "npm run inner",
        ("/w/app/cra/../api", "inner") => "vite --port 3000",
        ("/w/app" | "/w/app/../fix", "storybook") => "storybook dev -p 6006",
        _ => return None,
    };
    Some(text.to_owned())
}

fn shown(target: &Target) -> String {
    let what = match &target.what {
        What::Bind(port) => format!("bind {port}"),
        What::KillPort(port) => format!("kill {port}"),
        What::KillName(name) => format!("name {}", name.shown),
        What::KillPid(pid) => format!("pid {pid}"),
    };
    let folder = in_git_bash(&target.folder);
    if Path::new(&folder) == Path::new("/w/app") { what } else { format!("{what} @{folder}") }
}

/// The folder as the corpus has it: `/w/app` is `W:\app` on Windows once a command has gone there.
fn in_git_bash(folder: &Path) -> String {
    let shown = folder.display().to_string();
    if cfg!(windows) { shown.replace('\\', "/").replace("W:/", "/w/") } else { shown }
}

#[test]
fn every_command_of_the_corpus_does_what_is_said_of_it_and_nothing_more() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in CORPUS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expected, command) = line.split_once('\t').unwrap_or_else(|| panic!("no tab: {line}"));
        let command = command.replace("\\n", "\n");
        let mut found: Vec<String> =
            read(&command, Path::new("/w/app"), Some(Path::new("/home/ada")), &script)
                .iter()
                .map(shown)
                .collect();
        found.sort();
        found.dedup();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join("; ") };
        count += 1;
        if found != expected {
            wrong.push(format!("{command}\n    expected {expected}\n    found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 200, "only {count} commands");
}
