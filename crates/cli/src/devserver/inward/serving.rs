//! Whether a command serves, as far as its words say (R154).

use super::around::Around;
use super::census::{Census, Entry, Kind, Server, Way, Work};
use super::files::is_several;
use super::kinds::Likelihood;
use crate::devserver::shell::Word;

/// Whether a command listens on a port that anybody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serving {
    /// A known server is in it.
    Known,
    /// Several servers are in it.
    Several,
    /// It may be one.
    Perhaps,
    /// It only builds, watches, tests or prints.
    No,
    /// It builds once, and ends.
    Once,
}

/// Whether the program `words` serve.
pub(crate) fn of_words(words: &[&str], around: &dyn Around) -> Serving {
    let word =
        |(at, text): (usize, &&str)| Word { text: (*text).to_owned(), typed: Some(at), ..Word::default() };
    let words = words.iter().enumerate().map(word).collect();
    let census = Census::new(around);
    let servers = census.command(words, &Way::new(Entry::Front));
    match of_servers(&servers) {
        Serving::No if servers.is_empty() && census.work.get() == Work::Ends => Serving::Once,
        serving => serving,
    }
}

fn of_servers(servers: &[Server]) -> Serving {
    let is_known = |one: &Server| {
        matches!(one.kind, Kind::NeedsWords | Kind::Reads) && one.likelihood == Likelihood::Sure
    };
    let may_be = |one: &Server| one.likelihood > Likelihood::Builds;
    if is_several(servers) && servers.iter().any(may_be) {
        Serving::Several
    } else if servers.iter().any(is_known) {
        Serving::Known
    } else if servers.iter().any(may_be) {
        Serving::Perhaps
    } else {
        Serving::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devserver::inward::around::Told;

    fn of_text(text: &str, around: &dyn Around) -> Serving {
        of_words(&["sh", "-c", text], around)
    }

    /// Scripts that are called `dev` and only build.
    const BUILDS: [&str; 24] = [
        "tsup --watch",
        "tsup src/index.ts --format esm,cjs --dts --watch",
        "tsc --watch",
        "tsc -b -w --preserveWatchOutput",
        "vite build --watch",
        "vite build --watch --mode development",
        "rollup -c -w",
        "rimraf dist && rollup -c rollup.config.mjs --watch",
        "esbuild src/index.ts --bundle --outdir=dist --watch",
        "node esbuild.config.mjs --watch",
        "node scripts/build.js --watch",
        "swc src -d dist --watch",
        "babel src --out-dir lib --watch",
        "unbuild --stub",
        "tsdown --watch",
        "microbundle watch --no-compress",
        "svelte-package --watch",
        "tailwindcss -i src/index.css -o dist/index.css --watch",
        "postcss src/*.css -d dist -w",
        "sass --watch src:dist",
        "graphql-codegen --watch",
        "webpack --watch --mode development",
        "concurrently \"tsc -w\" \"tailwindcss -i a.css -o b.css -w\"",
        "npm-run-all clean --parallel watch:*",
    ];

    const PACKAGE: Told = Told {
        scripts: &[
            ("clean", "rm -rf dist"),
            ("watch:types", "tsc -w"),
            ("watch:css", "sass --watch a:b"),
            ("web", "vite"),
            ("dev", "tsx watch src/index.ts"),
        ],
        ..Told::NOTHING
    };

    #[test]
    fn a_script_that_only_builds_does_not_serve() {
        let wrong: Vec<_> = BUILDS.iter().filter(|text| of_text(text, &PACKAGE) != Serving::No).collect();
        assert_eq!(wrong, [&"unbuild --stub"], "it ends");
    }

    #[test]
    fn what_builds_without_watching_ends() {
        for text in [
            "tsc",
            "tsc -p tsconfig.build.json && cp -r assets dist",
            "rimraf dist && rollup -c",
            "vite build",
            "npx vite build --mode development",
            "NODE_ENV=production next build",
            "npm run build",
            "esbuild src/index.ts --bundle --outdir=dist",
        ] {
            let package = Told { scripts: &[("build", "tsc && vite build")], ..PACKAGE };
            assert_eq!(of_text(text, &package), Serving::Once, "{text}");
        }
        for text in [
            "tsc; sleep 1000",
            "echo built",
            "tsc -w",
            "tsc && tail -f log",
            "npm install && tsc",
            "eslint .",
        ] {
            assert_eq!(of_text(text, &PACKAGE), Serving::No, "{text}");
        }
    }

    #[test]
    fn a_known_server_is_known_and_any_other_program_may_be_one() {
        for text in [
            "vite",
            "next dev --turbo",
            "tsc -b && vite --host",
            "concurrently \"tsc -w\" \"vite\"",
            "webpack serve --mode development",
            "NODE_ENV=development storybook dev -p 6006",
            "bin/rails server -p 3000",
            "flask run --debug",
            "run-p watch:* web",
        ] {
            assert_eq!(of_text(text, &PACKAGE), Serving::Known, "{text}");
        }
        for text in [
            "node server.js",
            "tsx watch src/index.ts",
            "nodemon server.js",
            "deno run -A main.ts",
            "node --inspect src/index.js",
            "bundle exec sidekiq",
            "go run ./cmd/api",
            "cargo run",
            "./start",
            "node watch.js",
            "node build.mjs --serve",
            "styxy run -- vite",
        ] {
            assert_eq!(of_text(text, &Told { others: &["vite"], ..PACKAGE }), Serving::Perhaps, "{text}");
        }
        for text in ["turbo run dev", "concurrently \"vite\" \"node api.js\"", "vite & node api.js"] {
            assert_eq!(of_text(text, &Told { others: &["vite"], ..PACKAGE }), Serving::Several, "{text}");
        }
        assert_eq!(of_words(&["npm", "run", "dev"], &PACKAGE), Serving::Perhaps);
        assert_eq!(of_words(&["npm", "run", "web"], &PACKAGE), Serving::Known);
        assert_eq!(of_words(&["npm", "run", "watch:css"], &PACKAGE), Serving::No);
    }
}
