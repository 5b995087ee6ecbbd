//! A word that is not a command, or that a command does not take where it stands: what is typed instead.

use clap::builder::{StyledStr, Styles};
use clap::error::{ContextKind, ContextValue};
use styxy_core::config::Config;
use styxy_core::{ServiceType, nearest};

use crate::devserver::frameworks;
use crate::devserver::package::Package;
use crate::devserver::program::{LAUNCHERS, interpreter};
use crate::here::caller::caller;
use crate::here::target::Target;
use crate::misplaced;
use crate::say::instead::{Tip, instead};
use crate::say::shell_word::quoted;

/// Why there is no command to run, and the command to type instead, as far as that is known.
pub(crate) struct Stopped {
    pub(crate) error: clap::Error,
    pub(crate) hint: Option<String>,
}

impl Stopped {
    /// Adds what to type instead of a word that is not a command. `words` are those that were typed after `styxy`; `script` says
    /// what runs the package's script of a name.
    pub(crate) fn new(
        mut error: clap::Error,
        words: &[String],
        script: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
            let tip = misplaced::tip(&error, words);
            let hint = tip.as_ref().map(|tip| tip.command.clone());
            suggest(&mut error, tip.into_iter().collect());
            return Self { error, hint };
        };
        let before =
            words.iter().take_while(|before| *before != word).filter(|before| !before.starts_with('-'));
        let before: Vec<&str> = before.map(String::as_str).collect();
        let behind = words.iter().skip_while(|other| *other != word).skip(1);
        let behind: Vec<String> = behind.map(|word| quoted(word)).collect();
        let tips = if before.is_empty() { tips(word, &behind, script) } else { Vec::new() };
        let word = word.clone();
        keep_near(&mut error, &word);
        let hint = if let Some(tip) = tips.first() {
            Some(tip.command.clone())
        } else {
            let near = match error.get(ContextKind::SuggestedSubcommand) {
                // The nearest comes last.
                Some(ContextValue::Strings(names)) => names.last(),
                Some(ContextValue::String(name)) => Some(name),
                _ => None,
            };
            near.map(|name| [&["styxy"][..], &before, &[name]].concat().join(" "))
        };
        suggest(&mut error, tips);
        Self { error, hint }
    }
}

/// Leaves out of clap's guesses for `word` what is hidden from the help, and what few would mistype so.
fn keep_near(error: &mut clap::Error, word: &str) {
    let is_near = |name: &String| {
        !HIDDEN.contains(&name.as_str())
            && (name.starts_with(word) || nearest(word, [name.as_str()]).is_some())
    };
    let near: Vec<String> = match error.remove(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => names.into_iter().filter(is_near).collect(),
        Some(ContextValue::String(name)) => Some(name).filter(is_near).into_iter().collect(),
        _ => return,
    };
    if near.is_empty() {
        // An empty list of tips would leave an empty line.
        error.remove(ContextKind::Suggested);
    } else {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near));
    }
}

/// The commands that people do not type.
pub(crate) const HIDDEN: [&str; 3] = ["complete", "man", "keeper"];

/// Makes `error` show `tips` instead of what clap would guess, if there are any.
fn suggest(error: &mut clap::Error, tips: Vec<Tip>) {
    if tips.is_empty() {
        return;
    }
    let styles = Styles::styled();
    let valid = styles.get_valid();
    let tip = |Tip { purpose, command }| format!("to {purpose}, type '{valid}{command}{valid:#}'");
    let tips = tips.into_iter().map(tip).map(StyledStr::from).collect();
    error.remove(ContextKind::SuggestedSubcommand);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
}

/// What is typed instead of the command `word`, with what comes behind it. `script` says what runs the package's script of a name.
fn tips(word: &str, behind: &[String], script: impl Fn(&str) -> Option<String>) -> Vec<Tip> {
    if let Ok(Target::Port(port)) = word.parse() {
        let about = |purpose, command| Tip::new(purpose, format!("styxy {command} {port}"));
        return vec![about("see who has the port", "check"), about("end the server on it", "kill")];
    }
    let own = script(word).map(|script| Tip::new("run the script", format!("styxy run -- {script}")));
    let kind: Option<ServiceType> = word.parse().ok();
    let known = kind.filter(|kind| Config::default().service_types.contains_key(kind));
    let server = known.map(|kind| Tip::new("open this worktree's server", format!("styxy open {kind}")));
    let instead = instead(word);
    if let Some(line) = behind_run(word, behind, &script) {
        return vec![Tip::new("run the command with its own port", line)];
    }
    // `styxy next` is a guess, `styxy next dev` a command of another tool.
    let tool = command(word).filter(|_| !behind.is_empty() || instead.is_empty());
    let tool = tool.map(|first| {
        let words = std::iter::once(first.as_str()).chain(behind.iter().map(String::as_str));
        let line = words.collect::<Vec<_>>().join(" ");
        Tip::new("run the command with its own port", format!("styxy run -- {line}"))
    });
    own.into_iter().chain(tool).chain(server).chain(instead).collect()
}

/// Words that people type for `run`, in front of a command.
const FOR_RUN: [&str; 9] = ["dev", "exec", "launch", "npx", "serve", "spawn", "start", "with", "x"];

/// The run of what follows a word for `run`: a command, or a script of the package. `styxy serve dist` starts the tool `serve`.
fn behind_run(word: &str, behind: &[String], script: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let behind = if behind.first().is_some_and(|first| first == "--") { &behind[1..] } else { behind };
    let (first, more) = behind.split_first().filter(|_| FOR_RUN.contains(&word))?;
    let line = |first: &str| {
        std::iter::once(first).chain(more.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    };
    let run = |first: &str| format!("styxy run -- {}", line(first));
    if let Some(script) = script(first).filter(|_| more.is_empty()) {
        return Some(run(&script));
    }
    if let Some(command) = command(first) {
        return Some(run(&command));
    }
    (!frameworks::is_command(word) && !LAUNCHERS.contains(&word) && !first.starts_with('-'))
        .then(|| run(first))
}

/// The first words of the command that begins with `word`, if it is one that `styxy run` is for.
fn command(word: &str) -> Option<String> {
    if frameworks::is_command(word) || LAUNCHERS.contains(&word) {
        return Some(word.to_owned());
    }
    let file = quoted(word);
    match interpreter(word) {
        Some(interpreter) if !word.contains('/') => Some(format!("{interpreter} {file}")),
        _ => word.contains('/').then_some(file),
    }
}

/// The command that runs the script `name` of the package around this folder.
pub(crate) fn script(name: &str) -> Option<String> {
    let caller = caller();
    let package = Package::around(caller.folder()?).ok()?;
    package.script(name)?;
    Some(format!("{} run {name}", package.manager(caller.known_root())))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;
    use crate::say::shown::{each, snapshot};

    #[test]
    #[cfg_attr(not(target_os = "linux"), ignore = "the commands of the guard are listed")]
    fn wrong_usage_says_what_is_wrong() {
        let lines = [
            "styxy",
            "styxy alocate",
            "styxy lst",
            "styxy start",
            "styxy stop",
            "styxy ls",
            "styxy 3000",
            "styxy http://localhost:3000/login",
            "styxy dev",
            "styxy build",
            "styxy nonsense",
            "styxy nope",
            "styxy complet",
            "styxy exec npm run dev",
            "styxy exec -- ./my-server --fast",
            "styxy x vite",
            "styxy start npm run dev",
            "styxy start dev",
            "styxy serve dist",
            "styxy serve npm start",
            "styxy npm run dev",
            "styxy next dev -p 3000",
            "styxy next",
            "styxy node server.js",
            "styxy server.js --foo",
            "styxy ./start.sh",
            "styxy daemon stat",
            "styxy daemon",
            "styxy daemon strat",
            "styxy config nonsense",
            "styxy list --nonsense",
            "styxy run --nonsense",
            "styxy run --exact -- vite",
            "styxy allocate",
            "styxy allocate dev",
            "styxy allocate -q dev api --dry-run",
            "styxy allocate -s dev 3000",
            "styxy allocate 3000",
            "styxy list dev",
            "styxy list 3000",
            "styxy list shop",
            "styxy list 3000..3010",
            "styxy scan 3000 3010",
            "styxy kill -9 3000",
            "styxy check 3010-3000",
            "styxy who 3000..3010",
            "styxy kill 3000:3010",
            "styxy suggest --service dev",
            "styxy suggest -s=api --count 3",
            "styxy wait --service dev --timeout 30s",
            "styxy kill --port 3000",
            "styxy suggest --port 3000 dev",
            "styxy allocate -s dev -p 0",
            "styxy allocate -s dev -p 3000abc",
            "styxy allocate -s dev --exact",
            "styxy allocate -s dev -q --json",
            "styxy allocate -s dev --pid 0",
            "styxy allocate -s a'b",
            "styxy allocate -s dev -n ü",
            "styxy allocate -s dev --instance a/b",
            "styxy check",
            "styxy check -1",
            "styxy check 70000",
            "styxy verify 3000 -q --json",
            "styxy wait 70000",
            "styxy wait dev --http health",
            "styxy wait dev --timeout soon",
            "styxy kill a:b",
            "styxy who http://example.com:3000/login",
            "styxy kill 3000 --grace -1",
            "styxy release",
            "styxy release ???",
            "styxy suggest",
            "styxy suggest dev --count 101",
            "styxy scan 3099-3000",
            "styxy cleanup --yes",
            "styxy env --format xml",
            "styxy firebase",
            "styxy hooks install",
            "styxy hooks install vim",
            "styxy completions tcsh",
        ];
        let shown = lines.map(|line| {
            let command = Cli::command().term_width(100);
            let error = command.try_get_matches_from(line.split(' ')).expect_err(line);
            let words: Vec<String> = line.split(' ').skip(1).map(str::to_owned).collect();
            let script = |name: &str| (name == "dev").then(|| "pnpm run dev".to_owned());
            let Stopped { error, hint } = Stopped::new(error, &words, script);
            let hint = hint.map(|hint| format!("as JSON: {hint}\n")).unwrap_or_default();
            (line, format!("{}{hint}exits {}\n", error.render(), error.exit_code()))
        });
        snapshot!("wrong_usage", each(shown));
    }
}
