//! Programs that listen on no port, by name: commands of the shell, and tools that build, watch, test or print.

/// Whether `name` is a command of the shell itself, which no other program can run.
pub(super) fn is_builtin(name: &str) -> bool {
    matches!(
        name,
        "." | ":"
            | "["
            | "alias"
            | "bg"
            | "break"
            | "builtin"
            | "cd"
            | "continue"
            | "declare"
            | "disown"
            | "echo"
            | "eval"
            | "exit"
            | "export"
            | "false"
            | "fg"
            | "getopts"
            | "hash"
            | "jobs"
            | "kill"
            | "let"
            | "local"
            | "popd"
            | "printf"
            | "pushd"
            | "pwd"
            | "read"
            | "readonly"
            | "return"
            | "set"
            | "shift"
            | "shopt"
            | "source"
            | "test"
            | "trap"
            | "true"
            | "type"
            | "typeset"
            | "ulimit"
            | "umask"
            | "unalias"
            | "unset"
            | "wait"
    )
}

/// Whether `name` is a tool that needs no port of ours with these arguments. One that is not here may be a server.
pub(super) fn needs_no_port<'w>(name: &str, mut args: impl Iterator<Item = &'w str>) -> bool {
    let serves = |word: &str| ["serve", "port", "--ui", "studio"].iter().any(|sign| word.contains(sign));
    FILES.contains(&name) || OWN_PORT.contains(&name) || TOOLS.contains(&name) && !args.any(serves)
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
const FILES: [&str; 36] = [
    "awk", "basename", "cat", "chmod", "clear", "cp", "curl", "cut", "date", "diff", "dirname", "false",
    "find", "git", "grep", "head", "kill", "ln", "ls", "lsof", "mkdir", "mv", "open", "rm", "rmdir", "rsync",
    "sed", "sleep", "sort", "tail", "tar", "tee", "touch", "true", "wget", "xdg-open",
];

/// Tools of the JavaScript, CSS and Python worlds. A flag that makes one of them a server is in the table of frameworks.
const TOOLS: [&str; 48] = [
    "babel",
    "biome",
    "chokidar",
    "chokidar-cli",
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
    "lint-staged",
    "mkdirp",
    "mocha",
    "mypy",
    "ncc",
    "ncp",
    "node-sass",
    "onchange",
    "open-cli",
    "oxlint",
    "pino-pretty",
    "postcss",
    "prettier",
    "prisma",
    "pytest",
    "relay-compiler",
    "rimraf",
    "rollup",
    "ruff",
    "sass",
    "shx",
    "stylelint",
    "swc",
    "tailwindcss",
    "tsc",
    "tsc-watch",
    "tsup",
    "unbuild",
    "vitest",
    "vue-tsc",
    "wait-on",
    "wait-port",
];
