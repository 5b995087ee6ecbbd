//! How each JavaScript package manager runs a script or a tool.

use super::options::{after, options, packaged};
use super::shell::Word;
use super::tool::{Next, OrTool, Tool};

pub(crate) fn npm(mut args: Vec<Word>, tool: &mut Tool) -> Next {
    let own = args.iter().position(|arg| arg.text == "--").unwrap_or(args.len());
    let others = ["-w", "--workspace", "--workspaces", "-ws"];
    let elsewhere = args[..own].iter().any(|arg| others.iter().any(|other| is(arg, other)));
    let mut folder = None;
    // Every flag before `--` belongs to npm.
    let mut passed = args.split_off(own);
    let mut words = Vec::new();
    while !args.is_empty() {
        options(&mut args, &["--prefix", "-C", "-w", "--workspace"], |flag, value| {
            if flag == "--prefix" || flag == "-C" {
                folder = value.map(str::to_owned);
            }
        });
        words.extend(args.drain(..args.len().min(1)));
    }
    if passed.is_empty() {
        tool.separators.push("--");
    } else {
        passed.remove(0);
    }
    let mut words = words.into_iter();
    let name = match words.next().map(|word| word.text).unwrap_or_default().as_str() {
        "run" | "run-script" | "rum" | "urn" => words.next().map(|word| word.text),
        "start" => Some("start".to_owned()),
        "test" | "t" | "tst" => Some("test".to_owned()),
        "exec" | "x" if !elsewhere => return Next::Command(words.chain(passed).collect()),
        _ => None,
    };
    match name {
        Some(_) if elsewhere => Next::Elsewhere,
        Some(name) => Next::Script { folder, name, args: words.chain(passed).collect(), or_tool: OrTool::No },
        None => Next::Nothing,
    }
}

/// Whether `word` is `flag`, with or without a value.
fn is(word: &Word, flag: &str) -> bool {
    word.text.strip_prefix(flag).is_some_and(|more| more.is_empty() || more.starts_with('='))
}

pub(crate) fn pnpm(mut args: Vec<Word>) -> Next {
    let (mut folder, mut elsewhere) = (None, false);
    let mut note = |flag: &str, value: Option<&str>| match flag {
        "-C" | "--dir" => folder = value.map(str::to_owned),
        "-r" | "--recursive" | "-F" | "--filter" | "-w" | "--workspace-root" => {
            elsewhere = true;
        }
        _ => {}
    };
    let valued = ["-C", "--dir", "-F", "--filter"];
    options(&mut args, &valued, &mut note);
    let word = if args.is_empty() { String::new() } else { args.remove(0).text };
    let next = match word.as_str() {
        "run" | "run-script" => {
            options(&mut args, &valued, &mut note);
            scripted(args, OrTool::No)
        }
        "exec" => {
            options(&mut args, &valued, &mut note);
            Next::Command(args)
        }
        "dlx" => Next::Command(packaged(args, &["--package"])),
        "" | "install" | "i" | "add" | "remove" | "update" => Next::Nothing,
        "t" | "tst" => Next::Script { folder: None, name: "test".to_owned(), args, or_tool: OrTool::No },
        _ => Next::Script { folder: None, name: word, args, or_tool: OrTool::Yes },
    };
    if elsewhere { of_others(&next) } else { inside(next, folder) }
}

pub(crate) fn yarn(mut args: Vec<Word>) -> Next {
    let mut folder = None;
    let mut note = |flag: &str, value: Option<&str>| {
        if flag == "--cwd" {
            folder = value.map(str::to_owned);
        }
    };
    options(&mut args, &["--cwd"], &mut note);
    let word = if args.is_empty() { String::new() } else { args.remove(0).text };
    let next = match word.as_str() {
        "run" => {
            options(&mut args, &[], &mut note);
            scripted(args, OrTool::Yes)
        }
        "exec" => Next::Command(after(args, &[], &[])),
        "dlx" => Next::Command(packaged(args, &["-p", "--package"])),
        "workspace" if !args.is_empty() => of_others(&yarn(args.split_off(1))),
        "workspaces" if args.iter().any(|word| word.text == "run") => Next::Elsewhere,
        "" | "install" | "add" | "remove" | "upgrade" | "up" | "workspace" | "workspaces" => Next::Nothing,
        _ => Next::Script { folder: None, name: word, args, or_tool: OrTool::Yes },
    };
    inside(next, folder)
}

pub(crate) fn bun(mut args: Vec<Word>) -> Next {
    let (mut folder, mut elsewhere) = (None, false);
    let mut note = |flag: &str, value: Option<&str>| match flag {
        "--cwd" => folder = value.map(str::to_owned),
        "--filter" | "-F" => elsewhere = true,
        _ => {}
    };
    let valued = ["--cwd", "--filter", "-F", "-r", "--preload", "-c", "--config"];
    options(&mut args, &valued, &mut note);
    let word = if args.is_empty() { String::new() } else { args.remove(0).text };
    let next = match word.as_str() {
        "run" => {
            options(&mut args, &valued, &mut note);
            scripted(args, OrTool::Yes)
        }
        "x" => Next::Command(packaged(args, &["-p", "--package"])),
        "" | "install" | "i" | "add" | "remove" | "update" | "test" | "build" => Next::Nothing,
        _ => Next::Script { folder: None, name: word, args, or_tool: OrTool::Yes },
    };
    if elsewhere { of_others(&next) } else { inside(next, folder) }
}

/// `deno task dev` runs a script, and `deno run npm:vite` a package's program. Its own servers have rows.
pub(crate) fn deno(mut args: Vec<Word>) -> Next {
    let tool = |args| Next::Tool { name: "deno".to_owned(), args };
    match args.first().map(|word| word.text.as_str()) {
        Some("task") => {
            let (mut folder, mut elsewhere) = (None, false);
            args.remove(0);
            options(
                &mut args,
                &["--cwd", "-c", "--config", "-f", "--filter", "-j", "--jobs"],
                |flag, value| match flag {
                    "--cwd" => folder = value.map(str::to_owned),
                    "-r" | "--recursive" | "-f" | "--filter" | "--members" => elsewhere = true,
                    _ => {}
                },
            );
            if elsewhere { Next::Elsewhere } else { inside(scripted(args, OrTool::No), folder) }
        }
        Some("run") => {
            let program = args.iter().skip(1).position(|word| !word.is_flag()).map(|at| at + 1);
            let package =
                program.and_then(|at| args[at].text.strip_prefix("npm:").map(|name| (at, name.to_owned())));
            let Some((at, name)) = package else { return tool(args) };
            let mut words = args.split_off(at);
            words[0].text = name;
            Next::Command(words)
        }
        _ => tool(args),
    }
}

fn scripted(mut args: Vec<Word>, or_tool: OrTool) -> Next {
    if args.is_empty() {
        return Next::Nothing;
    }
    let name = args.remove(0).text;
    Next::Script { folder: None, name, args, or_tool }
}

/// A script of another workspace, unless nothing is run.
fn of_others(next: &Next) -> Next {
    match next {
        Next::Nothing => Next::Nothing,
        Next::Tool { .. } | Next::Command(_) | Next::Script { .. } | Next::Elsewhere => Next::Elsewhere,
    }
}

/// The same in another folder.
fn inside(next: Next, to: Option<String>) -> Next {
    match next {
        Next::Script { name, args, or_tool, .. } => Next::Script { folder: to, name, args, or_tool },
        other => other,
    }
}
