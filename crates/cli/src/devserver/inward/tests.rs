//! What becomes of commands that start several servers, and of those that set a `PORT` of their own.

mod files;

use super::*;
use crate::devserver::inward::around::Told;

const PROCFILE: &str = "# all\nweb: vite --host\napi:  cd x && node api.js | cat\n\ncss: tsc -w\nnot a process\nworker: node work.js";

const APP: Told = Told {
    scripts: &[
        ("dev", "run-p web api"),
        ("web", "vite"),
        ("api", "node api.js"),
        ("all", "concurrently \"npm:web\" \"npm:api\""),
        ("some", "concurrently \"npm:web\" \"tsc -w\""),
        ("amp", "vite & node api.js"),
        ("start", "run-s build api"),
        ("build", "tsc -b && vite build"),
        ("types", "tsc -w"),
        ("watch:web", "vite"),
        ("watch:api", "node api.js"),
        ("export", "export PORT=3000; node api.js"),
        ("ours", "styxy run -- vite"),
        ("mine", "run-p ours api"),
        ("down", "cd web && vite"),
    ],
    files: &[
        (".env", "A=1\nPORT=4000\n"),
        ("other.env", "A=1\n"),
        (".envrc", "export PORT=1\n"),
        ("Procfile", PROCFILE),
        ("etc/Procfile", PROCFILE),
        ("Procfile.idle", "css: tsc -w\n"),
    ],
    packages: &["web", "apps/api"],
    others: &["vite", "next dev"],
    shells: &["npm", "pnpm", "yarn", "node", "deno", "lerna", PACKAGE_MANAGER],
    inside: &[("web", "dev", "vite")],
    variables: &[],
};

fn words(typed: &[&str]) -> Vec<Word> {
    let word =
        |(at, text): (usize, &&str)| Word { text: (*text).to_owned(), typed: Some(at), ..Word::default() };
    typed.iter().enumerate().map(word).collect()
}

fn of(typed: &[&str]) -> Option<Inward> {
    Inward::of(words(typed), &APP)
}

fn run(name: Option<&str>, place: Place) -> Vec<OsString> {
    let wish = if place == Place::First { "run1" } else { "run" };
    let name = name.into_iter().flat_map(|name| ["-n", name]);
    ["styxy", wish].into_iter().chain(name).chain(["--"]).map(OsString::from).collect()
}

const BEGIN: Begin<'static> = Begin { words: &run, quoted: str::to_owned };

/// The words that run instead of `typed`, joined by `|`.
fn becomes(typed: &[&str]) -> String {
    let all = typed.iter().map(OsString::from).collect();
    let all = of(typed).map_or_else(
        || typed.iter().map(OsString::from).collect(),
        |inward| inward.apply(all, Some("/dev/fd/9"), &BEGIN),
    );
    all.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join("|")
}

fn script(text: &str, name: Option<&str>) -> String {
    with_runs(text, &Inward::of_script(text, name, &APP), &BEGIN)
}

#[test]
fn each_server_of_concurrently_gets_its_own_run_and_the_name_that_it_has_there() {
    for (typed, expected) in [
        (
            &["concurrently", "node web.js", "node api.js"][..],
            "concurrently|styxy run1 -n web -- node web.js|styxy run -n api -- node api.js",
        ),
        (
            &["npx", "concurrently", "-kn", "ui,back", "vite", "PORT=3001 node api.js"],
            "npx|concurrently|-kn|ui,back|styxy run1 -n ui -- vite|PORT=3001 styxy run -n back -- node api.js",
        ),
        (
            &["concurrently", "node .", "node ."],
            "concurrently|styxy run1 -n node -- node .|styxy run -n node-2 -- node .",
        ),
        (
            &["concurrently", "cd web && npm run dev", "cd apps/api && node .", "cd x && node ."],
            "concurrently|cd web && styxy run1 -- npm run dev|cd apps/api && styxy run -- node .|\
             cd x && styxy run -n x -- node .",
        ),
        // One server, which the flag does not reach otherwise.
        (&["concurrently", "vite", "tsc -w"], "concurrently|styxy run1 -- vite|tsc -w"),
        // One server that reads PORT: the command itself has the lease.
        (&["concurrently", "node api.js", "tsc -w"], "concurrently|node api.js|tsc -w"),
        (
            &["concurrently", "styxy run -- vite", "node api.js"],
            "concurrently|styxy run -- vite|styxy run -n api -- node api.js",
        ),
        (&["concurrently", "npm:web", "node api.js"], "concurrently|npm:web|styxy run -n api -- node api.js"),
    ] {
        assert_eq!(becomes(typed), expected, "{typed:?}");
    }
}

#[test]
fn the_commands_of_a_shell_text_that_run_together_get_their_own_runs() {
    for (text, expected) in [
        ("node web.js & node api.js", "styxy run1 -n web -- node web.js & styxy run -n api -- node api.js"),
        (
            "vite & node 'a b.js' > \"log 1\" & wait",
            "styxy run1 -n vite -- vite & styxy run -n 'a b' -- node 'a b.js' > \"log 1\" & wait",
        ),
        (
            "(cd web && npm run dev) & (cd y; node .)",
            "(cd web && styxy run1 -- npm run dev) & (cd y; styxy run -n y -- node .)",
        ),
        (
            "trap 'kill 0' EXIT; exec vite & node api.js | tee log",
            "trap 'kill 0' EXIT; exec styxy run1 -n vite -- vite & styxy run -n api -- node api.js | tee log",
        ),
        ("cd web && vite & node api.js", "cd web && styxy run1 -- vite & styxy run -n api -- node api.js"),
        (
            "serve() { node web.js; }; serve & node api.js",
            "serve() { styxy run1 -n web -- node web.js; }; serve & styxy run -n api -- node api.js",
        ),
        // In turn: one server.
        ("node migrate.js && node server.js", "node migrate.js && node server.js"),
        ("node api.js & sleep 1; curl localhost:3000", "node api.js & sleep 1; curl localhost:3000"),
        ("vite | tee log", "styxy run1 -- vite | tee log"),
        ("export PORT=3000; node api.js", "export PORT=3000; styxy run1 -- node api.js"),
        ("set -a; . ./.env; node api.js", "set -a; . ./.env; styxy run1 -- node api.js"),
        ("set -a; . ./other.env; node api.js", "set -a; . ./other.env; node api.js"),
        ("node api.js", "node api.js"),
        ("vite 'unclosed & node api.js", "vite 'unclosed & node api.js"),
    ] {
        assert_eq!(
            becomes(&["sh", "-c", text]),
            format!("sh|-c|{}", expected.replace("'a b' --", "a-b --")),
            "{text}"
        );
    }
}

#[test]
fn a_script_with_several_servers_is_reached_by_the_shell_that_runs_it() {
    let by_script = |first: &str| Some(Naming::ByScript { folder: None, first: first.to_owned() });
    let naming = |typed: &[&str]| of(typed).map(|inward| inward.scripts);
    assert_eq!(naming(&["npm", "run", "dev"]), Some(by_script("dev")));
    assert_eq!(naming(&["run-p", "web", "api"]), Some(by_script("web")));
    assert_eq!(naming(&["npx", "run-p", "watch:*"]), Some(by_script("watch:web")));
    assert_eq!(naming(&["pnpm", "amp"]), Some(by_script("amp")));
    assert_eq!(naming(&["pnpm", "-r", "dev"]), Some(Some(Naming::ByPackage)));
    assert_eq!(naming(&["npm", "-w", "web", "run", "dev"]), Some(Some(Naming::ByPackage)));
    assert_eq!(naming(&["lerna", "run", "dev"]), Some(Some(Naming::ByPackage)));
    assert_eq!(naming(&["npm", "run", "export"]), Some(Some(Naming::ByPackage)));
    assert_eq!(naming(&["run-p", "ours", "ours"]), Some(None), "nothing is needed, and no lease either");
    for one in [
        &["npm", "run", "web"][..],
        &["npm", "start"],
        &["npm", "run", "types"],
        &["npm", "run", "some"],
        &["run-s", "build", "api"],
    ] {
        assert_eq!(of(one), None, "{one:?}");
    }
}

#[test]
fn the_text_of_a_script_gets_runs_that_are_called_by_it() {
    for (text, name, expected) in [
        ("vite --host", Some("web"), "styxy run1 -n web -- vite --host"),
        ("vite", None, "styxy run1 -- vite"),
        (
            "tsc -b && node migrate.js && vite | cat",
            Some("dev:web"),
            "tsc -b && node migrate.js && styxy run1 -n dev-web -- vite | cat",
        ),
        ("node a.js && node b.js", None, "styxy run1 -- node a.js && styxy run1 -- node b.js"),
        ("run-p web api", Some("dev"), "styxy run1 -- run-p web api"),
        ("turbo run dev", Some("dev"), "styxy run1 -- turbo run dev"),
        ("styxy run -- vite", Some("dev"), "styxy run -- vite"),
        ("tsc -w", Some("types"), "tsc -w"),
        ("cd web && vite", Some("dev"), "cd web && styxy run1 -- vite"),
        ("if x; then vite; else next dev; fi", None, "if x; then vite; else styxy run1 -- next dev; fi"),
    ] {
        assert_eq!(script(text, name), expected, "{text}");
    }
}

#[test]
fn servers_in_scripts_that_no_shell_of_ours_runs_are_named() {
    let unreached = |typed: &[&str]| {
        of(typed).and_then(|inward| inward.unreached.into_iter().next()).map(|one| (one.by, one.names))
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(unreached(&["bun", "run", "dev"]), Some((By::Scripts("bun"), names(&["web", "api"]))));
    assert_eq!(unreached(&["bun", "run", "amp"]), Some((By::Scripts("bun"), names(&["vite", "api"]))));
    assert_eq!(
        unreached(&["concurrently", "bun:web", "node api.js"]),
        Some((By::Scripts("bun"), names(&["web"])))
    );
    assert_eq!(unreached(&["turbo", "run", "dev"]), Some((By::Scripts("turbo"), Vec::new())));
    assert_eq!(unreached(&["turbo", "dev", "--filter", "web"]), Some((By::Scripts("turbo"), Vec::new())));
    assert_eq!(unreached(&["nx", "run-many", "-t", "build,serve"]), Some((By::Scripts("nx"), Vec::new())));
    for quiet in [
        &["turbo", "run", "build"][..],
        &["turbo", "run", "dev", "--env-mode=loose"],
        &["nx", "serve", "web"],
        &["bun", "--filter", "web", "dev"],
        &["bun", "run", "web"],
    ] {
        assert_eq!(unreached(quiet), None, "{quiet:?}");
    }
    let ready = Told { others: &["styxy run -- vite"], ..APP };
    assert_eq!(Inward::of(words(&["turbo", "run", "dev"]), &ready), Some(Inward::default()));
    assert_eq!(Inward::of(words(&["turbo", "run", "dev"]), &Told::NOTHING), None);
}

#[test]
fn a_run_begins_behind_a_program_that_sets_another_port() {
    for (typed, expected) in [
        ("env-cmd node api.js", "env-cmd|styxy|run1|--|node|api.js"),
        ("env-cmd -f .env -- node api.js", "env-cmd|-f|.env|--|styxy|run1|--|node|api.js"),
        ("env-cmd -f other.env node api.js", "env-cmd|-f|other.env|node|api.js"),
        ("env-cmd --no-override node api.js", "env-cmd|--no-override|node|api.js"),
        ("env-cmd vite", "env-cmd|vite"),
        ("dotenv -- node api.js", "dotenv|--|node|api.js"),
        ("dotenv -o -- node api.js", "dotenv|-o|--|styxy|run1|--|node|api.js"),
        ("doppler run -- node api.js", "doppler|run|--|styxy|run1|--|node|api.js"),
        ("doppler run --preserve-env -- node api.js", "doppler|run|--preserve-env|--|node|api.js"),
        ("infisical run --env=dev -- npm run api", "infisical|run|--env=dev|--|styxy|run1|--|npm|run|api"),
        ("op run --env-file=.env -- node api.js", "op|run|--env-file=.env|--|styxy|run1|--|node|api.js"),
        ("op run -- node api.js", "op|run|--|node|api.js"),
        ("direnv exec . node api.js", "direnv|exec|.|styxy|run1|--|node|api.js"),
        ("direnv exec web node api.js", "direnv|exec|web|node|api.js"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        assert_eq!(becomes(&words), expected, "{typed}");
    }
    assert_eq!(
        becomes(&["doppler", "run", "--command", "node a.js & node b.js"]),
        "doppler|run|--command|styxy run1 -n a -- node a.js & styxy run -n b -- node b.js"
    );
}

#[test]
fn the_servers_of_a_procfile_get_runs_in_the_file_that_its_runner_reads() {
    for (typed, expected) in [
        ("foreman start", "foreman start -f /dev/fd/9 -d ."),
        ("foreman start web -f Procfile", "foreman start -d . web -f /dev/fd/9"),
        ("bundle exec foreman start", "bundle exec foreman start"),
        ("foreman start -f etc/Procfile", "foreman start -f etc/Procfile"),
        ("foreman start -d etc", "foreman start -f /dev/fd/9 -d etc"),
        ("overmind s --procfile=Procfile -d .", "overmind s --procfile=/dev/fd/9 -d ."),
        ("honcho start", "honcho start -f /dev/fd/9"),
        ("honcho -f Procfile start web", "honcho -f /dev/fd/9 start web"),
        ("nf start", "nf -j /dev/fd/9 start"),
        ("npx nf start", "npx nf start"),
        ("honcho start -f Procfile.idle", "honcho start -f Procfile.idle"),
        ("honcho start -f absent", "honcho start -f absent"),
        ("honcho run web", "honcho run web"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        assert_eq!(becomes(&words).replace('|', " "), expected, "{typed}");
    }
    let procfile = of(&["honcho", "start"]).unwrap().procfile.unwrap();
    assert_eq!(procfile.names, ["web", "api", "worker"]);
    let expected = PROCFILE
        .replace("vite", "styxy run1 -n web -- vite")
        .replace("node api", "styxy run -n api -- node api")
        .replace("node work", "styxy run -n worker -- node work");
    assert_eq!(with_runs(&procfile.text, &procfile.runs, &BEGIN), expected);
    assert_eq!(becomes(&["sh", "-c", "honcho start"]), "sh|-c|styxy run1 -- honcho start");
}
