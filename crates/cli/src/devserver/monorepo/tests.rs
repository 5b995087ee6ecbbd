//! Which packages a script at the root starts.

use super::*;
use crate::devserver::inward::around::Told;

const ROOT: Told = Told {
    scripts: &[
        ("all", "turbo run dev"),
        ("web", "pnpm --filter web dev"),
        ("api", "npm run dev -w @acme/api"),
        ("site", "vite"),
    ],
    ..Told::NOTHING
};

fn members() -> Vec<Member> {
    let member = |(name, path, needs): (&str, &str, &[&str])| Member {
        name: Some(name.to_owned()),
        path: path.to_owned(),
        needs: needs.iter().map(ToString::to_string).collect(),
    };
    [
        ("@acme/api", "apps/api", &["@acme/db"][..]),
        ("docs", "apps/docs", &[]),
        ("@acme/web", "apps/web", &["@acme/ui"]),
        ("@acme/db", "packages/db", &[]),
        ("@acme/ui", "packages/ui", &[]),
    ]
    .map(member)
    .to_vec()
}

/// The folders and tasks that `text` starts; or `own`, or why it is more than that.
fn started(text: &str) -> String {
    match of_text(text, &ROOT, DEPTH) {
        Root::Own => "own".to_owned(),
        Root::More(why) => why,
        Root::Bare(selections) => {
            let all = members();
            let one = |selection: &Selection| {
                let each = selection.of(&all).into_iter();
                let each = each.map(|(at, task)| match task {
                    "dev" => all[at].path.clone(),
                    task => format!("{}:{task}", all[at].path),
                });
                each.collect::<Vec<_>>().join(" ")
            };
            selections.iter().map(one).collect::<Vec<_>>().join(" + ")
        }
    }
}

const ALL: &str = "apps/api apps/docs apps/web packages/db packages/ui";

#[test]
fn a_bare_runner_starts_the_packages_that_its_filters_choose() {
    for (text, expected) in [
        ("turbo run dev", ALL),
        ("turbo dev --parallel --no-cache --concurrency 20 --ui=tui", ALL),
        ("npx turbo run dev --filter=@acme/web --filter docs", "apps/docs apps/web"),
        ("turbo run dev --filter=web...", "apps/web packages/ui"),
        ("turbo run dev --filter=...@acme/db", "apps/api packages/db"),
        ("turbo run dev --filter=@acme/web^...", "packages/ui"),
        ("turbo run dev --filter=./apps/* --filter=!docs", "apps/api apps/web"),
        ("turbo run dev -F '{./packages/*}'", "packages/db packages/ui"),
        ("turbo run dev storybook --filter=docs", "apps/docs apps/docs:storybook"),
        ("turbo run @acme/web#dev", "apps/web"),
        ("pnpm turbo dev", ALL),
        ("pnpm -r dev", ALL),
        ("pnpm -r --parallel --stream run dev", ALL),
        ("pnpm --parallel --filter \"./apps/**\" dev", "apps/api apps/docs apps/web"),
        ("pnpm --filter '@acme/*' --filter '!@acme/db' run dev", "apps/api apps/web packages/ui"),
        ("pnpm recursive run dev", ALL),
        ("npm run dev --workspaces --if-present", ALL),
        ("npm run dev -ws", ALL),
        ("npm run dev -w apps/web -w @acme/api", "apps/api apps/web"),
        ("npm -w packages run dev", "packages/db packages/ui"),
        ("npm start --workspace=docs", "apps/docs:start"),
        ("yarn workspaces foreach -Api run dev", ALL),
        (
            "yarn workspaces foreach --all --include '@acme/*' --exclude @acme/ui run dev",
            "apps/api apps/web packages/db",
        ),
        ("yarn workspaces run dev", ALL),
        ("yarn workspace @acme/web run dev", "apps/web"),
        ("yarn workspace docs dev", "apps/docs"),
        ("bun --filter '*' dev", ALL),
        ("bun run --filter './apps/*' dev", "apps/api apps/docs apps/web"),
        ("lerna run dev --parallel --stream", ALL),
        ("lerna run dev --scope=@acme/web --include-dependencies", "apps/web packages/ui"),
        ("lerna run dev --scope '@acme/*' --ignore '*api'", "apps/web packages/db packages/ui"),
        ("nx run-many -t dev --parallel=5", ALL),
        ("nx run-many --target=dev --projects=web,docs", "apps/docs apps/web"),
        ("nx run-many -t dev --exclude=docs", "apps/api apps/web packages/db packages/ui"),
        ("nx run docs:dev", "apps/docs"),
        ("npx nx serve web", "apps/web:serve"),
        ("npm run all", ALL),
        ("concurrently \"npm:web\" \"npm:api\"", "apps/web + apps/api"),
        ("run-p web api", "apps/web + apps/api"),
        ("concurrently -k \"pnpm -F web dev\" \"yarn workspace docs dev\"", "apps/web + apps/docs"),
    ] {
        assert_eq!(started(text), expected, "{text}");
    }
}

#[test]
fn what_does_more_than_that_is_not_taken_apart() {
    for (text, expected) in [
        ("npm run translate && turbo run dev", "it runs other commands too"),
        ("turbo run dev & node log.js", "it runs other commands too"),
        ("concurrently \"npm:web\" \"node proxy.js\"", "it runs other commands too"),
        ("run-s web api", "it runs other commands too"),
        ("NODE_ENV=development turbo dev", "it sets NODE_ENV"),
        ("cross-env A=1 turbo dev", "it sets A"),
        ("dotenv -- turbo dev", "dotenv sets variables for it"),
        ("turbo watch dev", "turbo watch runs builds again and again"),
        ("turbo run dev --filter=[main]", "the filter [main] is not known"),
        ("turbo run dev --affected", "the option --affected is not known"),
        ("turbo run dev -- --host", "it passes arguments on"),
        ("pnpm -r dev --host", "it passes arguments on"),
        ("npm run all -- --filter=web", "it passes arguments on"),
        ("pnpm --filter $APP dev", "the filter $APP is not known"),
        ("pnpm -r exec next dev", "own"),
        ("yarn workspaces foreach -R --from docs run dev", "the option -R is not known"),
        ("nx run-many -t dev -p tag:web", "the filter tag:web is not known"),
        ("nx affected -t dev", "nx affected chooses by what was changed"),
    ] {
        assert_eq!(started(text), expected, "{text}");
    }
}

#[test]
fn a_script_of_the_root_itself_is_one_like_any_other() {
    for text in [
        "vite",
        "npm run site",
        "pnpm -r build && vite",
        "turbo run build",
        "concurrently \"vite\" \"node api.js\"",
        "npm --prefix apps/web run dev",
        "pnpm -C apps/web dev",
        "cd apps/web && npm run dev",
        "pnpm -w run site",
        "nx graph",
        "npm run nothing",
        "",
    ] {
        assert_eq!(started(text), "own", "{text}");
    }
}
