//! Programs that listen on no port, by name: commands of the shell, and tools that build, watch, test or print.

use super::files::is_called_script;
use super::names;
use crate::devserver::options::among;
use crate::devserver::program::program;
use crate::devserver::recipes::UNKNOWN;
use crate::devserver::shell::Word;

/// How sure it is that a program is a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likelihood {
    /// It is called like what builds.
    Builds,
    Unlikely,
    /// It is a program of the project.
    Likely,
    /// It is known, or called like a server.
    Sure,
}

/// Whether `name` is a command of the shell itself, which no other program can run.
pub(crate) fn is_builtin(name: &str) -> bool {
    const ALL: &str = ". : [ alias bg break builtin cd continue declare disown echo eval exit export false fg getopts \
        hash jobs kill let local popd printf pushd pwd read readonly return set shift shopt source test \
        trap true type typeset ulimit umask unalias unset wait";
    among(ALL, name)
}

/// Whether `name` is a tool that needs no port of ours with these arguments. One that is not here may be a server.
pub(super) fn needs_no_port<'w>(name: &str, mut args: impl Iterator<Item = &'w str>) -> bool {
    let signs = ["serve", "port", "--ui", "studio"];
    // `tsc --preserveWatchOutput`
    let serves = |word: &str| !word.contains("preserve") && signs.iter().any(|sign| word.contains(sign));
    FILES.contains(&name) || OWN_PORT.contains(&name) || TOOLS.contains(&name) && !args.any(serves)
}

/// Whether a command that serves nothing ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Yes,
    /// It makes files, and ends then.
    WithFiles,
    /// It watches, waits, or is not known well enough.
    Perhaps,
}

/// The same for the command `name` with these arguments, in which no server is.
pub(super) fn ends<'w>(name: &str, mut args: impl Iterator<Item = &'w str>) -> Ends {
    const MAKE_FILES: &str = "api-extractor babel bunchee esbuild graphql-codegen microbundle ncc ng-packagr node-sass lessc \
        openapi-typescript orval panda pkgroll postcss prisma relay-compiler rollup rslib sass svelte-package swc \
        tailwind tailwindcss tsc tsc-alias tsdown tsup typedoc unbuild velite vite vue-tsc webpack next astro nuxt parcel";
    const SHORT: &str = "cat chmod cp cpx cd copyfiles date del-cli echo eslint exit export false ln ls mkdir mkdirp mv \
        ncp prettier printf pwd rimraf rm rmdir rsync set shx test touch true umask unset :";
    // `--preserveWatchOutput` is read only by one that watches.
    let mut watches = || args.any(|word| word == "-w" || word.contains("watch") || word == "dev");
    if among(SHORT, name) {
        Ends::Yes
    } else if among(MAKE_FILES, name) && !watches() {
        Ends::WithFiles
    } else {
        Ends::Perhaps
    }
}

/// How sure it is that the unknown program that `words` start is a server: one of the project's own may be, unless it is
/// called like what runs beside a server.
pub(super) fn likelihood(words: &[Word]) -> Likelihood {
    // `node $app`: which program of the project it is, only the shell knows.
    if program_of(words).is_some_and(|at| is_variable(&words[at].text)) {
        return Likelihood::Likely;
    }
    let own = words.iter().filter(|word| !word.is_flag());
    // What a shell script starts is in its text.
    let is_own = |word: &&Word| {
        !is_called_script(&word.text) && (names::of_file(&word.text).is_some() || word.text.starts_with("./"))
    };
    let Some(word) = own.clone().find(is_own) else { return Likelihood::Unlikely };
    // `node --watch server.js` is a server, `node styles.js --watch` is not.
    let mut behind = words.iter().skip_while(|word| !is_own(word)).skip(1);
    let watches = behind.any(|word| matches!(word.text.as_str(), "--watch" | "-w"));
    let stem = program(&word.text).split('.').next().unwrap_or_default();
    let has = |names: &[&str]| {
        let mut parts = stem.split(|letter: char| !letter.is_ascii_alphanumeric());
        parts.any(|part| names.contains(&part.to_ascii_lowercase().as_str()))
    };
    let is_told_to_serve = || {
        let args = words.iter().skip_while(|other| *other != word).skip(1);
        args.into_iter().any(|word| word.text.contains("serve") || word.text.contains("port"))
    };
    if (word.text.contains(".config.") || has(&BUILDERS)) && !is_told_to_serve() {
        Likelihood::Builds
    } else if watches || word.text.contains(".config.") || has(&HELPERS) {
        Likelihood::Unlikely
    } else if has(&SERVERS) || stem.to_ascii_lowercase().ends_with("server") {
        Likelihood::Sure
    } else {
        Likelihood::Likely
    }
}

/// Which word names the file that an interpreter runs.
fn program_of(words: &[Word]) -> Option<usize> {
    let (first, args) = words.split_first()?;
    let at = args.iter().position(|word| !word.is_flag())?;
    is_interpreter(program(&first.text)).then_some(at + 1)
}

/// Whether a program runs the file that it is given, whatever that is called.
pub(super) fn is_interpreter(name: &str) -> bool {
    matches!(
        name,
        "bun" | "deno" | "node" | "nodejs" | "php" | "python" | "python3" | "ruby" | "ts-node" | "tsx"
    )
}

/// Parts of the names of a project's own servers.
const SERVERS: [&str; 18] = [
    "admin", "api", "app", "auth", "backend", "dev", "frontend", "gateway", "graphql", "http", "main",
    "serve", "server", "service", "site", "ui", "web", "www",
];

/// Parts of the names of programs that make files out of files.
const BUILDERS: [&str; 15] = [
    "build", "builder", "bundle", "check", "clean", "codegen", "compile", "copy", "esbuild", "gen",
    "generate", "lint", "rollup", "styles", "tailwind",
];

/// Parts of the names of programs that run beside a server, or before it.
const HELPERS: [&str; 20] = [
    "consumer",
    "cron",
    "jobs",
    "log",
    "logs",
    "migrate",
    "migrations",
    "open",
    "queue",
    "schedule",
    "scheduler",
    "seed",
    "setup",
    "sync",
    "tail",
    "test",
    "tests",
    "wait",
    "watch",
    "worker",
];

/// Whether a command says itself on which port it listens, or uses a variable that does.
pub(super) fn names_port(words: &[Word]) -> bool {
    let file = program_of(words);
    words.windows(2).enumerate().any(|(at, pair)| {
        let (before, word) = (pair[0].text.as_str(), &pair[1]);
        let is_file = file == Some(at + 1);
        let text = word.text.as_str();
        let (flag, value) = match text.split_once('=').filter(|(flag, _)| flag.starts_with('-')) {
            Some(parts) => parts,
            None if before.starts_with('-') => (before, text),
            None => ("", text),
        };
        // `--timeout 5000` is no port.
        let may_be = flag.is_empty() || is_port_flag(flag);
        let number = value.rsplit(':').next().unwrap_or(value);
        let number = number.strip_prefix("-p").unwrap_or(number);
        is_port_flag(text)
            || text.contains("PORT")
            || may_be && number.len() > 3 && number.parse::<u16>().is_ok()
            || may_be && !is_file && word.expanded && is_variable(text)
    })
}

fn is_port_flag(flag: &str) -> bool {
    matches!(flag, "-p" | "-b" | "-l" | "--listen" | "--bind")
        || flag.starts_with('-') && flag.contains("port")
}

/// Whether a word is one variable, which may be a port: `$1`, but not `"$@"` nor `$DIR/web.js`.
fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix('$').map(|name| name.trim_matches(['{', '}'])).unwrap_or_default();
    text != UNKNOWN
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Programs that have a port of their own, or none, and do not look at `PORT`.
const OWN_PORT: [&str; 11] = [
    "cloudflared",
    "docker",
    "docker-compose",
    "mongod",
    "mysqld",
    "ngrok",
    "podman",
    "postgres",
    "redis-server",
    "stripe",
    "supabase",
];

/// Programs that every system has.
const FILES: [&str; 37] = [
    "awk", "basename", "cat", "chmod", "clear", "cp", "curl", "cut", "date", "diff", "dirname", "false",
    "find", "git", "grep", "head", "kill", "ln", "ls", "lsof", "mkdir", "mv", "open", "rm", "rmdir", "rsync",
    "sed", "seq", "sleep", "sort", "tail", "tar", "tee", "touch", "true", "wget", "xdg-open",
];

/// Tools of the JavaScript, CSS and Python worlds. A flag that makes one of them a server is in the table of frameworks.
const TOOLS: [&str; 68] = [
    "api-extractor",
    "babel",
    "biome",
    "bob",
    "bunchee",
    "chokidar",
    "chokidar-cli",
    "contentlayer",
    "copyfiles",
    "cpx",
    "cypress",
    "del-cli",
    "esbuild",
    "eslint",
    "fkill",
    "gh",
    "graphql-codegen",
    "gulp-cli",
    "husky",
    "jest",
    "knip",
    "lessc",
    "lint-staged",
    "microbundle",
    "mkdirp",
    "mocha",
    "mypy",
    "ncc",
    "ncp",
    "ng-packagr",
    "node-sass",
    "onchange",
    "open-cli",
    "openapi-typescript",
    "orval",
    "oxlint",
    "panda",
    "pino-pretty",
    "pkgroll",
    "postcss",
    "preconstruct",
    "prettier",
    "prisma",
    "pytest",
    "relay-compiler",
    "rimraf",
    "rollup",
    "rslib",
    "ruff",
    "sass",
    "shx",
    "stylelint",
    "svelte-package",
    "swc",
    "tailwind",
    "tailwindcss",
    "tsc",
    "tsc-alias",
    "tsc-watch",
    "tsdown",
    "tsup",
    "typedoc",
    "unbuild",
    "velite",
    "vitest",
    "vue-tsc",
    "wait-on",
    "wait-port",
];
