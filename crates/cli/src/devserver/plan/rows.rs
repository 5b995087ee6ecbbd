//! The ways a tool is reached, and what becomes of its command line.

use std::ffi::OsString;

use styxy_core::Port;

use crate::devserver::inward::around::Told;
use crate::devserver::plan::{Obstacle, Plan};

/// The scripts of a package, by name.
type Package = &'static [(&'static str, &'static str)];

pub(super) fn plan_with(line: &str, package: Package) -> (Plan, Vec<OsString>) {
    let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    // No shell of ours runs those scripts.
    (Plan::of(&typed, &Told { scripts: package, ..Told::NOTHING }), typed)
}

/// The command line that runs instead of `line`, with port 4242.
pub(super) fn becomes_with(line: &str, package: Package) -> String {
    let (plan, typed) = plan_with(line, package);
    let ports = [
        ("dev", 4242),
        ("api", 5151),
        ("inspector", 9797),
        ("reload", 2468),
        ("ui", 4848),
        ("monitoring", 3131),
    ];
    let ports = ports.map(|(service, port)| (service.parse().unwrap(), Port::new(port).unwrap()));
    let words: Vec<String> =
        plan.apply(typed, &ports).into_iter().map(|word| word.into_string().unwrap()).collect();
    words.join(" ")
}

pub(super) fn becomes(line: &str) -> String {
    becomes_with(line, &[])
}

fn typed_port(line: &str) -> Option<u16> {
    plan_with(line, &[]).0.typed_port.map(Port::get)
}

const APP: Package = &[
    ("dev", "vite"),
    ("start", "next dev"),
    ("fixed", "vite --port 3000"),
    ("variable", "vite --port $PORT"),
    ("list", "tsc -b && cross-env NODE_ENV=development vite --host"),
    ("both", "vite & tsc -w"),
    ("logged", "vite | tee log"),
    ("again", "npm run dev"),
    ("again-host", "npm run dev -- --host"),
    ("again-pnpm", "pnpm dev"),
    ("loop", "npm run loop"),
    ("serve", "serve dist -l 3000"),
    ("assigned", "PORT=3000 node server.js"),
    ("ours", "styxy run -- vite"),
    ("ng", "ng"),
    ("cut", "cargo leptos watch -- --x"),
    ("masked", "vite || true"),
    ("then", "vite && echo done"),
    ("outer", "npm run masked"),
    ("turned", "! vite"),
    ("built", "PORT=3000 vite build && node server.js"),
    ("beside", "next dev && vite"),
    ("test", "vitest --ui"),
    ("rest", "storybook dev -- rest"),
];

#[test]
fn a_script_gets_the_flags_of_its_tool_in_the_form_of_its_package_manager() {
    for (typed, expected) in [
        ("npm run dev", "npm run dev -- --port 4242 --strictPort"),
        ("npm run dev -- --host", "npm run dev -- --host --port 4242 --strictPort"),
        ("npm run --silent dev", "npm run --silent dev -- --port 4242 --strictPort"),
        ("npm start", "npm start -- -p 4242"),
        ("pnpm dev", "pnpm dev --port 4242 --strictPort"),
        ("pnpm run dev --host", "pnpm run dev --host --port 4242 --strictPort"),
        ("yarn dev", "yarn dev --port 4242 --strictPort"),
        ("yarn run dev", "yarn run dev --port 4242 --strictPort"),
        ("bun run dev", "bun run dev --port 4242 --strictPort"),
        ("bun --bun run dev", "bun --bun run dev --port 4242 --strictPort"),
        ("pnpm dev -- --host", "pnpm dev --port 4242 --strictPort -- --host"),
        ("npm run list", "npm run list -- --port 4242 --strictPort"),
        ("npm run again", "npm run again -- -- --port 4242 --strictPort"),
        ("npm run again-host", "npm run again-host -- --port 4242 --strictPort"),
        ("npm run again-pnpm", "npm run again-pnpm -- --port 4242 --strictPort"),
        ("npm run fixed", "npm run fixed -- --port 4242 --strictPort"),
        ("npm run turned", "npm run turned -- --port 4242 --strictPort"),
        ("npm run beside", "npm run beside -- --port 4242 --strictPort"),
        ("npm test", "npm test -- --api.port 4242 --api.strictPort"),
        ("npm t", "npm t -- --api.port 4242 --api.strictPort"),
        ("pnpm test", "pnpm test --api.port 4242 --api.strictPort"),
        ("pnpm t", "pnpm t --api.port 4242 --api.strictPort"),
        ("yarn test", "yarn test --api.port 4242 --api.strictPort"),
        ("deno task dev", "deno task dev --port 4242 --strictPort"),
        ("deno task -q dev --host", "deno task -q dev --host --port 4242 --strictPort"),
        ("npm run ng -- serve", "npm run ng -- serve --port 4242"),
        ("npm run dev -- --port 3000", "npm run dev -- --port 4242 --strictPort"),
    ] {
        assert_eq!(becomes_with(typed, APP), expected, "{typed}");
    }
}

#[test]
fn a_tool_is_found_behind_whatever_starts_it() {
    for (typed, expected) in [
        ("npx vite", "npx vite --port 4242 --strictPort"),
        ("npx -y vite@5 --host", "npx -y vite@5 --host --port 4242 --strictPort"),
        ("npx --package vite vite", "npx --package vite vite --port 4242 --strictPort"),
        ("npx @angular/cli@17 serve", "npx @angular/cli@17 serve --port 4242"),
        ("npm exec vite", "npm exec vite -- --port 4242 --strictPort"),
        ("npm exec -- vite --host", "npm exec -- vite --host --port 4242 --strictPort"),
        ("pnpm exec vite", "pnpm exec vite --port 4242 --strictPort"),
        ("pnpm dlx vite", "pnpm dlx vite --port 4242 --strictPort"),
        ("pnpm astro dev", "pnpm astro dev --port 4242"),
        ("yarn astro dev", "yarn astro dev --port 4242"),
        ("yarn dlx vite", "yarn dlx vite --port 4242 --strictPort"),
        ("bunx --bun vite", "bunx --bun vite --port 4242 --strictPort"),
        ("bun x vite", "bun x vite --port 4242 --strictPort"),
        ("node_modules/.bin/vite", "node_modules/.bin/vite --port 4242 --strictPort"),
        ("node node_modules/vite/bin/vite.js", "node node_modules/vite/bin/vite.js --port 4242 --strictPort"),
        (
            "node --inspect node_modules/next/dist/bin/next dev",
            "node --inspect=9797 node_modules/next/dist/bin/next dev -p 4242",
        ),
        ("cross-env NODE_ENV=test vite", "cross-env NODE_ENV=test vite --port 4242 --strictPort"),
        ("env -u X A=b vite", "env -u X A=b vite --port 4242 --strictPort"),
        ("dotenv -e .env -- vite", "dotenv -e .env -- vite --port 4242 --strictPort"),
        ("uv run --group dev flask run", "uv run --group dev flask run --port 4242"),
        (
            "uv --directory web run --extra x --env-file .env flask run",
            "uv --directory web run --extra x --env-file .env flask run --port 4242",
        ),
        ("deno run -A npm:vite@8 --host", "deno run -A npm:vite@8 --host --port 4242 --strictPort"),
        (
            "python -m debugpy --listen 5678 --wait-for-client -m flask run",
            "python -m debugpy --listen 9797 --wait-for-client -m flask run --port 4242",
        ),
        ("doppler run -p shop -- vite", "doppler run -p shop -- vite --port 4242 --strictPort"),
        ("direnv exec . vite", "direnv exec . vite --port 4242 --strictPort"),
        ("env-cmd -f .env vite", "env-cmd -f .env vite --port 4242 --strictPort"),
        ("sudo -u ada vite", "sudo -u ada vite --port 4242 --strictPort"),
        ("env -i vite", "env -i PORT=4242 vite --port 4242 --strictPort"),
        ("poetry run flask run", "poetry run flask run --port 4242"),
    ] {
        assert_eq!(becomes(typed), expected, "{typed}");
    }
}

#[test]
fn an_unknown_command_is_left_as_it_is() {
    for line in [
        "node server.js",
        "node serve.js",
        "./serve dist",
        "python app.py",
        "python -c x",
        "make dev",
        "vite build",
        "vitest run",
        "docker compose up",
        "npm install",
        "npm -w web install",
        "yarn workspace web add x",
        "bun test",
        "pnpm install",
        "cargo watch -x run",
        "npm run absent",
        "npx",
        "npm",
        "echo vite",
        "php index.php",
        "sh -c vite",
        "concurrently vite",
        "npm run",
    ] {
        assert_eq!(becomes_with(line, APP), line);
        assert_eq!(plan_with(line, APP).0.obstacle, None, "{line}");
    }
    for line in ["npm run ours", "styxy run -- vite", "npm run loop", "npm run variable"] {
        assert_eq!(becomes_with(line, APP), line);
        assert_eq!(plan_with(line, APP).0.obstacle, None, "{line}");
    }
}

#[test]
fn a_tool_out_of_reach_of_appended_words_is_left_as_it_is_and_the_reason_given() {
    for (line, why) in [
        ("npm run both", "the script both runs a command in the background"),
        ("pnpm logged", "the script logged contains a pipeline"),
        ("npm run masked", "the script masked runs another command after it"),
        ("npm run then", "the script then runs another command after it"),
        ("npm run outer", "the script masked runs another command after it"),
        ("npm run rest", "its arguments contain a --"),
    ] {
        assert_eq!(becomes_with(line, APP), line);
        let obstacle = plan_with(line, APP).0.obstacle;
        assert_eq!(obstacle, Some(Obstacle::OutOfReach(why.into())), "{line}");
    }
    assert_eq!(becomes_with("npm run serve", APP), "npm run serve");
    assert_eq!(plan_with("npm run serve", APP).0.obstacle, Some(Obstacle::Fixed(Port::new(3000).unwrap())));
    assert_eq!(plan_with("npm run cut", APP).0.obstacle, None);
    assert_eq!(plan_with("npm run built", APP).0.obstacle, None);
    assert_eq!(
        plan_with("npm run assigned", APP).0.obstacle,
        Some(Obstacle::Fixed(Port::new(3000).unwrap()))
    );
    assert_eq!(plan_with("npm run fixed", APP).0.obstacle, None, "an added flag overrules it");
}

#[test]
fn a_script_of_another_workspace_is_an_obstacle() {
    for line in [
        "npm -w web run dev",
        "npm run dev --workspace=web",
        "npm run dev -ws",
        "pnpm --filter web dev",
        "pnpm -r dev",
        "yarn workspace web dev",
        "yarn workspaces foreach run dev",
        "bun --filter web dev",
    ] {
        assert_eq!(becomes_with(line, APP), line);
        assert_eq!(plan_with(line, APP).0.obstacle, Some(Obstacle::Elsewhere), "{line}");
    }
    assert_eq!(plan_with("npm -w web run dev -- --port {port}", APP).0.obstacle, None);
}

#[test]
fn a_port_in_the_command_is_the_preferred_one() {
    assert_eq!(typed_port("vite --port 5173"), Some(5173));
    assert_eq!(typed_port("vite --port=5173"), Some(5173));
    assert_eq!(typed_port("next dev -p3001"), Some(3001));
    assert_eq!(typed_port("python manage.py runserver 0:8001"), Some(8001));
    assert_eq!(typed_port("php -S 127.0.0.1:8080"), Some(8080));
    assert_eq!(typed_port("vite --port 0"), None);
    assert_eq!(typed_port("vite --portable 3000"), None);
    assert_eq!(typed_port("vite -- --port 3000"), None);
    assert_eq!(plan_with("npm run fixed", APP).0.script_port.map(Port::get), Some(3000));
    assert_eq!(becomes("vite --port 0"), "vite --port 4242 --strictPort");
    assert_eq!(becomes("vite -- --port 3000"), "vite --port 4242 --strictPort -- --port 3000");
}

#[test]
fn port_in_braces_is_replaced_where_it_stands() {
    assert_eq!(becomes("vite --port {port}"), "vite --port 4242");
    assert_eq!(becomes("server --listen=:{port} --api {port:api}"), "server --listen=:4242 --api 5151");
    assert_eq!(becomes("caddy {port:docs} {ports}"), "caddy {port:docs} {ports}");
}
