//! What a script at the root of a workspace starts in its packages, as far as its words say (R152).
//!
//! A bare runner starts scripts of packages and does nothing else: its packages can be started one by one instead. Whatever
//! does more is never taken apart.

mod filter;
mod managers;
mod runners;
mod turbo;
mod words;

use super::inward::around::Around;
use super::inward::{Child, Order, children, matches};
use super::launch::{self, DEPTH};
use super::program::program;
use super::shell::{self, Command, Word, each};
use super::tool::{Next, OrTool, Tool};
use filter::Task;
pub(crate) use filter::{Member, Selection, unscoped};
pub(crate) use turbo::{Belonging, belonging};

/// What a script does with the packages of its workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// It starts these and does nothing else.
    Bare(Vec<Selection>),
    /// It does that, and something that is not understood or not only that; the sentence says what: `the option --x is not known`.
    More(String),
    /// Nothing, as far as is known: it is a script like any other.
    Own,
}

/// What the script `name` of the folder's own package does.
pub(crate) fn of_script(name: &str, around: &dyn Around) -> Root {
    of_script_within(name, around, DEPTH)
}

fn of_script_within(name: &str, around: &dyn Around, depth: usize) -> Root {
    let Some(depth) = depth.checked_sub(1) else { return Root::Own };
    around.script(None, name).map_or(Root::Own, |text| of_text(&text, around, depth))
}

fn of_text(text: &str, around: &dyn Around, depth: usize) -> Root {
    if let Some(words) = shell::only_command(text) {
        return of_words(&words, around, depth);
    }
    let script = shell::read(text);
    let mut starts_packages = false;
    each(&script.list, &mut |command, _| {
        if let Command::Simple(words) = command {
            starts_packages |= of_words(words, around, depth) != Root::Own;
        }
    });
    if starts_packages { Root::More("it runs other commands too".to_owned()) } else { Root::Own }
}

fn of_words(words: &[Word], around: &dyn Around, depth: usize) -> Root {
    let assigned = words.iter().take_while(|word| word.assignment().is_some()).count();
    if let Some((name, _)) = words.first().and_then(Word::assignment) {
        return match of_words(&words[assigned..], around, depth) {
            Root::Bare(_) => Root::More(format!("it sets {name}")),
            other => other,
        };
    }
    let Some((first, args)) = words.split_first() else { return Root::Own };
    if let Some(children) = children(&first.text, args) {
        return of_children(args, children, around, depth);
    }
    if let Some(found) = managers::read(program(&first.text), args) {
        return found;
    }
    let Some(deeper) = depth.checked_sub(1) else { return Root::Own };
    match launch::next(&first.text, args.to_vec(), &mut Tool::default()) {
        Next::Tool { name, args } => runners::read(&name, &args).unwrap_or(Root::Own),
        Next::Command(inner) if !inner.is_empty() => match of_words(&inner, around, deeper) {
            Root::Bare(_) if !only_starts(program(&first.text)) => {
                Root::More(format!("{} sets variables for it", program(&first.text)))
            }
            found => found,
        },
        Next::Script { folder: None, name, args, or_tool } => match (around.script(None, &name), or_tool) {
            (Some(_), _) => match of_script_within(&name, around, deeper) {
                Root::Bare(_) if !args.is_empty() => Root::More("it passes arguments on".to_owned()),
                found => found,
            },
            (None, OrTool::Yes) => runners::read(program(&name), &args).unwrap_or(Root::Own),
            (None, OrTool::No) => Root::Own,
        },
        Next::Command(_) | Next::Script { folder: Some(_), .. } | Next::Elsewhere | Next::Nothing => {
            Root::Own
        }
    }
}

/// Whether a program that runs another one changes nothing for it.
fn only_starts(name: &str) -> bool {
    ["npx", "bunx", "pnpx", "npm", "pnpm", "yarn", "yarnpkg", "bun", "node", "exec", "command", "time"]
        .contains(&name)
}

/// Several commands that run together are bare if each of them is.
fn of_children(args: &[Word], children: Vec<(Order, Child)>, around: &dyn Around, depth: usize) -> Root {
    let Some(depth) = depth.checked_sub(1) else { return Root::Own };
    let mut all = Vec::new();
    let mut own = false;
    let mut more = None;
    let together = children.iter().all(|(order, _)| *order == Order::Together) || children.len() == 1;
    for (_, child) in children {
        let found = match child {
            Child::Text { word, .. } => vec![of_text(&args[word].text, around, depth)],
            Child::Scripts { pattern, .. } => {
                let names = around.scripts(None).into_iter().filter(|name| matches(&pattern, name));
                names.map(|name| of_script_within(&name, around, depth)).collect()
            }
        };
        for one in found {
            match one {
                Root::Bare(selections) => all.extend(selections),
                Root::More(why) => more = more.or(Some(why)),
                Root::Own => own = true,
            }
        }
    }
    match more {
        Some(why) => Root::More(why),
        None if all.is_empty() => Root::Own,
        None if own || !together => Root::More("it runs other commands too".to_owned()),
        None => Root::Bare(all),
    }
}

#[cfg(test)]
mod tests;
