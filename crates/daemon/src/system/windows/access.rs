//! Who owns files, and who else may read them, by access lists: the user's profile is closed to others, and `STYXY_HOME` may be
//! elsewhere.
#![expect(unsafe_code, reason = "the standard library makes nothing with an access list")]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::io::FromRawHandle as _;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use styxy_os::{Object, owner_of, owner_of_open, wide};
use windows_sys::Win32::Foundation::{GENERIC_WRITE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateDirectoryW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_DELETE, FILE_SHARE_READ,
    FILE_SHARE_WRITE,
};

use super::list;
use super::sid::{OnlyOwnUser, foreign};

/// A user, by SID: `S-1-5-…`.
pub(crate) type UserId = String;

/// The user that this process runs as.
///
/// # Errors
/// The system does not say.
pub(crate) fn own_user() -> io::Result<UserId> {
    styxy_os::own_sid()
}

/// Whose file or folder it is, if that is neither `own` nor one of those who may do everything anyway: what an elevated process
/// makes belongs to the group of administrators.
///
/// # Errors
/// The system does not say whose it is.
pub(crate) fn other_owner(path: &Path, _: &Metadata, own: &UserId) -> io::Result<Option<UserId>> {
    Ok(foreign(owner_of(path)?, own))
}

/// Makes the folder for this user alone, and those above it that are missing.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    let who = OnlyOwnUser::new()?;
    let attributes = who.attributes();
    // SAFETY: the path ends with NUL; the attributes, and the descriptor in them that `who` owns, live through the call.
    let done = unsafe { CreateDirectoryW(wide(path).as_ptr(), &raw const attributes) };
    match io::Error::last_os_error() {
        error if done == 0 && !(error.kind() == io::ErrorKind::AlreadyExists && path.is_dir()) => Err(error),
        _ => Ok(()),
    }
}

/// Makes a file that is not there yet, for this user alone, and opens it for writing.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let who = OnlyOwnUser::new()?;
    let attributes = who.attributes();
    // SAFETY: the path ends with NUL; the attributes, and the descriptor in them that `who` owns, live through the call.
    let handle = unsafe {
        CreateFileW(
            wide(path).as_ptr(),
            GENERIC_WRITE,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            &raw const attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, open, and nobody else's.
    Ok(unsafe { File::from_raw_handle(handle) })
}

/// Lets in this user alone, if others were let in. Says whether they were.
pub(crate) fn close_to_others(path: &Path, _: &Metadata) -> io::Result<bool> {
    let was_open = list::lets_others_in(path)?;
    if was_open {
        list::close(path)?;
    }
    Ok(was_open)
}

/// Whether files can be made in the folder: here only the first one shows it.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
pub(crate) fn check_writable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens a file in the folder, as `options` say.
///
/// # Errors
/// Also if it is another user's.
pub(crate) fn open_ours(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.open(path)?;
    match foreign(owner_of_open(&file, Object::File)?, &own_user()?) {
        Some(owner) => {
            let why = format!("it belongs to another user ({owner})");
            Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
        }
        None => Ok(file),
    }
}

/// Opens a file for reading that a user may keep elsewhere.
///
/// # Errors
/// As for [`open_ours`].
pub(crate) fn open_linked(path: &Path) -> io::Result<File> {
    open_ours(path, OpenOptions::new().read(true))
}

/// The other users who may change the folder or what is in it, if there are any.
///
/// # Errors
/// The access list cannot be read.
pub(crate) fn others_who_write(path: &Path) -> io::Result<Option<String>> {
    let who = list::others(path)?.writers();
    Ok((!who.is_empty()).then(|| who.join(", ")))
}

/// The environment alone says it.
pub(crate) fn own_home() -> Option<PathBuf> {
    None
}

/// Whether the folder is one that every system has. Users may not write to those here.
pub(crate) fn is_of_the_system(_: &Path) -> bool {
    false
}
