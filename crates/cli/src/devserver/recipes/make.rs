//! A Makefile.

use super::{Recipe, UNKNOWN, is_number, joined, replaced};

pub(super) fn recipes(text: &str) -> Vec<Recipe> {
    let mut all: Vec<Recipe> = Vec::new();
    let is_one_script = text.lines().any(|line| line.starts_with(".ONESHELL"));
    // Commands belong to the rule before them, unless that one is left out.
    let mut is_open = false;
    for line in joined(text) {
        if let Some(command) = line.strip_prefix('\t') {
            if let Some(recipe) = all.last_mut().filter(|_| is_open) {
                recipe.lines.push(command.trim_start().trim_start_matches(['@', '-', '+']).to_owned());
            }
            continue;
        }
        let Some((names, rest)) = line.split_once(':').filter(|(_, rest)| !rest.starts_with('=')) else {
            continue;
        };
        let (needs, first) = rest.trim_start_matches(':').split_once(';').unwrap_or((rest, ""));
        is_open =
            !line.starts_with(['#', '.', ' ']) && !names.contains(['%', '$', '=']) && !needs.contains('=');
        if is_open {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let needs = words(needs.split('#').next().unwrap_or_default());
            let lines = Some(first.trim().to_owned()).filter(|line| !line.is_empty()).into_iter().collect();
            all.push(Recipe { names: words(names), needs, lines, is_one_script, ..Recipe::default() });
        }
    }
    all
}

/// The target that the file itself names for a call without one.
pub(super) fn goal(text: &str) -> Option<String> {
    assigned(text, ".DEFAULT_GOAL").filter(|goal| !goal.is_empty())
}

/// The options that the file gives make itself.
pub(super) fn own_flags(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("MAKEFLAGS")?.split_once('=')).map(|(_, flags)| flags)
}

/// The options in a value of `MAKEFLAGS`: without a dash, the first word is letters.
pub(super) fn in_variable(value: &str) -> Vec<String> {
    let mut words: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
    // make itself begins with a space if there are no letters.
    if let Some(first) = words.first_mut().filter(|_| !value.starts_with(' '))
        && !first.contains(['-', '='])
    {
        first.insert(0, '-');
    }
    words
}

/// Whether these options keep make from running any recipe.
pub(super) fn is_idle<'w>(mut words: impl Iterator<Item = &'w str>) -> bool {
    const LONG: [&str; 7] =
        ["--dry-run", "--help", "--just-print", "--question", "--recon", "--touch", "--version"];
    words.any(|word| {
        let letters = word.strip_prefix('-').map(|letters| letters.split('j').next().unwrap_or_default());
        let is_short = letters.is_some_and(|letters| {
            letters.bytes().all(|letter| LETTERS.contains(&letter))
                && letters.contains(['h', 'n', 'q', 't', 'v'])
        });
        is_short || LONG.contains(&word)
    })
}

/// The options of make that are one letter and have no value.
const LETTERS: &[u8] = b"bBdehiLknpqrRsStvw";

/// Whether these options let several recipes run at the same time.
pub(super) fn has_jobs<'w>(words: impl Iterator<Item = &'w str>) -> bool {
    let mut words = words.peekable();
    let mut several = false;
    while let Some(word) = words.next() {
        let number = jobs(word).map(|number| match words.peek() {
            Some(next) if number.is_empty() && is_number(next) => *next,
            Some(_) | None => number,
        });
        several = number.map_or(several, |number| number != "1");
    }
    several
}

/// What stands behind the option for several at the same time in `word`, if it is there: `2` in `-kj2`, nothing in `-j`.
pub(super) fn jobs(word: &str) -> Option<&str> {
    if let Some(rest) = word.strip_prefix("--jobs") {
        return rest.strip_prefix('=').or_else(|| rest.is_empty().then_some(rest));
    }
    let (before, number) = word.strip_prefix('-')?.split_once('j')?;
    let is_option = before.bytes().all(|letter| LETTERS.contains(&letter));
    (is_option && (number.is_empty() || is_number(number))).then_some(number)
}

/// The value of a variable that the file gives it.
fn assigned(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let rest = line.strip_prefix(name)?.trim_start();
        let value = rest.strip_prefix(['?', ':']).map_or(rest, |rest| rest.trim_start_matches(':'));
        Some(value.strip_prefix('=')?.trim().to_owned())
    })
}

/// What stands for a `$` of the shell.
const DOLLAR: &str = "\u{0}";

/// A command as the shell gets it. A variable that the file does not set is one of the shell's.
pub(super) fn filled(line: &str, text: &str, target: &str) -> String {
    // Whatever a variable contains, it is looked up once.
    let value = |name: &str| match name {
        "MAKE" => "make".to_owned(),
        "@" => target.to_owned(),
        _ => assigned(text, name).filter(|value| !value.contains('$')).unwrap_or_else(|| UNKNOWN.to_owned()),
    };
    let plain = line.replace("$$", DOLLAR).replace("$@", target);
    let plain = replaced(&plain, "$(", ")", &value);
    replaced(&plain, "${", "}", &value).replace(DOLLAR, "$")
}
