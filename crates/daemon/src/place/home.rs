//! The daemon's folder: made for this user alone, and taken over only if Styxy made it.
//!
//! `STYXY_HOME` may name anything. A folder that has other files, or that others may write to, is refused as it is: no
//! mode is changed, and nothing is made in it.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use styxy_core::layout::{Layout, is_own_file};

use super::error::{Cannot, Expected, PlaceError, Unfit};
use crate::files::{self, UserId};
use crate::system::disk::canonical;

/// So many foreign files are named in a refusal.
const NAMED: usize = 3;

/// For whom a folder is looked at.
#[derive(Debug, Clone)]
struct Who {
    user: UserId,
    /// Their home folders: by the environment, and by the system's list of users.
    homes: Vec<PathBuf>,
}

impl Who {
    fn this_user() -> Result<Self, PlaceError> {
        let named = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
        let homes = named.into_iter().chain(files::own_home()).filter(|home| home.is_absolute()).collect();
        let user = files::own_user().map_err(|source| PlaceError::Nobody { source })?;
        Ok(Self { user, homes })
    }
}

/// Makes the folder if it is missing; if it is there, checks that it is ours to use and that files can be made in it.
///
/// The folder may be a symbolic link of ours to one of ours.
///
/// # Errors
/// The folder is not Styxy's, others may write to it, or it cannot be made or written to.
pub(crate) fn open(layout: &Layout) -> Result<(), PlaceError> {
    open_for(layout.root(), &Who::this_user()?)
}

/// Checks what [`open`] would check, and tries what it would make; what was made for that is gone afterwards.
///
/// # Errors
/// The folder is not one that Styxy may use, or it cannot be made.
pub(super) fn inspect(folder: &Path) -> Result<(), PlaceError> {
    let who = Who::this_user()?;
    match judge(folder, &who)? {
        Some(_) => Ok(()),
        None => check_maker(folder, &who.user).and_then(|()| try_to_make(folder)),
    }
}

/// Makes the missing folders under another name, since a daemon that starts now makes the real ones.
fn try_to_make(folder: &Path) -> Result<(), PlaceError> {
    let is_there = |folder: &&Path| folder.as_os_str().is_empty() || folder.symlink_metadata().is_ok();
    let Some(above) = folder.ancestors().skip(1).find(is_there) else { return Ok(()) };
    let mut missing = folder.strip_prefix(above).into_iter().flatten();
    let mut name = missing.next().unwrap_or_default().to_owned();
    name.push(format!(".try-{}", std::process::id()));
    let first = above.join(name);
    let last = missing.fold(first.clone(), |path, name| path.join(name));
    let made = files::create_folder(&last);
    let left = last.ancestors().take_while(|left| left.starts_with(&first));
    left.for_each(|left| drop(fs::remove_dir(left)));
    made.map_err(Cannot::Make.at(folder))
}

/// The folder if it is there and Styxy may use it.
fn judge(folder: &Path, who: &Who) -> Result<Option<Metadata>, PlaceError> {
    if let Some(missing) = who.homes.first().filter(|home| folder.starts_with(home) && !home.exists()) {
        return Err(Unfit::NoHome { home: missing.clone() }.at(folder));
    }
    let Some(metadata) = look_at(folder, who)? else { return Ok(None) };
    check_role(folder, who)?;
    let foreign = foreign_files(folder).map_err(Cannot::Read.at(folder))?;
    if !foreign.is_empty() && !has_journal(folder) {
        return Err(Unfit::ForeignFiles { some: foreign }.at(folder));
    }
    check_not_shared(folder, &metadata)?;
    Ok(Some(metadata))
}

fn open_for(folder: &Path, who: &Who) -> Result<(), PlaceError> {
    let Some(metadata) = judge(folder, who)? else { return make(folder, &who.user) };
    // A folder that was there keeps its mode: what is private is so by the modes of its files. Only one that Styxy has just
    // made is closed, if a careless umask left it open: it has our files, and no daemon has served in it.
    //
    // On Windows a file has the access list of its folder, unless it is made with one of its own, and only the token is.
    if cfg!(windows) || (!has_journal(folder) && !is_empty(folder)) {
        close(folder, &metadata)?;
    }
    files::check_writable(folder).map_err(Cannot::Write.at(folder))
}

/// Makes sure that the folder of sockets is there, is this user's, and is closed to others. Its name is Styxy's own.
///
/// # Errors
/// The folder is another user's, others may write to it, or it cannot be made or written to.
#[cfg(unix)]
pub(super) fn open_for_sockets(folder: &Path) -> Result<(), PlaceError> {
    let who = Who::this_user()?;
    let Some(metadata) = look_at(folder, &who)? else { return make(folder, &who.user) };
    check_not_shared(folder, &metadata)?;
    close(folder, &metadata)?;
    files::check_writable(folder).map_err(Cannot::Write.at(folder))
}

/// The folder if it is there and is this user's.
fn look_at(folder: &Path, who: &Who) -> Result<Option<Metadata>, PlaceError> {
    #[cfg_attr(windows, expect(unused_variables, reason = "making a link takes an administrator there"))]
    let found = match folder.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(Cannot::Inspect.at(folder))?,
    };
    #[cfg(unix)]
    if let Some(owner) = other_owner(folder, &found, who)?.filter(|_| found.is_symlink()) {
        return Err(Unfit::Link { owner }.at(folder));
    }
    let metadata = folder.metadata().map_err(Cannot::Inspect.at(folder))?;
    if !metadata.is_dir() {
        return Err(PlaceError::Kind { path: folder.to_owned(), expected: Expected::Folder });
    }
    match other_owner(folder, &metadata, who)? {
        Some(owner) => {
            Err(PlaceError::Foreign { path: folder.to_owned(), owner, own: UserId::clone(&who.user) })
        }
        None => Ok(Some(metadata)),
    }
}

fn other_owner(path: &Path, metadata: &Metadata, who: &Who) -> Result<Option<UserId>, PlaceError> {
    files::other_owner(path, metadata, &who.user).map_err(Cannot::Inspect.at(path))
}

/// Others may not write to it. Asked last: only a folder that is Styxy's otherwise is worth closing by hand.
#[cfg(unix)]
fn check_not_shared(folder: &Path, metadata: &Metadata) -> Result<(), PlaceError> {
    match files::mode_for_others_to_write(metadata) {
        Some(mode) => Err(Unfit::Writable { mode }.at(folder)),
        None => Ok(()),
    }
}

/// Others may not write to it. Asked last: only a folder that is Styxy's otherwise is worth closing by hand.
#[cfg(windows)]
fn check_not_shared(folder: &Path, _: &Metadata) -> Result<(), PlaceError> {
    match files::others_who_write(folder).map_err(Cannot::Inspect.at(folder))? {
        Some(who) => Err(Unfit::Writable { who }.at(folder)),
        None => Ok(()),
    }
}

#[cfg_attr(unix, expect(clippy::trivially_copy_pass_by_ref, reason = "on Windows it is a text"))]
fn make(folder: &Path, own: &UserId) -> Result<(), PlaceError> {
    check_maker(folder, own)?;
    files::create_folder(folder).map_err(Cannot::Make.at(folder))?;
    files::check_writable(folder).map_err(Cannot::Write.at(folder))
}

fn close(folder: &Path, metadata: &Metadata) -> Result<(), PlaceError> {
    files::close_to_others(folder, metadata).map(drop).map_err(Cannot::Close.at(folder))
}

/// Root in another user's home (`sudo` that keeps HOME) would make a folder that its owner could never use.
#[cfg(unix)]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "on Windows it is a text")]
fn check_maker(folder: &Path, own: &UserId) -> Result<(), PlaceError> {
    let above = folder.ancestors().skip(1).find_map(|above| Some((above, above.metadata().ok()?)));
    let owner = above.and_then(|(above, metadata)| files::other_owner(above, &metadata, own).ok()?);
    match owner {
        Some(owner) if *own == 0 => Err(PlaceError::Foreign { path: folder.to_owned(), owner, own: *own }),
        Some(_) | None => Ok(()),
    }
}

/// Nothing: a folder that an administrator makes says whose it is, and has this user alone in its list.
#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "as on the other systems")]
fn check_maker(_: &Path, _: &UserId) -> Result<(), PlaceError> {
    Ok(())
}

/// Refuses folders that have another role, even if they are empty.
fn check_role(folder: &Path, who: &Who) -> Result<(), PlaceError> {
    let real = canonical(folder).map_err(Cannot::Inspect.at(folder))?;
    let is_home = || who.homes.iter().filter_map(|home| canonical(home).ok()).any(|home| home == real);
    if real.parent().is_none() {
        Err(Unfit::Root.at(folder))
    } else if is_home() {
        Err(Unfit::Home.at(folder))
    } else if files::is_of_the_system(&real) {
        Err(Unfit::System.at(folder))
    } else {
        Ok(())
    }
}

/// Some of the names in the folder that are not Styxy's.
fn foreign_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut foreign = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !is_own_file(&name) {
            foreign.push(name.to_string_lossy().into_owned());
        }
        if foreign.len() > NAMED {
            break;
        }
    }
    Ok(foreign)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Whether a daemon has served in the folder, so that it is Styxy's whatever was put there since.
pub(super) fn has_journal(folder: &Path) -> bool {
    let is_journal = |name: &str| {
        name.strip_prefix("journal.")
            .is_some_and(|digits| digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_journal)).any(|entry| {
        let is_ours = |found: &Metadata| {
            let other = files::own_user().and_then(|own| files::other_owner(&entry.path(), found, &own));
            matches!(other, Ok(None))
        };
        entry.metadata().is_ok_and(|found| found.is_file() && is_ours(&found))
    })
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
