//! Package managers that run a script in several packages, or in one that they are told.

use super::filter::Filter;
use super::runners::{filters, lasts, whole};
use super::words::{Options, Said, read as words};
use super::{Root, Task};
use crate::devserver::shell::Word;

/// What the package manager `name` starts in packages; none if it starts something in this folder, or nothing.
pub(super) fn read(name: &str, args: &[Word]) -> Option<Root> {
    let found = match name {
        "pnpm" => pnpm(args)?,
        "npm" => npm(args)?,
        "yarn" | "yarnpkg" => yarn(args)?,
        "bun" => bun(args)?,
        _ => return None,
    };
    Some(found.unwrap_or_else(Root::More))
}

type Found = Option<Result<Root, String>>;

const PNPM: Options = Options {
    chosen: &["-F", "--filter"],
    switches: &["-r", "--recursive", "-w", "--workspace-root"],
    idle_valued: &["--loglevel", "--network-concurrency", "--reporter", "--workspace-concurrency"],
    idle: &[
        "--aggregate-output",
        "--bail",
        "--color",
        "--fail-if-no-match",
        "--if-present",
        "--include-workspace-root",
        "--no-bail",
        "--no-color",
        "--no-sort",
        "--parallel",
        "--report-summary",
        "--reporter-hide-prefix",
        "--reverse",
        "--silent",
        "--sort",
        "--stream",
        "--use-stderr",
        "-s",
    ],
    plain: usize::MAX,
};

fn pnpm(args: &[Word]) -> Found {
    // What follows the script's name is the script's.
    let first = words(args, &PNPM).words.first().cloned()?;
    let is_verb = ["run", "run-script", "exec", "recursive", "multi", "m"].contains(&first.as_str());
    let said = words(args, &Options { plain: if is_verb { 2 } else { 1 }, ..PNPM });
    let (is_verb, task) = match &said.words[..] {
        [_, task] if is_verb => (first != "exec", task),
        [task] if !is_verb => (true, task),
        _ => return None,
    };
    let many =
        said.has(&["-r", "--recursive", "-F", "--filter"]) || ["recursive", "multi", "m"].contains(&&*first);
    // `pnpm recursive run dev`
    let (said, task) = if ["recursive", "multi", "m"].contains(&&*first) && task == "run" {
        let said = words(args, &Options { plain: 3, ..PNPM });
        let task = said.words.get(2)?.clone();
        (said, task)
    } else {
        let task = task.clone();
        (said, task)
    };
    // `-w dev` is a script of the root.
    if !many || said.has(&["-w", "--workspace-root"]) || !lasts(&task) {
        return None;
    }
    if !is_verb {
        return Some(Ok(Root::More("it runs a program in each package".to_owned())));
    }
    Some(filters(&said, &["-F", "--filter"]).map(|filters| of_task(&said, "pnpm", &task, filters)))
}

const NPM: Options = Options {
    chosen: &["-w", "--workspace"],
    switches: &["-ws", "--workspaces"],
    idle_valued: &["--loglevel", "--script-shell"],
    idle: &[
        "--foreground-scripts",
        "--if-present",
        "--ignore-scripts",
        "--include-workspace-root",
        "--silent",
        "-iwr",
        "-q",
        "-s",
    ],
    plain: usize::MAX,
};

fn npm(args: &[Word]) -> Found {
    let said = words(args, &NPM);
    let task = match &said.words[..] {
        [verb, task, ..] if ["run", "run-script", "rum", "urn"].contains(&&**verb) => task.clone(),
        [start, ..] if start == "start" => "start".to_owned(),
        _ => return None,
    };
    let chosen = said.values(&["-w", "--workspace"]);
    if chosen.is_empty() && !said.has(&["-ws", "--workspaces"]) || !lasts(&task) {
        return None;
    }
    let filters = chosen.into_iter().map(Filter::either).collect();
    Some(Ok(of_task(&said, "npm", &task, filters)))
}

const YARN: Options = Options {
    chosen: &["--include", "--exclude", "-j", "--jobs", "--from"],
    switches: &["-R", "--recursive", "--since", "-W", "--worktree"],
    idle_valued: &[],
    idle: &[
        "--all",
        "--interlaced",
        "--parallel",
        "--topological",
        "--topological-dev",
        "--verbose",
        "-A",
        "-Ap",
        "-Api",
        "-Apiv",
        "-Apt",
        "-Apti",
        "-Av",
        "-Avpi",
        "-i",
        "-p",
        "-pi",
        "-piv",
        "-pt",
        "-pti",
        "-ptiv",
        "-pv",
        "-pvi",
        "-t",
        "-tpiv",
        "-v",
        "-vpi",
    ],
    plain: usize::MAX,
};

fn yarn(args: &[Word]) -> Found {
    let plain = |count| words(args, &Options { plain: count, ..YARN });
    let texts: Vec<&str> =
        args.iter().map(|word| word.text.as_str()).filter(|text| !text.starts_with('-')).collect();
    let (said, task, filters) = match texts[..] {
        // What is foreach's own comes before the command.
        ["workspaces", "foreach", ..] => {
            let said = plain(4);
            let [_, _, run, task] = &said.words[..] else { return None };
            if run != "run" || !lasts(task) {
                return None;
            }
            if let Some((option, _)) = said.options.iter().find(|(name, _)| YARN.switches.contains(name)) {
                return Some(Err(format!("the option {option} is not known")));
            }
            let left_out =
                said.values(&["--exclude"]).into_iter().map(|name| Filter::either(name).excluded());
            let filters =
                said.values(&["--include"]).into_iter().map(Filter::either).chain(left_out).collect();
            let task = task.clone();
            (said, task, filters)
        }
        ["workspaces", "run", task, ..] => (plain(3), task.to_owned(), Vec::new()),
        ["workspace", name, "run", task, ..] => (plain(4), task.to_owned(), vec![Filter::name(name)]),
        ["workspace", name, task, ..] => (plain(3), task.to_owned(), vec![Filter::name(name)]),
        _ => return None,
    };
    lasts(&task).then(|| Ok(of_task(&said, "yarn", &task, filters)))
}

const BUN: Options = Options {
    chosen: &["-F", "--filter"],
    switches: &["--workspaces"],
    idle_valued: &["--elide-lines"],
    idle: &["--bun", "--if-present", "--no-exit-on-error", "--parallel", "--sequential", "--silent", "-b"],
    plain: usize::MAX,
};

fn bun(args: &[Word]) -> Found {
    let first = words(args, &BUN).words.first().cloned()?;
    let plain = if first == "run" { 2 } else { 1 };
    let said = words(args, &Options { plain, ..BUN });
    let task = said.words.get(plain - 1)?.clone();
    if !said.has(&["-F", "--filter", "--workspaces"]) || !lasts(&task) {
        return None;
    }
    Some(filters(&said, &["-F", "--filter"]).map(|filters| of_task(&said, "bun", &task, filters)))
}

fn of_task(said: &Said, by: &'static str, task: &str, filters: Vec<Filter>) -> Root {
    whole(said, by, vec![Task { name: task.to_owned(), package: None }], filters)
}
