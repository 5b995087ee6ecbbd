//! How a command line finds its program: as a shell would, and not as `CreateProcess` does, which knows no `npm.cmd`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::windows::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What runs `words`. A program without a folder is looked for in `path` and then in `more`; one with a relative folder is below
/// `folder`.
///
/// # Errors
/// There is no word.
pub(crate) fn command(
    words: &[OsString],
    path: Option<&OsStr>,
    more: impl Iterator<Item = PathBuf>,
    folder: &Path,
) -> io::Result<Command> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let found = found(program, path, more, folder);
    let mut command = Command::new(found.as_deref().unwrap_or(Path::new(program)));
    match arguments {
        [d, s, c, text] if is_shell(program) && d == "/d" && s == "/s" && c == "/c" => {
            // The shell takes the text between the outer quotes as it is.
            let mut quoted = OsString::from("\"");
            quoted.push(text);
            quoted.push("\"");
            command.args([d, s, c]).raw_arg(quoted);
        }
        all => drop(command.args(all)),
    }
    Ok(command)
}

fn is_shell(program: &OsStr) -> bool {
    program.eq_ignore_ascii_case("cmd") || program.eq_ignore_ascii_case("cmd.exe")
}

/// The file of `program`, with the ending that is left out: npm is `npm.cmd`.
fn found(
    program: &OsStr,
    path: Option<&OsStr>,
    more: impl Iterator<Item = PathBuf>,
    folder: &Path,
) -> Option<PathBuf> {
    let endings = env::var("PATHEXT").unwrap_or_else(|_| ".COM;.EXE;.BAT;.CMD".to_owned());
    let path_of_program = Path::new(program);
    let folders: Vec<PathBuf> = if path_of_program.components().count() > 1 {
        vec![folder.to_owned()]
    } else {
        env::split_paths(path?).chain(more).collect()
    };
    let with = |folder: &PathBuf, ending: &str| {
        let mut file = folder.join(path_of_program).into_os_string();
        file.push(ending);
        PathBuf::from(file)
    };
    let has_ending = path_of_program.extension().is_some();
    let endings = std::iter::once("").filter(|_| has_ending).chain(endings.split(';'));
    let endings: Vec<&str> = endings.collect();
    folders
        .iter()
        .flat_map(|folder| endings.iter().map(move |ending| with(folder, ending)))
        .find(|file| file.is_file())
}
