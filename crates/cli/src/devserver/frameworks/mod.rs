//! How each dev server gets its port: the table, and how a row is found. [`table`] is data only.

#[cfg(test)]
mod page;
mod row;
mod table;

pub(crate) use row::{Framework, Place, Second, Twice, Way};
pub(crate) use table::Source;

/// The row of the program `name` with the arguments `rest`, if it is a server.
pub(crate) fn find<'w>(
    name: &str,
    rest: &(impl Iterator<Item = &'w str> + Clone),
) -> Option<&'static Framework> {
    table::rows().find(|row| row.commands.contains(&name) && row.when.is_met(row.valued, rest))
}

/// Whether a program of this name is a server itself with some arguments, and so none with others. A runtime is not: what it runs
/// may be a server that reads `PORT`.
pub(crate) fn is_known(name: &str) -> bool {
    table::rows().any(|row| row.needs_words() && row.commands.contains(&name))
}

/// Whether a tool of the table is started by this name.
pub(crate) fn is_command(name: &str) -> bool {
    table::rows().any(|row| row.commands.contains(&name))
}

/// The programs that the tools of the table are started by.
pub(crate) fn commands() -> impl Iterator<Item = &'static str> {
    table::rows().flat_map(|row| row.commands).copied()
}

/// Where the tool that `name` starts comes from, and the other names of it.
pub(crate) fn source(name: &str) -> Option<(Source, &'static [&'static str])> {
    let row = table::rows().find(|row| row.commands.contains(&name))?;
    Some((table::source(row), row.commands))
}

/// Every row's name.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    table::rows().map(|row| row.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(line: &str) -> Option<&'static str> {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        find(command, &rest.split_whitespace()).map(|row| row.name)
    }

    #[test]
    fn a_tool_is_a_server_by_its_subcommand_wherever_that_is() {
        assert_eq!(name("flask run"), Some("Flask"));
        assert_eq!(name("flask --app hello --debug run"), Some("Flask"));
        assert_eq!(name("flask routes"), None);
        assert_eq!(name("webpack --config dev.js serve"), Some("webpack-dev-server"));
        assert_eq!(name("webpack"), None);
        assert_eq!(name("wrangler pages dev dist"), Some("Wrangler"));
        assert_eq!(name("wrangler pages deploy"), None);
        assert_eq!(name("astro -- dev"), None);
    }

    #[test]
    fn a_tool_that_serves_by_default_does_not_when_it_builds() {
        for line in ["vite", "vite dev", "vite preview --host", "vite ./web"] {
            assert_eq!(name(line), Some("Vite"), "{line}");
        }
        for line in [
            "vite build",
            "vite --force build",
            "vite --mode test build",
            "vite --mode=x build",
            "next build",
            "parcel build src/index.html",
            "hugo",
            "storybook build",
        ] {
            assert_eq!(name(line), None, "{line}");
        }
    }

    #[test]
    fn the_value_of_a_flag_is_not_a_subcommand() {
        for line in [
            "vite --mode build",
            "vite --mode test",
            "vite -m test --host",
            "vite --mode lib",
            "vite --config build",
            "vite -c lint dev",
        ] {
            assert_eq!(name(line), Some("Vite"), "{line}");
        }
        assert_eq!(name("rsbuild --env-mode build"), Some("Rsbuild"));
        assert_eq!(name("next --hostname info"), Some("Next.js"));
        assert_eq!(name("parcel --target build index.html"), Some("Parcel"));
        assert_eq!(name("vitepress --base build"), Some("VitePress"));
        assert_eq!(name("manage.py --settings test runserver"), Some("Django"));
    }

    #[test]
    fn a_test_runner_is_a_server_only_with_its_page() {
        assert_eq!(name("vitest"), None);
        assert_eq!(name("vitest run --coverage"), None);
        assert_eq!(name("vitest --ui"), Some("Vitest UI"));
        assert_eq!(name("eleventy --serve"), Some("Eleventy"));
        assert_eq!(name("eleventy"), None);
    }

    #[test]
    fn a_runtime_without_an_inspector_is_not_a_known_server() {
        assert!(is_known("vite") && is_known("vitest") && is_known("deno"));
        assert!(!is_known("node") && !is_known("tsx") && !is_known("bun"));
        assert_eq!((name("tsx server.ts"), name("tsx --inspect server.ts")), (None, Some("Node.js")));
    }

    #[test]
    fn every_command_has_one_row_per_way_of_starting_it() {
        let mut seen = std::collections::HashMap::new();
        for row in table::rows() {
            for command in row.commands {
                if let Some(other) = seen.insert(command, row) {
                    assert_ne!(other.when, row.when, "{command} is in two rows");
                }
            }
            assert!(!row.commands.is_empty() && !row.note.ends_with('.'), "{}", row.name);
        }
    }
}
