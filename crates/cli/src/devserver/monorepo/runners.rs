//! turbo, nx and lerna: which scripts of which packages they start.

use super::filter::Filter;
use super::words::{Options, Said, read as words};
use super::{Root, Selection, Task};
use crate::devserver::shell::Word;

/// What the runner `name` starts; none if it is not one, or starts nothing that lasts.
pub(super) fn read(name: &str, args: &[Word]) -> Option<Root> {
    let found = match name {
        "turbo" => turbo(args)?,
        "nx" => nx(args)?,
        "lerna" => lerna(args)?,
        _ => return None,
    };
    Some(found.unwrap_or_else(Root::More))
}

type Found = Option<Result<Root, String>>;

const TURBO: Options = Options {
    chosen: &["--filter", "-F"],
    switches: &[],
    idle_valued: &[
        "--concurrency",
        "--cache",
        "--cache-dir",
        "--cache-workers",
        "--env-mode",
        "--log-order",
        "--log-prefix",
        "--output-logs",
        "--profile",
        "--remote-cache-timeout",
        "--team",
        "--token",
        "--ui",
        "--verbosity",
    ],
    idle: &[
        "--color",
        "--continue",
        "--daemon",
        "--experimental-ui",
        "--force",
        "--framework-inference",
        "--no-cache",
        "--no-color",
        "--no-daemon",
        "--no-update-notifier",
        "--only",
        "--parallel",
        "--skip-infer",
        "--summarize",
        "-v",
        "-vv",
    ],
    plain: usize::MAX,
};

fn turbo(args: &[Word]) -> Found {
    let said = words(args, &TURBO);
    let (first, rest) = said.words.split_first()?;
    let tasks = match first.as_str() {
        "run" => rest,
        "watch" => return Some(Ok(Root::More("turbo watch runs builds again and again".to_owned()))),
        "prune" | "login" | "link" | "unlink" | "gen" | "generate" | "daemon" | "ls" | "query"
        | "boundaries" => {
            return None;
        }
        _ => &said.words[..],
    };
    let tasks: Vec<Task> = tasks.iter().map(|task| task_of_turbo(task)).collect();
    if tasks.is_empty() || !tasks.iter().any(|task| lasts(&task.name)) {
        return None;
    }
    Some(filters(&said, &["--filter", "-F"]).map(|filters| whole(&said, "turbo", tasks, filters)))
}

/// `web#dev` is the script of one package.
fn task_of_turbo(text: &str) -> Task {
    match text.rsplit_once('#') {
        Some((package, name)) => Task { name: name.to_owned(), package: Some(package.to_owned()) },
        None => Task { name: text.to_owned(), package: None },
    }
}

const LERNA: Options = Options {
    chosen: &["--scope", "--ignore", "--concurrency"],
    switches: &["--include-dependencies", "--include-filtered-dependencies"],
    idle_valued: &["--npm-client", "--loglevel", "--max-buffer"],
    idle: &[
        "--load-env-files",
        "--no-bail",
        "--no-load-env-files",
        "--no-prefix",
        "--no-sort",
        "--parallel",
        "--prefix",
        "--skip-nx-cache",
        "--sort",
        "--stream",
        "--verbose",
    ],
    plain: usize::MAX,
};

fn lerna(args: &[Word]) -> Found {
    let said = words(args, &LERNA);
    let [run, tasks] = &said.words[..] else { return None };
    let tasks: Vec<Task> =
        tasks.split(',').map(|name| Task { name: name.to_owned(), package: None }).collect();
    if run != "run" || !tasks.iter().any(|task| lasts(&task.name)) {
        return None;
    }
    let with = said.has(&["--include-dependencies", "--include-filtered-dependencies"]);
    let scope = |name: &&str| if with { Filter::name(name).with_dependencies() } else { Filter::name(name) };
    let ignored = said.values(&["--ignore"]).into_iter().map(|name| Filter::name(name).excluded());
    let filters = said.values(&["--scope"]).iter().map(scope).chain(ignored).collect();
    Some(Ok(whole(&said, "lerna", tasks, filters)))
}

const NX: Options = Options {
    chosen: &["-t", "--target", "--targets", "-p", "--projects", "--project", "--exclude"],
    switches: &[],
    idle_valued: &["--maxParallel", "--output-style", "--outputStyle", "--runner"],
    idle: &[
        "--all",
        "--dte",
        "--no-dte",
        "--no-tui",
        "--nxBail",
        "--nx-bail",
        "--parallel",
        "--skip-nx-cache",
        "--skipNxCache",
        "--stream",
        "--tui",
        "--verbose",
    ],
    plain: usize::MAX,
};

/// The first words of nx that are not targets.
const NX_OWN: [&str; 24] = [
    "add",
    "affected",
    "connect",
    "daemon",
    "exec",
    "fix-ci",
    "format",
    "format:check",
    "format:write",
    "g",
    "generate",
    "graph",
    "import",
    "init",
    "list",
    "login",
    "migrate",
    "release",
    "repair",
    "report",
    "reset",
    "show",
    "sync",
    "watch",
];

fn nx(args: &[Word]) -> Found {
    let said = words(args, &NX);
    let (first, rest) = said.words.split_first()?;
    let rest: Vec<&str> =
        rest.iter().map(String::as_str).filter(|word| word.parse::<u16>().is_err()).collect();
    let named = |name: &str, package: &str| Task { name: name.to_owned(), package: Some(package.to_owned()) };
    let tasks: Vec<Task> = match (first.as_str(), &rest[..]) {
        ("run-many", more) => {
            let targets =
                said.values(&["-t", "--target", "--targets"]).into_iter().chain(more.iter().copied());
            let targets = targets.flat_map(|target| target.split(','));
            targets.map(|name| Task { name: name.to_owned(), package: None }).collect()
        }
        ("affected", _) if said.has(&["-t", "--target", "--targets"]) => {
            return Some(Ok(Root::More("nx affected chooses by what was changed".to_owned())));
        }
        ("run", [whole]) => {
            let mut parts = whole.split(':');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(project), Some(target), None) => vec![named(target, project)],
                _ => return None,
            }
        }
        (own, _) if NX_OWN.contains(&own) => return None,
        (target, [project]) => vec![named(target, project)],
        _ => return None,
    };
    if !tasks.iter().any(|task| lasts(&task.name)) {
        return None;
    }
    let split = |names: &[&'static str]| -> Vec<String> {
        said.values(names).iter().flat_map(|list| list.split(',')).map(str::to_owned).collect()
    };
    let projects = split(&["-p", "--projects", "--project"]);
    let excluded = split(&["--exclude"]);
    if let Some(tag) = projects.iter().chain(&excluded).find(|name| name.starts_with("tag:")) {
        return Some(Err(format!("the filter {tag} is not known")));
    }
    let mut filters: Vec<Filter> = projects.iter().map(|name| Filter::either(name)).collect();
    filters.extend(excluded.iter().map(|name| Filter::either(name).excluded()));
    Some(Ok(whole(&said, "nx", tasks, filters)))
}

/// Whether a task of this name starts what lasts, as far as its name says.
pub(super) fn lasts(task: &str) -> bool {
    let first = task.split([':', '-', '_', '#']).next().unwrap_or(task);
    ["dev", "develop", "start", "serve", "preview", "storybook", "watch", "up", "local"].contains(&first)
        || task.split([':', '-', '_']).any(|part| part == "dev")
}

/// The filters behind these options.
pub(super) fn filters(said: &Said, options: &[&str]) -> Result<Vec<Filter>, String> {
    said.values(options).into_iter().map(Filter::parse).collect()
}

/// What a runner starts, unless its options say something that is not known.
pub(super) fn whole(said: &Said, by: &'static str, tasks: Vec<Task>, filters: Vec<Filter>) -> Root {
    said.obstacle().unwrap_or_else(|| Root::Bare(vec![Selection { by, tasks, filters }]))
}
