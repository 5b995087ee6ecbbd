//! Starting the daemon at login, which no user needs and some want: the file that says so, and the commands that make the
//! system read it (R71). One file per system has its words; all of them are plain data.
//!
//! What starts at login is `styxy daemon start`, as any command would start it. So nothing else is different: a newer command
//! replaces that daemon (R70), and `styxy daemon stop` stops it for good.

mod launchd;
mod systemd;
mod tasks;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;
use styxy_core::api::{Code, Refusal};

use crate::here::caller::user_home;
use crate::here::{context, installed};
use crate::say::failure::Failure;

/// What the file says about itself, so that no other file is replaced or removed.
const MARK: &str = "Made by styxy daemon install";

/// A start at login: the file, and what is run once it is there and before it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Login {
    /// The file.
    pub(crate) file: PathBuf,
    /// What is in it.
    pub(crate) text: String,
    /// What makes the system read it.
    pub(crate) install: Vec<Vec<String>>,
    /// What makes the system forget it, before the file is removed.
    pub(crate) uninstall: Vec<Vec<String>>,
    /// What to run after that.
    #[serde(skip)]
    after: Vec<Vec<String>>,
    /// What the system makes of the file, which must not stay behind.
    #[serde(skip)]
    links: Vec<PathBuf>,
    /// Folders are removed with the file if they are empty, up to this one.
    #[serde(skip)]
    top: PathBuf,
}

/// Where and for whom the daemon is to start.
#[derive(Debug)]
struct Wanted<'w> {
    /// The program.
    program: &'w str,
    /// `STYXY_HOME`, if it is set.
    daemon_home: Option<&'w str>,
    /// The user's home folder.
    home: &'w Path,
    /// The folder for settings, `~/.config`.
    config: PathBuf,
    /// The daemon's folder.
    root: &'w Path,
    /// The user's number, or name.
    user: String,
}

impl Login {
    /// The start at login of this user on this system.
    ///
    /// # Errors
    /// The system has no such thing that Styxy knows, or a path is unknown or cannot be written in such a file.
    pub(crate) fn here() -> Result<Self, Failure> {
        let program = own_program()?;
        Self::of(&program)
    }

    fn of(program: &Path) -> Result<Self, Failure> {
        let home = user_home().ok_or_else(|| Failure::usage("no home folder is set", "set HOME"))?;
        let layout = context::layout()?;
        let daemon_home = env::var_os("STYXY_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
        let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let wanted = Wanted {
            program: plain(program)?,
            daemon_home: daemon_home.as_deref().map(plain).transpose()?,
            home: &home,
            config: config.unwrap_or_else(|| home.join(".config")),
            root: layout.root(),
            user: user(),
        };
        if cfg!(target_os = "macos") {
            Ok(launchd::login(&wanted))
        } else if cfg!(windows) {
            Ok(tasks::login(&wanted))
        } else {
            Ok(systemd::login(&wanted))
        }
    }

    /// As [`Login::here`], for whoever asks whether there is one or removes it: which program it runs does not matter then.
    ///
    /// # Errors
    /// Those of [`Login::here`].
    pub(crate) fn for_removal() -> Result<Self, Failure> {
        Self::of(Path::new("styxy"))
    }

    /// Whether the file is there.
    ///
    /// # Errors
    /// There is one that Styxy did not make.
    pub(crate) fn is_there(&self) -> Result<bool, Refusal> {
        match fs::read_to_string(&self.file) {
            Ok(text) if text.contains(MARK) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Ok(_) | Err(_) => Err(Refusal::new(
                Code::Forbidden,
                format!("{} was not made by Styxy; nothing was changed", self.file.display()),
            )
            .hint(format!("mv {0} {0}.old", self.file.display()))),
        }
    }

    /// Whether the file is there as it would be written now, and the system reads it.
    pub(crate) fn is_current(&self) -> bool {
        let is_read = self.links.iter().all(|link| link.symlink_metadata().is_ok());
        is_read && fs::read_to_string(&self.file).is_ok_and(|text| text == self.text)
    }

    /// Writes the file, and makes the system read it; nothing stays if that fails.
    ///
    /// # Errors
    /// The file cannot be written, or a command fails.
    pub(crate) fn put(&self) -> Result<(), Refusal> {
        let before = fs::read(&self.file).ok();
        let was_there = self.file.ancestors().find(|folder| folder.exists()).unwrap_or(&self.top).to_owned();
        let written = || {
            fs::create_dir_all(self.file.parent().unwrap_or(Path::new("/")))?;
            fs::write(&self.file, &self.text)
        };
        written().map_err(|error| {
            Refusal::new(
                Code::StorageUnavailable,
                format!("could not write {}: {error}", self.file.display()),
            )
            .hint(format!("ls -ld {}", self.file.display()))
        })?;
        if before.is_some() {
            for words in &self.uninstall {
                // What the system has read of the file before. It may have forgotten it by itself.
                let _ = run(words);
            }
        }
        self.install.iter().try_for_each(|words| run(words)).inspect_err(|_| match before {
            Some(text) => drop(fs::write(&self.file, text)),
            None => self.remove_files(&was_there),
        })
    }

    /// Makes the system forget the file, and removes it, whatever the system says.
    ///
    /// # Errors
    /// The file is still there.
    pub(crate) fn take(&self) -> Result<(), Refusal> {
        for words in &self.uninstall {
            // The service manager may not run here; without the file it has nothing to start.
            let _ = run(words);
        }
        self.remove_files(&self.top);
        for words in &self.after {
            let _ = run(words);
        }
        if self.file.symlink_metadata().is_err() {
            return Ok(());
        }
        let sentence = format!("{} could not be removed", self.file.display());
        Err(Refusal::new(Code::StorageUnavailable, sentence).hint(format!("rm {}", self.file.display())))
    }

    /// Removes the file and its links, and the folders below `top` that are empty then.
    fn remove_files(&self, top: &Path) {
        for path in self.links.iter().chain([&self.file]) {
            let _ = fs::remove_file(path);
            let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(top));
            // One that is not empty stays, and so do those above it.
            for folder in folders.take_while(|folder| *folder != top) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
    }
}

/// The path of this program that lasts.
fn own_program() -> Result<PathBuf, Failure> {
    let program = styxy_client::own_program().map_err(|error| {
        Failure::usage(format!("the path of this program is unknown: {error}"), "npm install -g styxy")
    })?;
    let stable = installed::stable(&program, env::var_os("PATH").as_deref(), Path::is_file);
    stable.ok_or_else(|| {
        Refusal::new(
            Code::Forbidden,
            format!(
                "{} is gone after an update: it is installed for one project, one run or one version",
                program.display()
            ),
        )
        .hint("npm install -g styxy, then: styxy daemon install")
        .into()
    })
}

/// A path that such a file can hold.
fn plain(path: &Path) -> Result<&str, Failure> {
    let text = path.to_str().filter(|text| !text.contains(char::is_control));
    text.ok_or_else(|| {
        Failure::usage(
            format!("{} has characters that the system's file cannot hold", path.display()),
            "use a folder with a plain name",
        )
    })
}

#[cfg(unix)]
fn user() -> String {
    rustix::process::getuid().as_raw().to_string()
}

/// This user, as the system's programs read it.
#[cfg(not(unix))]
pub(crate) fn user() -> String {
    let name = |variable| env::var(variable).unwrap_or_default();
    format!("{}\\{}", name("USERDOMAIN"), name("USERNAME"))
}

/// Runs one command of the system's.
fn run(words: &[String]) -> Result<(), Refusal> {
    let shown = words.join(" ");
    let [program, arguments @ ..] = words else { return Ok(()) };
    let failed = |why: &str| Refusal::new(Code::Forbidden, format!("{shown}: {}", why.trim()));
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let why = if said.is_empty() { output.status.to_string() } else { said };
            Err(failed(&why).hint("styxy daemon start   # for example in your shell's profile"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(failed(
            "this system has no such program, and Styxy knows no other way to start at login here",
        )
        .hint("styxy daemon start   # for example in your shell's profile")),
        Err(error) => Err(failed(&error.to_string())),
    }
}

/// Commands as lists of words.
fn commands(lines: &[&[&str]]) -> Vec<Vec<String>> {
    lines.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    fn shown(login: &Login) -> String {
        let lines = |commands: &[Vec<String>]| -> String {
            commands.iter().flat_map(|words| ["$ ".to_owned(), words.join(" "), "\n".to_owned()]).collect()
        };
        let (install, uninstall) =
            (lines(&login.install), lines(&[&login.uninstall[..], &login.after].concat()));
        format!("{}\n\n{}\n{install}--\n{uninstall}", login.file.display(), login.text)
    }

    #[test]
    fn every_systems_file_says_what_is_started() {
        let wanted = |program, daemon_home| Wanted {
            program,
            daemon_home,
            home: Path::new("/home/ada"),
            config: "/home/ada/.config".into(),
            root: Path::new("/home/ada/.styxy"),
            user: "1000".to_owned(),
        };
        let usual = wanted("/usr/local/bin/styxy", None);
        let odd = wanted("/opt/100% \"a\" <&> $b/styxy", Some("/srv/50%/a b\\"));
        snapshot!(
            "login",
            each([
                ("systemd", shown(&systemd::login(&usual))),
                ("systemd, odd paths", shown(&systemd::login(&odd))),
                ("launchd", shown(&launchd::login(&usual))),
                ("launchd, odd paths", shown(&launchd::login(&odd))),
                ("Task Scheduler", shown(&tasks::login(&odd))),
            ])
        );
    }
}
