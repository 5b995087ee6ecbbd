//! A justfile.

use super::{Recipe, UNKNOWN, joined, replaced};
use crate::devserver::shells::{is_shell, of_first_line};

pub(super) fn recipes(text: &str) -> Vec<Recipe> {
    if text.lines().filter_map(shell_of).any(|shell| !is_shell(shell)) {
        return Vec::new();
    }
    let mut all: Vec<Recipe> = Vec::new();
    let mut is_parallel = false;
    for line in joined(text) {
        if line.starts_with([' ', '\t']) {
            if let Some(recipe) = all.last_mut() {
                body(recipe, line.trim());
            }
            continue;
        }
        if line.starts_with('[') {
            is_parallel |= attributes(&line).any(|attribute| attribute == "parallel");
            continue;
        }
        let Some((head, needs)) = header(&line) else { continue };
        let mut words = head.split_whitespace();
        let Some(name) = words.next().map(|name| name.trim_start_matches('@').to_owned()) else { continue };
        let needs = needs.split('#').next().unwrap_or_default();
        let needs = needs.split_whitespace().map(|word| word.trim_matches(['(', ')']).to_owned()).collect();
        let has_parameters = words.next().is_some();
        let is_parallel = std::mem::take(&mut is_parallel);
        all.push(Recipe { names: vec![name], needs, has_parameters, is_parallel, ..Recipe::default() });
    }
    for line in text.lines() {
        if let Some((alias, name)) = line.strip_prefix("alias ").and_then(|rest| rest.split_once(":=")) {
            let named =
                all.iter_mut().find(|recipe| recipe.names.first().is_some_and(|own| own == name.trim()));
            if let Some(recipe) = named {
                recipe.names.push(alias.trim().to_owned());
            }
        }
    }
    all
}

/// The program in `set shell := ['bash', '-c']`: the recipes' commands are for it.
fn shell_of(line: &str) -> Option<&str> {
    let list = line.strip_prefix("set shell")?.trim_start().strip_prefix(":=")?.trim_start();
    let first = list.strip_prefix('[')?.split(',').next()?;
    Some(first.trim_matches(|letter: char| matches!(letter, '\'' | '"' | ']') || letter.is_whitespace()))
}

/// What is set for the recipe below: `[parallel, group('web')]`, without what is in quotes or in parentheses.
fn attributes(line: &str) -> impl Iterator<Item = String> {
    let (mut quote, mut depth) = (None, 0_usize);
    let mut plain = String::new();
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 => plain.push(letter),
            (Some(_) | None, _) => {}
        }
    }
    let all: Vec<String> =
        plain.split([',', '[', ']']).map(|attribute| attribute.trim().to_owned()).collect();
    all.into_iter()
}

/// A line of a recipe's commands.
fn body(recipe: &mut Recipe, line: &str) {
    if line.starts_with("#!") && recipe.lines.is_empty() {
        recipe.is_one_script = true;
        // A program of another language has no commands for a shell.
        let is_for_a_shell = of_first_line(line).is_some();
        recipe.lines.push(if is_for_a_shell { String::new() } else { "exit".to_owned() });
    } else if recipe.is_one_script {
        recipe.lines.push(line.to_owned());
    } else if !line.is_empty() {
        recipe.lines.push(line.trim_start_matches(['@', '-']).to_owned());
    }
    if recipe.is_one_script && recipe.lines[0] == "exit" {
        recipe.lines.truncate(1);
    }
}

/// What stands before and after the colon that ends a recipe's name and parameters.
fn header(line: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '#') => return None,
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, ':') => {
                let rest = &line[at + 1..];
                return (!rest.starts_with('=')).then_some((&line[..at], rest));
            }
            _ => {}
        }
    }
    None
}

/// A command as the shell gets it.
pub(super) fn filled(line: &str, text: &str) -> String {
    let value = |name: &str| {
        let assigned = text.lines().find_map(|line| {
            let line = line.strip_prefix("export ").unwrap_or(line);
            Some(line.strip_prefix(name)?.trim_start().strip_prefix(":=")?.trim().to_owned())
        });
        let plain = assigned.and_then(|value| {
            let quote = value.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
            Some(value.strip_prefix(quote)?.strip_suffix(quote)?.to_owned())
        });
        plain.filter(|value| !value.contains('$')).unwrap_or_else(|| UNKNOWN.to_owned())
    };
    replaced(line, "{{", "}}", &value)
}
