//! What the first word of a command names: a program, or a package that contains one.

/// The name of the program that `word` starts: without its folder and its ending on Windows.
pub(crate) fn program(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    [".cmd", ".exe", ".bat", ".ps1"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// The package that `word` names: `vite@5` is `vite`, `@angular/cli@latest` is `@angular/cli`.
pub(crate) fn package(word: &str) -> &str {
    match word.char_indices().skip(1).find(|(_, letter)| *letter == '@') {
        Some((at, _)) => &word[..at],
        None => word,
    }
}

/// The package that contains a JavaScript file under `node_modules`.
pub(crate) fn package_of_file(path: &str) -> Option<&str> {
    let (_, inside) = path.rsplit_once("node_modules/")?;
    if let Some(program) = inside.strip_prefix(".bin/") {
        return Some(program);
    }
    let folders = if inside.starts_with('@') { 2 } else { 1 };
    inside.match_indices('/').nth(folders - 1).map(|(end, _)| &inside[..end])
}

/// Whether a program at `path` is probably the known one of that name, and not the project's own: `./serve` and
/// `./bin/serve` are the project's own.
pub(crate) fn is_known_place(path: &str) -> bool {
    let path = path.replace('\\', "/");
    let mut named = path.as_str();
    while let Some(rest) = named.strip_prefix("./").or_else(|| named.strip_prefix("../")) {
        named = rest;
    }
    !path.contains('/')
        || path.starts_with('@') && path.matches('/').count() == 1
        || named.contains("/bin/")
        || named.contains("/sbin/")
        || named.contains(".bin/")
        || named.contains("node_modules/")
        || path.contains(":/")
        || path.contains("/Scripts/")
        || ["manage.py", "artisan", "bin/rails", "mvnw", "gradlew"].contains(&named)
        || path.ends_with("/manage.py")
        || path.starts_with('/') && path.ends_with("/artisan")
}

/// What runs a file of this name: its name alone does not.
pub(crate) fn interpreter(file: &str) -> Option<&'static str> {
    let (stem, ending) = file.rsplit_once('.')?;
    Some(match ending {
        _ if stem.is_empty() => return None,
        "js" | "mjs" | "cjs" => "node",
        "ts" | "mts" | "cts" | "tsx" | "jsx" => "npx tsx",
        "py" => "python3",
        "rb" => "ruby",
        "php" => "php",
        "sh" => "sh",
        "go" => "go run",
        "jar" => "java -jar",
        _ => return None,
    })
}

/// Programs that start servers of others.
pub(crate) const LAUNCHERS: [&str; 35] = [
    "bash",
    "bun",
    "bunx",
    "bundle",
    "cargo",
    "concurrently",
    "deno",
    "docker",
    "env",
    "foreman",
    "go",
    "gradle",
    "honcho",
    "java",
    "just",
    "lerna",
    "make",
    "mvn",
    "node",
    "nodemon",
    "npm",
    "npx",
    "nx",
    "overmind",
    "php",
    "pnpm",
    "pnpx",
    "poetry",
    "python",
    "python3",
    "ruby",
    "sh",
    "turbo",
    "uv",
    "yarn",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_any_way_of_writing_it() {
        for word in ["vite", "./node_modules/.bin/vite", "/usr/bin/vite", "vite.cmd", r"C:\x\vite.exe"] {
            assert_eq!(program(word), "vite", "{word}");
        }
        assert_eq!(package("vite@5.0.0"), "vite");
        assert_eq!(package("@angular/cli@latest"), "@angular/cli");
        assert_eq!(package("@angular/cli"), "@angular/cli");
        for (path, name) in [
            ("node_modules/vite/bin/vite.js", Some("vite")),
            ("../node_modules/@rspack/cli/bin/rspack.js", Some("@rspack/cli")),
            ("node_modules/.bin/vite", Some("vite")),
            ("node_modules/.pnpm/vite@5/node_modules/vite/bin/vite.js", Some("vite")),
            ("serve.js", None),
        ] {
            assert_eq!(package_of_file(path), name, "{path}");
        }
    }

    #[test]
    fn a_program_of_the_project_is_not_taken_for_a_known_one() {
        for own in
            ["./serve", "scripts/vite", "../next", "bin/serve", "./bin/serve", "../bin/serve", "/opt/x/serve"]
        {
            assert!(!is_known_place(own), "{own}");
        }
        for known in [
            "vite",
            "./node_modules/.bin/vite",
            "venv/bin/flask",
            "../venv/bin/flask",
            "../node_modules/.bin/vite",
            "/usr/bin/hugo",
            "./manage.py",
            "bin/rails",
            "@angular/cli@17",
        ] {
            assert!(is_known_place(known), "{known}");
        }
    }
}
