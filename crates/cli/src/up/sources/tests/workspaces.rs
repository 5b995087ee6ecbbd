//! Ten workspaces, made up in the ways in which real ones differ: of eight the packages are found that the root's script starts, and
//! two are refused with a proposal.

use super::*;

const UI: (&str, &str) = (
    "packages/ui/package.json",
    r#"{"name": "@acme/ui", "scripts": {"dev": "tsup --watch", "build": "tsup"}}"#,
);
const WEB: (&str, &str) = (
    "apps/web/package.json",
    r#"{"name": "@acme/web", "scripts": {"dev": "next dev --port 3000"}, "dependencies": {"@acme/ui": "*"}}"#,
);
const API: (&str, &str) =
    ("apps/api/package.json", r#"{"name": "@acme/api", "scripts": {"dev": "tsx watch src/index.ts"}}"#);
const DOCS: (&str, &str) =
    ("apps/docs/package.json", r#"{"name": "docs", "scripts": {"dev": "vitepress dev", "do-dev": "x"}}"#);
const CONFIG: (&str, &str) = ("packages/config/package.json", r#"{"name": "@acme/config"}"#);
const PNPM: (&str, &str) = ("pnpm-workspace.yaml", "packages:\n  - 'apps/*'\n  - \"packages/*\"\n");

const WEB_LINE: &str = "web dev/apps.web 3000 known in apps/web: [pnpm run dev]";
const API_LINE: &str = "api dev/apps.api perhaps in apps/api: [pnpm run dev]";
const DOCS_LINE: &str = "docs dev/apps.docs known in apps/docs: [pnpm run dev]";
const UI_LINE: &str = "ui dev/packages.ui no port in packages/ui: [pnpm run dev]";

fn root(dev: &str, more: &str) -> String {
    format!(r#"{{"packageManager": "pnpm@10.0.0"{more}, "scripts": {{"dev": "{dev}"}}}}"#)
}

fn pnpm(dev: &str) -> Worktree {
    Worktree::new(&[("package.json", root(dev, "").as_str()), PNPM, WEB, API, DOCS, UI, CONFIG])
}

#[test]
fn every_package_that_has_the_script_is_a_service() {
    for dev in ["turbo run dev", "pnpm -r --parallel dev", "turbo dev --ui=tui", "nx run-many -t dev"] {
        assert_eq!(pnpm(dev).services(), [API_LINE, DOCS_LINE, WEB_LINE, UI_LINE], "{dev}");
    }
    let stack = pnpm("turbo run dev").stack();
    assert!(matches!(stack.source, Source::Workspace(_)));
    assert_eq!(
        stack.reasons,
        [
            "the script dev is turbo run dev, which starts these packages",
            "api: the script dev of apps/api runs a program that gets its port in PORT",
            "docs: the script dev of apps/docs runs VitePress",
            "web: the script dev of apps/web runs Next.js, on port 3000",
            "ui: the script dev of packages/ui serves nothing, so it gets no port",
        ]
    );
}

#[test]
fn filters_and_the_tasks_name_choose() {
    assert_eq!(pnpm("turbo run dev --filter=web...").services(), [WEB_LINE, UI_LINE]);
    assert_eq!(pnpm("pnpm --filter './apps/*' --parallel dev").services(), [API_LINE, DOCS_LINE, WEB_LINE]);
    assert_eq!(
        pnpm("pnpm -r do-dev").services(),
        ["docs dev/apps.docs perhaps in apps/docs: [pnpm run do-dev]"]
    );
}

#[test]
fn npm_yarn_bun_and_lerna_name_their_packages_in_package_json() {
    let more = r#", "workspaces": ["apps/*", "packages/*"]"#;
    for (dev, lock, manager) in [
        ("npm run dev --workspaces --if-present", "package-lock.json", "npm"),
        ("yarn workspaces foreach -Api run dev", "yarn.lock", "yarn"),
        ("bun --filter '*' dev", "bun.lock", "bun"),
        ("lerna run dev --stream", "package-lock.json", "npm"),
        ("concurrently 'npm run dev -w web' 'npm run dev -w apps/api'", "package-lock.json", "npm"),
    ] {
        let text = root(dev, more).replace(r#""packageManager": "pnpm@10.0.0", "#, "");
        let worktree = Worktree::new(&[("package.json", text.as_str()), (lock, ""), API, WEB]);
        let expected = [API_LINE, WEB_LINE].map(|line| line.replace("pnpm", manager));
        let mut found = worktree.services();
        found.sort();
        assert_eq!(found, expected, "{dev}");
    }
}

#[test]
fn packages_that_are_called_alike_are_called_by_their_folders() {
    let other =
        ("sites/web/package.json", r#"{"name": "@site/web", "scripts": {"dev": "vite --port 3000"}}"#);
    let text = root("turbo dev", r#", "workspaces": ["apps/*", "sites/*"]"#);
    let worktree = Worktree::new(&[("package.json", text.as_str()), WEB, other]);
    assert_eq!(
        worktree.services(),
        [
            "apps-web dev/apps.web 3000 known in apps/web: [pnpm run dev]",
            "sites-web dev/sites.web 3000 known in sites/web: [pnpm run dev]"
        ],
        "two that wish for one port get two"
    );
}

#[test]
fn a_script_that_does_more_is_refused_with_a_proposal() {
    for (dev, why) in [
        ("pnpm translate && turbo run dev", "it runs other commands too"),
        ("turbo watch dev", "turbo watch runs builds again and again"),
    ] {
        let worktree = pnpm(dev);
        let refusal = worktree.refusal();
        assert!(refusal.error.ends_with(why), "{refusal}");
        assert_eq!(
            refusal.hint.as_deref(),
            Some("styxy init proposes a file that says it; styxy init --write writes it")
        );
        let proposal = refusal.details["proposal"].as_str().unwrap();
        assert!(
            proposal.contains(
                r#""web": { "run": "pnpm run dev", "cwd": "apps/web", "type": "dev", "port": 3000 }"#
            ),
            "{proposal}"
        );
        assert!(
            proposal.contains(r#""ui": { "run": "pnpm run dev", "cwd": "packages/ui", "port": false }"#),
            "{proposal}"
        );
    }
}

#[test]
fn targets_of_nx_that_are_not_scripts_are_not_guessed() {
    let worktree = pnpm("nx run-many -t dev");
    worktree.write("apps/web/project.json", r#"{"name": "web", "targets": {"dev": {"executor": "x"}}}"#);
    assert!(worktree.refusal().error.ends_with("apps/web/project.json has a target dev of its own"));
}

#[test]
fn an_application_at_the_root_of_a_workspace_is_one_service() {
    assert_eq!(pnpm("vite").services(), ["dev dev known: [pnpm run dev]"]);
    let refusal = pnpm("pnpm -r --filter nothing dev").refusal();
    assert!(refusal.error.ends_with("no package has such a script"), "{refusal}");
}

#[test]
fn what_turbo_runs_before_and_beside_is_started_too() {
    let worktree = pnpm("turbo run dev --filter=web");
    worktree.write(
        "turbo.json",
        r#"{"tasks": {"dev": {"persistent": true, "dependsOn": ["^build"], "with": ["@acme/api#dev"]}}}"#,
    );
    let stack = worktree.stack();
    let lines: Vec<String> = stack.services.iter().map(|service| line(&worktree.root, service)).collect();
    assert_eq!(
        lines,
        ["build dev no port once: [pnpm exec turbo run build --filter=@acme/web^...]", WEB_LINE, API_LINE]
    );
    let after: Vec<&[String]> = stack.services.iter().map(|service| &service.after[..]).collect();
    assert_eq!(
        after,
        [&[][..], &["build".to_owned()][..], &[][..]],
        "nothing is built for a package that needs nothing"
    );
    worktree.write("turbo.json", r#"{"tasks": {"dev": {"dependsOn": ["^dev"]}}}"#);
    assert_eq!(worktree.services(), [WEB_LINE, UI_LINE]);
}
