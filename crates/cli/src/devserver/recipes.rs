//! The recipes of a Makefile and of a justfile: which commands a shell gets for a target. Nothing is evaluated but plain
//! variables.

mod just;
mod make;

use super::inward::around::Around;
use super::options::{Value, among, given, value};
use super::program::program;
use super::shell::Word;

/// What stands for a variable that the file does not set, in the text for a shell.
pub(crate) const UNKNOWN: &str = "$unknown";

/// A file with recipes.
#[derive(Debug)]
pub(crate) struct Book {
    tool: Tool,
    /// What it is called, seen from where the command was typed.
    pub(crate) name: String,
    /// The folder that its commands run in, if it is another one.
    pub(crate) folder: Option<String>,
    pub(crate) text: String,
}

/// What runs the recipes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Make,
    Just,
}

/// The commands for some targets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) names: Vec<String>,
    /// The targets that come before it.
    pub(crate) needs: Vec<String>,
    /// Its commands as they are written, without what only the tool reads.
    pub(crate) lines: Vec<String>,
    /// A shell reads all lines together, and not each for itself.
    is_one_script: bool,
    /// What it needs runs at the same time.
    pub(crate) is_parallel: bool,
    /// The words behind its name are its own.
    has_parameters: bool,
}

impl Tool {
    fn of(name: &str) -> Option<Self> {
        match program(name) {
            "make" | "gmake" => Some(Self::Make),
            "just" => Some(Self::Just),
            _ => None,
        }
    }

    /// The names of its file, its options for another file and for another folder, and its other options with a value.
    const fn words(self) -> [&'static [&'static str]; 4] {
        match self {
            Self::Make => [
                &["GNUmakefile", "makefile", "Makefile"],
                &["-f", "--file", "--makefile"],
                &["-C", "--directory"],
                &["-I", "--include-dir", "-o", "--old-file", "-W", "--what-if"],
            ],
            Self::Just => [
                &["justfile", "Justfile", ".justfile"],
                &["-f", "--justfile"],
                &["-d", "--working-directory"],
                &["--shell", "--shell-arg", "--dotenv-path", "--dotenv-filename", "--color"],
            ],
        }
    }
}

impl Book {
    /// The file whose recipes the program `name` runs with `args`, in `folder`.
    pub(crate) fn find(name: &str, args: &[Word], folder: Option<&str>, around: &dyn Around) -> Option<Self> {
        let tool = Tool::of(name)?;
        let [names, file, other, _] = tool.words();
        let file = given(args, file).map(|(_, file, _)| file);
        let folder = match (folder, given(args, other).map(|(_, other, _)| other)) {
            (Some(folder), Some(other)) if !other.starts_with('/') => Some(format!("{folder}/{other}")),
            (folder, other) => other.or(folder).map(str::to_owned),
        };
        file.as_ref().map_or(names, std::slice::from_ref).iter().find_map(|file| {
            let path =
                folder.as_ref().map_or_else(|| (*file).to_owned(), |folder| format!("{folder}/{file}"));
            Some(Self { tool, text: around.text(&path)?, name: path, folder: folder.clone() })
        })
    }

    /// Its recipes, in their order.
    pub(crate) fn recipes(&self) -> Vec<Recipe> {
        match self.tool {
            Tool::Make => make::recipes(&self.text),
            Tool::Just => just::recipes(&self.text),
        }
    }

    /// The targets among `args`; without one, the file's own.
    pub(crate) fn targets(&self, args: &[Word], recipes: &[Recipe]) -> Vec<String> {
        let [_, file, folder, valued] = self.tool.words();
        let takes_next = |text: &str| {
            file.iter().chain(folder).chain(valued).any(|flag| value(text, flag) == Some(Value::Next))
        };
        let mut targets: Vec<String> = Vec::new();
        let mut at = 0;
        while let Some(word) = args.get(at) {
            let text = word.text.as_str();
            at += 1;
            if takes_next(text)
                || make::jobs(text) == Some("") && args.get(at).is_some_and(|next| is_number(&next.text))
            {
                at += 1;
            } else if text == "--set" {
                at += 2;
            } else if !text.starts_with('-') && !text.contains('=') {
                targets.push(text.to_owned());
                let has_more = |recipe: &Recipe| {
                    recipe.has_parameters && recipe.names.contains(&targets[targets.len() - 1])
                };
                if recipes.iter().any(has_more) {
                    break;
                }
            }
        }
        if targets.is_empty() {
            let own = match self.tool {
                Tool::Make => make::goal(&self.text),
                Tool::Just => None,
            };
            targets.extend(own.or_else(|| recipes.first()?.names.first().cloned()));
        }
        targets
    }

    /// Whether targets run at the same time. `flags` is the value of make's variable for options, where the command gets one.
    pub(crate) fn is_parallel(&self, args: &[Word], flags: Option<&str>) -> bool {
        if self.tool == Tool::Just {
            return false;
        }
        let inherited = flags.map(make::in_variable).unwrap_or_default();
        // What is typed counts for more than what the variable says.
        let words = inherited.iter().map(String::as_str).chain(args.iter().map(|word| word.text.as_str()));
        make::has_jobs(words)
            || make::own_flags(&self.text).any(|flags| make::has_jobs(flags.split_whitespace()))
    }

    /// Whether no recipe runs at all: the command only shows something.
    pub(crate) fn is_idle(&self, args: &[Word], flags: Option<&str>) -> bool {
        const SHOWS: &str = "--changelog --choose --completions --dry-run --dump --edit --evaluate --fmt --groups --help \
            --init --list --man --show --summary --variables --version -e -h -l -n -s -V";
        let words = || args.iter().map(|word| word.text.as_str());
        match self.tool {
            Tool::Make => {
                let inherited = flags.map(make::in_variable).unwrap_or_default();
                make::is_idle(words().chain(inherited.iter().map(String::as_str)))
            }
            // What comes behind the recipe's name is the recipe's.
            Tool::Just => words().take_while(|word| word.starts_with('-')).any(|word| among(SHOWS, word)),
        }
    }

    /// The text that the shell gets for `recipe`.
    pub(crate) fn script(&self, recipe: &Recipe) -> String {
        let target = recipe.names.first().map_or("", String::as_str);
        let filled = |line: &String| match self.tool {
            Tool::Make => make::filled(line, &self.text, target),
            Tool::Just => just::filled(line, &self.text),
        };
        // Otherwise a `cd` counts for its own line.
        let [before, behind] = if recipe.is_one_script { ["", "\n"] } else { ["(", "\n)\n"] };
        recipe.lines.iter().flat_map(|line| [before.to_owned(), filled(line), behind.to_owned()]).collect()
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The lines of `text`; one that ends with a backslash goes on in the next.
fn joined(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        match all.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.pop();
                last.push(' ');
                last.push_str(line.trim_start());
            }
            None => all.push(line.to_owned()),
        }
        goes_on = line.ends_with('\\');
    }
    all
}

/// `text` with what stands between `open` and `close` replaced.
fn replaced(text: &str, open: &str, close: &str, with: &dyn Fn(&str) -> String) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(open) {
        let Some((name, after)) = behind.split_once(close) else { break };
        whole.push_str(before);
        whole.push_str(&with(name.trim()));
        rest = after;
    }
    whole.push_str(rest);
    whole
}

#[cfg(test)]
mod tests;
