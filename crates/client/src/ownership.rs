//! The owner of the daemon's files, or of its pipe. A folder of another user means `sudo` with that user's HOME, or an attack.

use std::path::Path;

use crate::Error;

/// Fails if `path` exists and belongs to another user. Takes about a microsecond.
#[cfg(unix)]
pub(crate) fn check(path: &Path) -> Result<(), Error> {
    check_as(path, rustix::process::geteuid().as_raw())
}

#[cfg(unix)]
fn check_as(path: &Path, ours: u32) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    match path.metadata() {
        Ok(metadata) if metadata.uid() != ours => {
            Err(Error::NotOurs { path: path.to_owned(), owner: metadata.uid(), ours })
        }
        // A path that cannot be read cannot be connected to either, and that error says more.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Fails if `path` is a pipe that another user serves: its name can be foreseen, and whoever makes it first has it. Files are
/// closed to others by their access lists.
#[cfg(windows)]
pub(crate) fn check(path: &Path) -> Result<(), Error> {
    let name = path.to_str().and_then(|path| path.strip_prefix(r"\\.\pipe\"));
    let is_pipe = name.is_some_and(|name| !name.is_empty());
    if is_pipe && windows::is_foreign(path) {
        return Err(Error::ForeignPipe { pipe: path.to_owned() });
    }
    Ok(())
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "the system's calls on security have no safe wrapper")]
mod windows {
    use std::ffi::c_void;
    use std::fs::File;
    use std::io;
    use std::os::windows::fs::OpenOptionsExt as _;
    use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
    use std::path::Path;
    use std::ptr::null_mut;
    use std::thread::sleep;
    use std::time::Duration;

    use windows_sys::Win32::Foundation::{ERROR_PIPE_BUSY, LocalFree};
    use windows_sys::Win32::Security::Authorization::{GetSecurityInfo, SE_KERNEL_OBJECT};
    use windows_sys::Win32::Security::{
        EqualSid, GetTokenInformation, OWNER_SECURITY_INFORMATION, PSID, TOKEN_QUERY, TOKEN_USER, TokenUser,
    };
    use windows_sys::Win32::Storage::FileSystem::{READ_CONTROL, SECURITY_ANONYMOUS};
    use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

    /// So often a pipe is opened that has no instance left, and so long it is waited for in between.
    const TRIES: u32 = 200;
    const PAUSE: Duration = Duration::from_millis(5);

    /// Whether somebody else than this process' user made the pipe. Nothing is sent through it.
    ///
    /// A pipe that is not there is nobody's. One that does not say whose it is is somebody else's.
    pub(super) fn is_foreign(pipe: &Path) -> bool {
        match open(pipe) {
            Ok(pipe) => !owned_by_us(&pipe).unwrap_or(false),
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
        }
    }

    fn open(pipe: &Path) -> io::Result<File> {
        let busy = i32::try_from(ERROR_PIPE_BUSY).ok();
        let mut options = File::options();
        // Whoever serves it learns nothing of this user.
        options.access_mode(READ_CONTROL).security_qos_flags(SECURITY_ANONYMOUS);
        for _ in 0..TRIES {
            match options.open(pipe) {
                Err(error) if error.raw_os_error() == busy => sleep(PAUSE),
                opened => return opened,
            }
        }
        options.open(pipe)
    }

    fn owned_by_us(pipe: &File) -> io::Result<bool> {
        let (mut owner, mut descriptor): (PSID, *mut c_void) = (null_mut(), null_mut());
        // SAFETY: the handle is open for reading its descriptor. Only the owner, who lies in the descriptor, is asked for.
        let failed = unsafe {
            GetSecurityInfo(
                pipe.as_raw_handle(),
                SE_KERNEL_OBJECT,
                OWNER_SECURITY_INFORMATION,
                &raw mut owner,
                null_mut(),
                null_mut(),
                null_mut(),
                &raw mut descriptor,
            )
        };
        if failed != 0 {
            return Err(io::Error::from_raw_os_error(failed.cast_signed()));
        }
        let ours = is_ours(owner);
        // SAFETY: the call that gave the descriptor says to free it so.
        unsafe { LocalFree(descriptor) };
        ours
    }

    /// Whether the user, a valid SID, is the one that this process runs as.
    fn is_ours(user: PSID) -> io::Result<bool> {
        let mut token = null_mut();
        // SAFETY: the handle always means this process; `token` is writable.
        if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new, open, and nobody else's.
        let token = unsafe { OwnedHandle::from_raw_handle(token) };
        // Room for the struct and the longest SID there is (68 bytes), aligned as the struct needs it.
        let mut buffer = [0_u64; 16];
        let size = u32::try_from(size_of_val(&buffer)).map_err(io::Error::other)?;
        let filled = (&raw mut buffer).cast::<c_void>();
        let mut needed = 0;
        // SAFETY: the token is open for queries, and the buffer is writable for `size` bytes.
        if unsafe { GetTokenInformation(token.as_raw_handle(), TokenUser, filled, size, &raw mut needed) }
            == 0
        {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call filled the buffer with this struct, for which it is aligned and large enough; its SID lies in the
        // buffer too. Both SIDs are valid.
        Ok(unsafe { EqualSid(user, (*filled.cast_const().cast::<TOKEN_USER>()).User.Sid) != 0 })
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_another_user_is_refused_with_what_to_type() {
        let folder = tempfile::tempdir().unwrap();
        let ours = rustix::process::geteuid().as_raw();
        assert!(check(folder.path()).is_ok());
        let error = check_as(folder.path(), ours + 1).unwrap_err();
        assert!(matches!(error, Error::NotOurs { owner, .. } if owner == ours), "{error:?}");
        assert!(error.refusal().hint.unwrap().contains("STYXY_HOME"));
        assert!(check_as(&folder.path().join("absent"), ours + 1).is_ok());
    }
}
