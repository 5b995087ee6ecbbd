//! The ports of a worktree's services, for who starts none of them: `styxy env`.

use std::path::Path;

use styxy_client::{Caller, PortRequest};
use styxy_core::project::Project;

use crate::here::requests;
use crate::up::sources;
use crate::up::stack::{Definition, Source, Stack};

/// As many ports as the daemon leases at once.
pub(crate) const GROUP: usize = 64;

/// Which of `requests` are for services of the worktree's stack is added: all sessions there have these in common (R68).
pub(crate) fn marked(requests: Vec<PortRequest>, caller: &Caller) -> Vec<PortRequest> {
    match sources::find_silently(caller) {
        Ok(stack) => with(requests, &stack),
        Err(_) => requests,
    }
}

fn with(mut requests: Vec<PortRequest>, stack: &Stack) -> Vec<PortRequest> {
    for request in &mut requests {
        let is_its = |service: &Definition| {
            service.kind == request.service && service.name.as_ref() == request.full_name()
        };
        request.stack |= stack.source.lists()
            && stack.services.iter().any(|service| service.takes_port() && is_its(service));
    }
    requests
}

/// A request for each service of the project's file that has a port; where it names none, for each that `styxy up` would start
/// (R150); and for `dev` where nothing surely says what that is. In a package the first one is its own.
pub(crate) fn requests(file: Option<&Project>, caller: &Caller) -> Vec<PortRequest> {
    let usual = || requests::usual(file, caller);
    let is_named = file.is_some_and(|file| !file.services.is_empty());
    match sources::find_silently(caller) {
        Ok(stack) if is_named => with(usual(), &stack),
        Ok(stack) => with(of_stack(&stack, caller, usual), &stack),
        // `styxy up` and `styxy init` say why.
        Err(_) => usual(),
    }
}

fn of_stack(stack: &Stack, caller: &Caller, usual: impl FnOnce() -> Vec<PortRequest>) -> Vec<PortRequest> {
    let services: Vec<&Definition> = stack.services.iter().filter(|service| service.takes_port()).collect();
    if services.is_empty() || services.len() > GROUP || matches!(stack.source, Source::File(_)) {
        return usual();
    }
    let folder = caller.folder().filter(|_| caller.package().is_some());
    let depth = |service: &&Definition| service.cwd.components().count();
    let is_own =
        |folder: &Path, service: &Definition| service.cwd != stack.root && folder.starts_with(&service.cwd);
    let own = folder
        .map(|folder| services.iter().copied().filter(|service| is_own(folder, service)).max_by_key(depth));
    let others =
        services.iter().copied().filter(|service| own.flatten().is_none_or(|own| own.label != service.label));
    let others = others.map(|service| stack.request(service));
    match own {
        Some(Some(own)) => std::iter::once(stack.request(own)).chain(others).collect(),
        // What is started in a package that is none of them has the name of that package (R60).
        Some(None) => usual().into_iter().chain(others).collect(),
        None => others.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::here::caller::canonical;

    /// The requests in a folder of a worktree with these files: `web dev/apps.web`.
    fn asked(files: &[(&str, &str)], folder: &str) -> Vec<String> {
        let top = tempfile::tempdir().unwrap();
        let root = canonical(top.path());
        fs::create_dir(root.join(".git")).unwrap();
        for (file, text) in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let caller = Caller::new(Some(&root.join(folder)), None, |_| None, || None);
        let file = caller.file().unwrap();
        let line = |request: PortRequest| {
            let name = request.full_name().map(|name| format!("/{name}")).unwrap_or_default();
            let whose = if request.stack { "" } else { " of the session" };
            format!("{} {}{name}{whose}", request.label(), request.service)
        };
        requests(file.as_ref(), &caller).into_iter().map(line).collect()
    }

    const WORKSPACE: [(&str, &str); 5] = [
        ("package.json", r#"{"workspaces": ["apps/*"], "scripts": {"dev": "npm run dev --workspaces"}}"#),
        ("apps/api/package.json", r#"{"name": "api", "scripts": {"dev": "node server.js"}}"#),
        ("apps/css/package.json", r#"{"name": "css", "scripts": {"dev": "tsup --watch"}}"#),
        ("apps/web/package.json", r#"{"name": "@shop/web", "scripts": {"dev": "vite"}}"#),
        ("tools/package.json", "{}"),
    ];

    #[test]
    fn the_ports_are_those_of_the_services_that_up_would_start() {
        let (api, web) = ("api dev/apps.api", "web dev/apps.web");
        assert_eq!(asked(&WORKSPACE, "."), [api, web]);
        assert_eq!(asked(&WORKSPACE, "apps/web"), [web, api], "the package's own is the first");
        assert_eq!(asked(&WORKSPACE, "apps"), [api, web]);
        assert_eq!(asked(&WORKSPACE, "tools"), ["dev dev/tools of the session", api, web]);
        let procfile = ("Procfile.dev", "api: node api.js\nweb: vite\njob: tsc -w\n");
        assert_eq!(asked(&[procfile], "."), ["api dev/api", "web dev/web"]);
        let script = ("package.json", r#"{"scripts": {"dev": "storybook dev"}}"#);
        assert_eq!(
            asked(&[script], "."),
            ["dev storybook of the session"],
            "the type that styxy run gives it"
        );
    }

    #[test]
    fn where_a_file_names_services_or_nothing_is_sure_it_is_as_with_run() {
        let procfile = ("Procfile.dev", "api: node api.js\n");
        let file = (".styxy.json", r#"{"services": {"docs": {}}}"#);
        assert_eq!(asked(&[procfile, file], "."), ["docs docs of the session"]);
        let file = (".styxy.json", r#"{"services": {"web": {"run": "vite"}, "docs": {}}}"#);
        assert_eq!(
            asked(&[file], "."),
            ["web web", "docs docs of the session"],
            "nothing says how to start it"
        );
        assert_eq!(asked(&[("readme", "")], "."), ["dev dev of the session"]);
        assert_eq!(asked(&[("Procfile.dev", "job: tsc -w\n")], "."), ["dev dev of the session"]);
        let more = r#"{"workspaces": ["apps/*"], "scripts": {"dev": "x && npm run dev --workspaces"}}"#;
        assert_eq!(asked(&[("package.json", more), WORKSPACE[3]], "."), ["dev dev of the session"]);
    }
}
