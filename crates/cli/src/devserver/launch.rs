//! From a typed command to the tool that it finally starts: through package managers, their scripts, and programs that
//! run other programs.

use super::managers::{bun, deno, npm, pnpm, yarn};
use super::options::{after, leading, options, packaged};
use super::program::{is_known_place, package, package_of_file, program};
use super::shell::{self, Command, Unreachable, Word, each};
use super::tool::{Next, OrTool, Reach, Tool};

/// How many scripts may call one another.
pub(super) const DEPTH: usize = 5;

/// Looks up a script by its folder (none: the current one) and name.
pub(crate) type Scripts<'a> = dyn Fn(Option<&str>, &str) -> Option<String> + 'a;

/// Follows `typed` to the tools that it starts: the one that appended words reach and those that run before it, or all
/// that the words may be meant for.
pub(crate) fn follow(typed: Vec<Word>, scripts: &Scripts<'_>) -> Vec<Tool> {
    let mut found = Vec::new();
    Follower { scripts, found: &mut found }.command(typed, Tool::default(), DEPTH);
    found
}

/// The options of Node that have a value.
const NODE: [&str; 7] = ["-r", "--require", "--import", "--loader", "-C", "--conditions", "--env-file"];

/// The options of `uv` and `uv run` that have a value.
const UV: [&str; 14] = [
    "-p",
    "--python",
    "--with",
    "--with-editable",
    "--with-requirements",
    "--group",
    "--only-group",
    "--extra",
    "--env-file",
    "--package",
    "--directory",
    "--project",
    "--index",
    "--default-index",
];

/// The options of programs that set secrets for a command, which have a value.
const SECRETS: [&str; 14] = [
    "-p",
    "--project",
    "-c",
    "--config",
    "-t",
    "--token",
    "-e",
    "--env",
    "--env-file",
    "--account",
    "--path",
    "--projectId",
    "--scope",
    "--mount",
];

struct Follower<'a> {
    scripts: &'a Scripts<'a>,
    found: &'a mut Vec<Tool>,
}

impl Follower<'_> {
    fn command(&mut self, mut words: Vec<Word>, mut tool: Tool, depth: usize) {
        while let Some((name, value)) = words.first().and_then(Word::assignment) {
            let value = Word { text: value.to_owned(), ..words[0].clone() };
            let name = name.to_owned();
            tool.assigned.push((name, value));
            words.remove(0);
        }
        if words.is_empty() {
            // An unknown program: the variables set for it still matter.
            self.found.push(tool);
            return;
        }
        let args = words.split_off(1);
        let first = words.remove(0);
        let own: Vec<Word> = std::iter::once(&first).chain(&args).cloned().collect();
        match next(&first.text, args, &mut tool) {
            Next::Tool { name, args } => self.found.push(Tool { name, args, ..tool }),
            Next::Elsewhere => self.found.push(Tool { reach: Reach::Elsewhere, ..tool }),
            Next::Nothing => {}
            Next::Command(words) => {
                if depth > 0 {
                    if words.is_empty() {
                        tool.own = own;
                    }
                    self.command(words, tool, depth - 1);
                }
            }
            Next::Script { folder, name, args, or_tool } => match (self.scripts)(folder.as_deref(), &name) {
                Some(text) if depth > 0 => self.script(&name, &text, args, tool, depth - 1),
                None if or_tool == OrTool::Yes => {
                    let words = std::iter::once(Word { text: name, ..Word::default() }).chain(args).collect();
                    self.command(words, tool, depth.saturating_sub(1));
                }
                Some(_) | None => {}
            },
        }
    }

    /// Follows the commands of a script; the last one gets `args` after its own, unless it is out of reach.
    fn script(&mut self, name: &str, text: &str, args: Vec<Word>, tool: Tool, depth: usize) {
        let script = shell::read(text);
        let mut commands = Vec::new();
        each(&script.list, &mut |command, _| {
            if let Command::Simple(words) = command {
                commands.push(words.clone());
            }
        });
        let (reach, last) = match (&tool.reach, script.end) {
            (Reach::Yes, Ok(())) => (Reach::Script(name.to_owned(), Unreachable::NotLast), commands.pop()),
            (Reach::Yes, Err(why)) => (Reach::Script(name.to_owned(), why), None),
            (reach, _) => (reach.clone(), None),
        };
        for words in commands {
            let tool = Tool { reach: reach.clone(), assigned: tool.assigned.clone(), ..Tool::default() };
            self.command(words, tool, depth);
        }
        if let Some(mut last) = last {
            last.extend(args);
            self.command(last, tool, depth);
        }
    }
}

/// What the program `first` does with `args`: it is a tool, or it runs another command.
pub(super) fn next(first: &str, args: Vec<Word>, tool: &mut Tool) -> Next {
    let name = program(first);
    match name {
        "npm" => npm(args, tool),
        "pnpm" => pnpm(args),
        "yarn" | "yarnpkg" => yarn(args),
        "bun" => {
            tool.through.push(("bun", args[..leading(&args, &[])].to_vec()));
            bun(args)
        }
        "npx" | "bunx" | "pnpx" => {
            Next::Command(packaged(args, &["-p", "--package", "-c", "--call", "-w", "--workspace"]))
        }
        "node" | "nodejs" => {
            tool.through.push(("node", args[..leading(&args, &NODE)].to_vec()));
            Next::Command(file(args, &NODE))
        }
        "deno" => deno(args),
        "python" | "python3" | "py" => Next::Command(python(args)),
        _ if name.starts_with("python3.") => Next::Command(python(args)),
        "debugpy" => Next::Command(python(debugpy(args, tool))),
        "php" if args.first().is_some_and(|word| program(&word.text) == "artisan") => Next::Command(args),
        "cargo" => Next::Command(subcommand(args)),
        "env" | "cross-env" | "cross-env-shell" | "exec" | "command" | "time" | "nice" | "nohup"
        | "corepack" => Next::Command(after(args, &[], &["-n", "-u", "-C"])),
        "sudo" => Next::Command(after(
            args,
            &[],
            &["-u", "--user", "-g", "--group", "-p", "-C", "-D", "-h", "-T", "-R"],
        )),
        "doppler" | "infisical" | "op" => Next::Command(after(args, &["run"], &SECRETS)),
        "direnv" => {
            let mut command = after(args, &["exec"], &[]);
            // The folder whose variables it sets.
            command.drain(..command.len().min(1));
            Next::Command(command)
        }
        "env-cmd" => {
            Next::Command(after(args, &[], &["-f", "--file", "-e", "--environments", "-r", "--rc-file"]))
        }
        "uv" => Next::Command(after(args, &["run"], &UV)),
        "poetry" | "pipenv" | "pdm" | "rye" | "dotenvx" => {
            Next::Command(after(args, &["run"], &["-f", "-p", "--with", "--python"]))
        }
        "bundle" => Next::Command(after(args, &["exec"], &[])),
        "dotenv" | "dotenv-cli" => Next::Command(after(args, &[], &["-e", "-p", "-v"])),
        // It asks for a port itself, and gets the same one.
        "styxy" => Next::Nothing,
        _ if !is_known_place(first) => Next::Command(Vec::new()),
        _ => Next::Tool { name: package(if first.starts_with('@') { first } else { name }).to_owned(), args },
    }
}

/// The package that a file belongs to and its arguments, after the options of the interpreter; nothing for the project's
/// own file.
fn file(mut args: Vec<Word>, valued: &[&str]) -> Vec<Word> {
    options(&mut args, valued, |_, _| {});
    let Some(first) = args.first_mut() else { return args };
    match package_of_file(&first.text) {
        Some(package) => first.text = package.to_owned(),
        None => args.clear(),
    }
    args
}

/// `-m module` or a file, after Python's options.
fn python(mut args: Vec<Word>) -> Vec<Word> {
    let mut module = None;
    while args.first().is_some_and(Word::is_flag) && module.is_none() {
        let flag = args.remove(0);
        match flag.text.as_str() {
            "-m" if !args.is_empty() => module = Some(args.remove(0)),
            joined if joined.starts_with("-m") => {
                module = Some(Word { text: joined[2..].to_owned(), ..flag });
            }
            "-X" | "-W" if !args.is_empty() => drop(args.remove(0)),
            "-c" => return Vec::new(),
            _ => {}
        }
    }
    if module.is_none() && args.first().is_none_or(|word| program(&word.text) != "manage.py") {
        return Vec::new();
    }
    args.splice(0..0, module);
    args
}

/// Python's arguments behind the debugger's own: `--listen 5678 -m flask run`.
fn debugpy(mut args: Vec<Word>, tool: &mut Tool) -> Vec<Word> {
    let program = args.iter().position(|word| matches!(word.text.as_str(), "-m" | "-c"));
    let own = leading(&args, &["--listen", "--connect", "--log-to", "--configure-subProcess"]);
    let rest = args.split_off(own.min(program.unwrap_or(own)));
    tool.through.push(("debugpy", args));
    rest
}

/// `cargo leptos watch` is `cargo-leptos watch`.
fn subcommand(mut args: Vec<Word>) -> Vec<Word> {
    args.retain(|word| !word.text.starts_with('+'));
    if let Some(first) = args.first_mut() {
        first.text = format!("cargo-{}", first.text);
    }
    args
}
