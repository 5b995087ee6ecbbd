//! Which words there are for the services of a worktree: those of the project's file, and of what `styxy up` would start (R160).

use styxy_client::Caller;
use styxy_core::api::{Code, Refusal};
use styxy_core::project::{Project, Wish};
use styxy_core::{ServiceName, ServiceType};

use crate::here::caller::caller;
use crate::here::context::block_on;
use crate::here::named::Named;
use crate::here::server::Portless;
use crate::here::target::Target;
use crate::here::typed::Words;
use crate::here::verb::Verb;
use crate::say::failure::Failure;
use crate::up::ask;
use crate::up::sources;
use crate::up::stack::{Definition, Source, Stack};
use crate::up::wire::State;

/// What `target` means here to `styxy VERB`.
///
/// # Errors
/// Those of [`Named::new`].
pub(crate) fn named(target: Target, name: Option<ServiceName>, verb: Verb) -> Result<Named, Failure> {
    let look = |file: Option<&Project>, caller: &Caller, word: &ServiceType| {
        words(file, caller, std::slice::from_ref(word))
    };
    let mut named = Named::new(target, name, verb, &look)?;
    if let Some(portless) = named.portless() {
        *portless = about_portless(&portless.label, verb);
    }
    Ok(named)
}

/// What `typed` may mean. Where the project's file has all of these words, nothing else is looked at.
pub(crate) fn words(file: Option<&Project>, caller: &Caller, typed: &[ServiceType]) -> Words {
    let services = || file.into_iter().flat_map(|file| &file.services);
    let portless = services().filter(|service| !service.serves()).map(|service| service.label.to_string());
    let words = Words {
        file: file.cloned(),
        portless: portless.collect(),
        package: caller.package(),
        ..Words::default()
    };
    let is_of_file = |word: &ServiceType| services().any(|service| service.label.as_str() == word.as_str());
    if typed.iter().all(is_of_file) {
        return words;
    }
    match sources::find_silently(caller) {
        Ok(stack) => with_stack(words, &stack),
        // `styxy up` and `styxy init` say why.
        Err(_) => words,
    }
}

fn with_stack(words: Words, stack: &Stack) -> Words {
    let (without, with): (Vec<&Definition>, Vec<&Definition>) = stack
        .services
        .iter()
        .filter(|service| service.compose.is_none())
        .partition(|service| service.port == Wish::None);
    let Words { mut portless, .. } = words;
    let without: Vec<String> = without.into_iter().map(|service| service.label.clone()).collect();
    portless.extend(without.iter().cloned());
    let silent = if matches!(stack.source, Source::File(_)) { without } else { Vec::new() };
    let labels = stack.services.iter().map(|service| service.label.clone());
    let idle = stack.idle.iter().map(|(label, _)| label.clone());
    Words {
        stack: with.into_iter().map(|service| stack.request(service)).collect(),
        listed: stack.source.lists().then(|| labels.chain(idle).collect()),
        portless,
        silent,
        ..words
    }
}

/// The same to lease ports for them.
///
/// # Errors
/// One of them takes no port, and no name beside it makes it a type.
pub(crate) fn words_of_ports(
    file: Option<&Project>,
    caller: &Caller,
    typed: &[ServiceType],
    name: Option<&ServiceName>,
) -> Result<Words, Failure> {
    let words = words(file, caller, typed);
    match words.silent(typed).filter(|_| name.is_none()) {
        Some(label) => Err(Failure::Usage(Box::new(no_port(label)))),
        None => Ok(words),
    }
}

/// That `label` takes no port, to whoever wants one for it.
pub(crate) fn no_port(label: &ServiceType) -> Refusal {
    Refusal::new(Code::InvalidRequest, format!("{label} takes no port")).hint("styxy ps")
}

/// What is said of the service `label`, which takes no port, instead of a lease's.
fn about_portless(label: &str, verb: Verb) -> Portless {
    let caller = caller();
    let view = ask::at(&caller).and_then(|(_, place)| block_on(ask::now(&place))?);
    let view = view.ok().and_then(|views| views.into_iter().find(|view| view.service == label));
    let (said, runs) = match view.map(|view| (view.state, view.pid)) {
        None => ("; styxy up has not started it".to_owned(), None),
        Some((State::Ready | State::Running | State::Outside, pid)) => {
            let pid = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            (format!("; it runs{pid}"), Some(true))
        }
        Some((State::Waiting | State::Starting | State::Ending, _)) => {
            ("; it starts or ends just now".to_owned(), Some(true))
        }
        Some((State::Failed, _)) => ("; it has failed".to_owned(), Some(false)),
        Some((State::Ended, _)) => ("; it has ended".to_owned(), Some(false)),
    };
    let hint = match (runs, verb) {
        (None, _) => format!("styxy up {label}"),
        (Some(true), Verb::Kill | Verb::Release) => format!("styxy down {label}"),
        (Some(_), _) => format!("styxy logs {label}"),
    };
    Portless { label: label.to_owned(), said, hint }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use styxy_client::PortRequest;

    use super::*;
    use crate::here::caller::canonical;

    /// A worktree with these files.
    struct Tree {
        _top: tempfile::TempDir,
        root: std::path::PathBuf,
    }

    impl Tree {
        fn new(files: &[(&str, &str)]) -> Self {
            let top = tempfile::tempdir().unwrap();
            let root = canonical(top.path());
            fs::create_dir(root.join(".git")).unwrap();
            for (file, text) in files {
                let path = root.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self { _top: top, root }
        }

        fn words(&self, folder: &str, typed: &[&str]) -> (Words, Caller) {
            let caller = Caller::new(Some(&self.root.join(folder)), None, |_| None, || None);
            let typed: Vec<ServiceType> = typed.iter().map(|word| word.parse().unwrap()).collect();
            (words(caller.file().unwrap().as_ref(), &caller, &typed), caller)
        }

        /// What a word means in a folder: `dev/apps.web`.
        fn meant(&self, folder: &str, word: &str, name: Option<&str>) -> String {
            let (words, caller) = self.words(folder, &[word]);
            let name = name.map(|name| name.parse().unwrap());
            let asked = PortRequest { name, ..PortRequest::new(word.parse().unwrap()) };
            let request = words.request(asked.in_package(caller.package().as_ref())).request;
            let name = request.full_name().map(|name| format!("/{name}")).unwrap_or_default();
            format!("{}{name}", request.service)
        }

        /// The same where it is the same in each folder.
        fn everywhere(&self, word: &str) -> String {
            let folders = [".", "apps/api", "apps/web/src", "tools"];
            let all = folders.map(|folder| self.meant(folder, word, None));
            assert!(all.iter().all(|meant| *meant == all[0]), "{word}: {all:?}");
            all[0].clone()
        }
    }

    const PACKAGES: [(&str, &str); 5] = [
        ("package.json", r#"{"workspaces": ["apps/*"], "scripts": {"dev": "npm run dev --workspaces"}}"#),
        ("apps/api/package.json", r#"{"name": "api", "scripts": {"dev": "node server.js"}}"#),
        ("apps/css/package.json", r#"{"name": "css", "scripts": {"dev": "tsup --watch"}}"#),
        ("apps/web/package.json", r#"{"name": "@shop/web", "scripts": {"dev": "vite"}}"#),
        ("tools/package.json", "{}"),
    ];
    /// A folder of a package that is no package.
    const BELOW: (&str, &str) = ("apps/web/src/main.js", "");

    fn tree(more: &[(&str, &str)]) -> Tree {
        Tree::new(&[&PACKAGES, more, &[BELOW]].concat())
    }

    #[test]
    fn a_word_is_the_service_of_the_file_in_each_folder() {
        let file = r#"{"services": {
            "api": {"run": "node a.js", "cwd": "apps/api"},
            "web": {"type": "dev", "run": "vite", "cwd": "apps/web"},
            "docs": {"type": "storybook", "name": "book", "run": "x", "cwd": "apps/web"},
            "storybook": {"run": "y", "cwd": "apps/api"},
            "admin": {"run": "z"},
            "css": {"run": "tsc -w", "port": false}}}"#;
        let tree = tree(&[(".styxy.json", file)]);
        assert_eq!(tree.everywhere("api"), "api/apps.api");
        assert_eq!(tree.everywhere("web"), "dev/apps.web");
        assert_eq!(tree.everywhere("docs"), "storybook/book");
        assert_eq!(tree.everywhere("storybook"), "storybook/apps.api", "its name counts before a type");
        assert_eq!(tree.everywhere("admin"), "admin");
        for (folder, meant) in [(".", "dev"), ("apps/web", "dev/apps.web"), ("tools", "dev/tools")] {
            assert_eq!(tree.meant(folder, "dev", None), meant, "a type is of the package as before");
        }
        assert_eq!(tree.meant("tools", "api", Some("other")), "api/other", "what is typed is the name");
        assert_eq!(tree.meant("tools", "dev", Some("apps.web")), "dev/apps.web");
    }

    #[test]
    fn a_word_is_the_service_that_up_would_start() {
        let guessed = tree(&[]);
        assert_eq!(guessed.everywhere("api"), "dev/apps.api");
        assert_eq!(guessed.everywhere("web"), "dev/apps.web");
        let procfile = tree(&[("Procfile.dev", "web: vite\napi: node api.js\njob: tsc -w\n")]);
        assert_eq!(procfile.everywhere("web"), "dev/web");
        assert_eq!(procfile.everywhere("api"), "dev/api");
        let (words, _) = procfile.words("apps/web", &["job"]);
        assert!(words.is_portless("job") && !words.is_portless("web"));
        let beside = tree(&[("apps/web/.styxy.json", r#"{"services": {"docs": {}}}"#)]);
        assert_eq!(beside.meant("apps/web", "api", None), "dev/apps.api");
        assert_eq!(beside.meant("apps/web", "docs", None), "docs/apps.web");
    }

    #[test]
    fn dev_is_a_service_of_that_name_but_in_a_package_that_is_none_of_the_services() {
        let file = r#"{"services": {"api": {"cwd": "apps/api"}, "dev": {"cwd": "apps/web"}}}"#;
        let of_file = tree(&[(".styxy.json", file)]);
        for folder in [".", "apps/api", "apps/web/src"] {
            assert_eq!(of_file.meant(folder, "dev", None), "dev/apps.web", "{folder}");
        }
        assert_eq!(of_file.meant("tools", "dev", None), "dev/tools");
        let script = Tree::new(&[
            ("package.json", r#"{"scripts": {"dev": "storybook dev"}}"#),
            ("tools/package.json", "{}"),
        ]);
        assert_eq!(script.meant(".", "dev", None), "storybook", "the type that up gives it");
        assert_eq!(script.meant("tools", "dev", None), "dev/tools");
    }

    #[test]
    fn a_service_without_a_folder_is_that_of_the_callers_package_as_in_the_first_version() {
        let tree =
            tree(&[(".styxy.json", r#"{"services": {"dev": {"port": 3000}, "api": {"name": "main"}}}"#)]);
        assert_eq!(tree.meant(".", "dev", None), "dev");
        assert_eq!(tree.meant("apps/web", "dev", None), "dev/apps.web");
        assert_eq!(tree.everywhere("api"), "api/main");
    }

    #[test]
    fn services_are_listed_where_somebody_has_listed_them() {
        let listed = |tree: &Tree| tree.words(".", &["nope"]).0.listed;
        let labels = |labels: &[&str]| Some(labels.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(listed(&tree(&[])), labels(&["api", "css", "web"]));
        let file = r#"{"services": {"api": {"run": "node a.js"}, "docs": {}}}"#;
        assert_eq!(listed(&tree(&[(".styxy.json", file)])), labels(&["api", "docs"]));
        let one = Tree::new(&[("package.json", r#"{"scripts": {"dev": "vite"}}"#)]);
        assert_eq!(listed(&one), None, "a script lists nothing");
        let idle = Tree::new(&[(".styxy.json", r#"{"services": {"api": {}}}"#)]);
        assert_eq!(listed(&idle), None, "a file as in the first version");
    }
}
