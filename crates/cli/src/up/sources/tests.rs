//! Where the services of made-up repositories come from: ten workspaces, eight Procfiles, and what else there may be.

mod procfiles;
mod workspaces;

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::here::caller::canonical;
use crate::up::stack::Serves;
use styxy_core::project::{Run, Wish};

/// A worktree with these files.
struct Worktree {
    _top: tempfile::TempDir,
    root: PathBuf,
}

impl Worktree {
    fn new(files: &[(&str, &str)]) -> Self {
        let top = tempfile::tempdir().unwrap();
        let root = canonical(top.path());
        fs::create_dir(root.join(".git")).unwrap();
        let worktree = Self { _top: top, root };
        for (file, text) in files {
            worktree.write(file, text);
        }
        worktree
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn here(&self) -> Caller {
        Caller::new(Some(&self.root), None, |_| None, || None)
    }

    fn stack(&self) -> Stack {
        find(&self.here()).unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    /// A line for each service: `web dev/apps.web 3000 known in apps/web: npm run dev`.
    fn services(&self) -> Vec<String> {
        let stack = self.stack();
        #[cfg(unix)]
        self.is_the_same_in_a_file(&stack);
        stack.services.iter().map(|service| line(&self.root, service)).collect()
    }

    /// What `styxy init` would write of it starts nothing again.
    #[cfg(unix)]
    fn is_the_same_in_a_file(&self, guessed: &Stack) {
        use crate::up::orders::definition;
        let proposal = propose::services(&self.here(), &self.root).unwrap();
        let text = propose::text(&self.root, &proposal.services);
        self.write(project::FILE, &text);
        let written = self.stack();
        fs::remove_file(self.root.join(project::FILE)).unwrap();
        assert!(matches!(written.source, Source::File(_)), "{text}");
        // What ends before others begin has no word in the file.
        for one in guessed.services.iter().filter(|one| one.serves != Serves::Once) {
            let other = written.services.iter().find(|other| other.label == one.label);
            let other = other.unwrap_or_else(|| panic!("no {} in {text}", one.label));
            assert_eq!(definition(one), definition(other), "{one:?}\n{other:?}\n{text}");
        }
    }

    fn refusal(&self) -> Refusal {
        let failure = find(&self.here()).expect_err("it is not sure");
        assert_eq!(failure.exit().code(), 2);
        failure.into_refusal()
    }
}

fn line(root: &Path, service: &Definition) -> String {
    let name = service.name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    let port = match service.port {
        Wish::Any => String::new(),
        Wish::Port(port) => format!(" {port}"),
        Wish::None => " no port".to_owned(),
    };
    let serves = match service.serves {
        Serves::Known => " known",
        Serves::Perhaps => " perhaps",
        Serves::No => "",
        Serves::Once => " once",
        Serves::Builds => " builds",
    };
    let below = service.cwd.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    let place = if below.is_empty() { String::new() } else { format!(" in {below}") };
    let run = match &service.run {
        Run::Shell(text) => text.clone(),
        Run::List(words) => format!("[{}]", words.join(" ")),
    };
    format!("{} {}{name}{port}{serves}{place}: {run}", service.label, service.kind)
}

const VITE: &str = r#"{"scripts": {"dev": "vite --port 4000"}}"#;

#[test]
fn the_dev_script_of_one_package_is_one_service() {
    let worktree = Worktree::new(&[("package.json", VITE)]);
    assert_eq!(worktree.services(), ["dev dev 4000 known: [npm run dev]"]);
    let stack = worktree.stack();
    assert_eq!(stack.source, Source::Script(worktree.root.join("package.json")));
    assert_eq!(stack.reasons, ["dev: the script dev runs Vite, on port 4000"]);
    worktree.write("pnpm-lock.yaml", "");
    worktree.write("package.json", r#"{"scripts": {"dev": "node server.js"}}"#);
    assert_eq!(worktree.services(), ["dev dev perhaps: [pnpm run dev]"]);
    worktree.write("package.json", r#"{"scripts": {"dev": "concurrently \"vite\" \"node api.js\""}}"#);
    assert_eq!(worktree.services(), ["dev dev perhaps: [pnpm run dev]"], "each server has its own lease");
    worktree.write("package.json", r#"{"scripts": {"dev": "styxy run -s web -n shop -- vite"}}"#);
    assert_eq!(worktree.services(), ["dev web/shop known: [pnpm run dev]"]);
    worktree.write("package.json", r#"{"scripts": {"dev": "tsup --watch"}}"#);
    assert_eq!(worktree.services(), ["dev dev no port: [pnpm run dev]"]);
}

#[test]
fn the_sources_count_in_their_order() {
    let launch = r#"{"configurations": [{"name": "My app", "runtimeExecutable": "npm", "runtimeArgs": ["start"], "port": 3000,
        "env": {"MODE": "{x}", "PORT": "3000"}}]}"#;
    let worktree = Worktree::new(&[(".claude/launch.json", launch)]);
    assert_eq!(worktree.services(), ["My-app dev 3000 known: [npm start]"]);
    let env = &worktree.stack().services[0].env;
    assert_eq!(env.len(), 1, "PORT is ours to say: {env:?}");
    worktree.write("Procfile", "web: node server.js\nrelease: npm run migrate\n");
    assert_eq!(worktree.services(), ["web dev/web perhaps: node server.js"]);
    worktree.write("package.json", VITE);
    assert_eq!(
        worktree.services(),
        ["dev dev 4000 known: [npm run dev]"],
        "a Procfile alone is for a deployment"
    );
    worktree.write("Procfile.dev", "app: vite\n");
    assert_eq!(worktree.services(), ["app dev/app known: vite"]);
}

#[test]
fn what_the_file_says_of_a_service_that_is_guessed_counts_and_the_rest_is_named() {
    let worktree = Worktree::new(&[("package.json", VITE)]);
    worktree.write(project::FILE, r#"{"services": {"dev": {"port": 3333}, "db": {"port": 5555}}}"#);
    let stack = worktree.stack();
    let line = line(&worktree.root, &stack.services[0]);
    assert_eq!((stack.services.len(), &*line), (1, "dev dev 3333 known: [npm run dev]"));
    let request = stack.services[0].request();
    assert_eq!((request.port.map(styxy_core::Port::get), request.default_port), (Some(3333), None));
    let said = |place: &str, text: &str| {
        stack.reasons.iter().any(|reason| reason.contains(place) && reason.contains(text))
    };
    assert!(said(".styxy.json:1:15: dev: ", "counts"), "{:?}", stack.reasons);
    assert!(said(".styxy.json:1:38: db: ", "nothing says how to start it"), "{:?}", stack.reasons);
    let asked = stack.only(&["db".to_owned()]).expect_err("nothing starts it").into_refusal().error;
    assert!(asked.contains(".styxy.json:1:38: db: nothing"), "{asked}");
}

#[test]
fn where_nothing_says_what_is_to_run_that_is_said() {
    let worktree = Worktree::new(&[("package.json", r#"{"scripts": {"build": "vite build"}}"#)]);
    let refusal = worktree.refusal();
    assert!(refusal.error.contains("does not say what is to run"), "{refusal}");
    let example = r#"write {"services": {"web": {"run": "npm start"}}} into .styxy.json"#;
    assert!(refusal.hint.as_ref().is_some_and(|hint| hint.ends_with(example)), "{refusal}");
    worktree.write("package.json", "{");
    assert!(worktree.refusal().error.contains("package.json: EOF"));
    worktree.write("package.json", "{}");
    worktree.write(".claude/launch.json", "not JSON");
    assert!(worktree.refusal().error.contains("does not say what is to run"));
    worktree.write("Procfile.dev", "# nothing\nnot a process\n");
    let refusal = worktree.refusal();
    let why = "; line 2 of Procfile.dev is left out: it has no colon behind a name";
    assert!(refusal.error.ends_with(why), "{refusal}");
    worktree.write("package.json", VITE);
    let reasons = worktree.stack().reasons;
    assert!(reasons.contains(&why[2..].to_owned()), "it was to come first: {reasons:?}");
    let home = worktree.root.clone();
    let at_home = Caller::new(Some(&home), Some(home.clone()), |_| None, || None);
    assert!(find(&at_home).expect_err("a home").into_refusal().error.contains("a home folder, or /"));
}

#[test]
fn variables_of_the_preview_that_no_file_may_set_are_part_of_the_command() {
    let launch = r#"{"configurations": [{"name": "web", "program": "server.js",
        "env": {"NODE_OPTIONS": "--inspect=0 --trace-warnings", "MODE": "{x}", "a b": "1"}}]}"#;
    let worktree = Worktree::new(&[(".claude/launch.json", launch)]);
    let run = if cfg!(windows) {
        r#"set "NODE_OPTIONS=--inspect=0 --trace-warnings"&& node server.js"#
    } else {
        "NODE_OPTIONS='--inspect=0 --trace-warnings' node server.js"
    };
    assert_eq!(worktree.services(), [format!("web dev perhaps: {run}")]);
    let env = &worktree.stack().services[0].env;
    assert_eq!(
        env.iter().map(|(name, text)| (name.as_str(), text.written())).collect::<Vec<_>>(),
        [("MODE", "{{x}}")]
    );
}

#[test]
fn a_configuration_of_the_preview_that_leads_outside_is_not_taken() {
    let launch = |cwd: &str| {
        format!(
            r#"{{"configurations": [{{"name": "web", "program": "server.js", "args": ["x"], "cwd": "{cwd}"}}]}}"#
        )
    };
    let worktree = Worktree::new(&[("apps/web/package.json", "{}")]);
    for outside in ["../x", "/", "nowhere"] {
        worktree.write(".claude/launch.json", &launch(outside));
        assert!(worktree.refusal().error.contains("does not say"), "{outside}");
    }
    for inside in ["apps/web", "${workspaceFolder}/apps/web"] {
        worktree.write(".claude/launch.json", &launch(inside));
        assert_eq!(worktree.services(), ["web dev/apps.web perhaps in apps/web: [node server.js x]"]);
    }
}
