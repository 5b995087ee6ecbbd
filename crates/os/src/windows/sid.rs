//! Users, as SIDs: those of processes, and the owners of files and pipes.
#![expect(unsafe_code, reason = "the system's calls on security have no safe wrapper")]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, GetNamedSecurityInfoW, GetSecurityInfo, SE_FILE_OBJECT, SE_KERNEL_OBJECT,
};
use windows_sys::Win32::Security::{
    GetTokenInformation, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, TOKEN_QUERY, TOKEN_USER,
    TokenUser,
};
use windows_sys::Win32::System::Threading::OpenProcessToken;

use super::process::{ProcessHandle, this_process};

/// Room for a token's user: the struct and the longest SID there is (68 bytes), aligned as the struct needs it.
type TokenBuffer = [u64; 16];

/// The SID of the user that this process runs as, as `S-1-5-…`.
///
/// # Errors
/// The system's refusal.
pub fn own_sid() -> io::Result<String> {
    // SAFETY: the handle always means this process.
    unsafe { sid_of(this_process()) }
}

/// The SID of the user that a process runs as, as `S-1-5-…`.
///
/// # Errors
/// `PermissionDenied` for some processes of other users. Wine wants a handle that was opened for `PROCESS_QUERY_INFORMATION`.
pub fn user_of(process: &ProcessHandle) -> io::Result<String> {
    // SAFETY: the handle is open as long as `process`, which may be asked.
    unsafe { sid_of(process.raw()) }
}

/// The SID of the user that a process runs as.
///
/// # Safety
/// The handle is open.
unsafe fn sid_of(process: HANDLE) -> io::Result<String> {
    let mut token = null_mut();
    // SAFETY: the handle is open; `token` is writable.
    if unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, open, and nobody else's.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    let mut buffer: TokenBuffer = [0; 16];
    let size = u32::try_from(size_of::<TokenBuffer>()).map_err(io::Error::other)?;
    let mut needed = 0;
    let filled = (&raw mut buffer).cast::<c_void>();
    // SAFETY: the token is open for queries, and the buffer is writable for `size` bytes.
    if unsafe { GetTokenInformation(token.as_raw_handle(), TokenUser, filled, size, &raw mut needed) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call filled the buffer with this struct, for which it is aligned and large enough; the SID that the
    // struct points to lies in the buffer too.
    let sid = unsafe { (*filled.cast_const().cast::<TOKEN_USER>()).User.Sid };
    // SAFETY: `sid` is valid while `buffer` lives.
    unsafe { as_text(sid) }
}

/// The SID as `S-1-5-…`.
///
/// # Safety
/// It is valid.
unsafe fn as_text(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: `sid` is valid; `text` is writable.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the conversion made the text.
    unsafe { owned_text(text) }
}

/// The text that a conversion made, which is freed.
///
/// # Safety
/// It ends with NUL, and is to be freed by `LocalFree`.
///
/// # Errors
/// It is not UTF-16.
pub unsafe fn owned_text(text: *mut u16) -> io::Result<String> {
    // SAFETY: it ends with NUL, and lives until it is freed, two lines on.
    let length = unsafe { (0..usize::MAX).take_while(|at| *text.add(*at) != 0).count() };
    // SAFETY: so many units stand before the NUL.
    let units = unsafe { std::slice::from_raw_parts(text, length) }.to_vec();
    // SAFETY: the caller says that it is to be freed so.
    unsafe { LocalFree(text.cast()) };
    String::from_utf16(&units).map_err(io::Error::other)
}

/// The owner of the file or folder, as `S-1-5-…`. Links are followed.
///
/// # Errors
/// It cannot be read.
pub fn owner_of(path: &Path) -> io::Result<String> {
    let (path, mut owner, mut descriptor) = (wide(path), null_mut(), null_mut());
    // SAFETY: the path ends with NUL; only the owner and the descriptor, which are writable here, are asked for.
    let failed = unsafe {
        GetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    // SAFETY: the call gave both, if it did not fail.
    unsafe { owner_in(failed, owner, descriptor) }
}

/// What a handle is open for, where Windows makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A file or a folder.
    File,
    /// A named pipe.
    Pipe,
}

/// The owner of what is open, as `S-1-5-…`.
///
/// # Errors
/// The handle may not read it.
pub fn owner_of_open(open: &File, object: Object) -> io::Result<String> {
    let object = match object {
        Object::File => SE_FILE_OBJECT,
        Object::Pipe => SE_KERNEL_OBJECT,
    };
    let (mut owner, mut descriptor) = (null_mut(), null_mut());
    // SAFETY: the handle is open; only the owner and the descriptor, which are writable here, are asked for.
    let failed = unsafe {
        GetSecurityInfo(
            open.as_raw_handle(),
            object,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    // SAFETY: the call gave both, if it did not fail.
    unsafe { owner_in(failed, owner, descriptor) }
}

/// The owner that a call gave, as text.
///
/// # Safety
/// If `failed` is 0, the owner lies in the descriptor, which is to be freed by `LocalFree`.
unsafe fn owner_in(failed: u32, owner: PSID, descriptor: PSECURITY_DESCRIPTOR) -> io::Result<String> {
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed.cast_signed()));
    }
    // SAFETY: the descriptor is freed after this.
    let text = unsafe { as_text(owner) };
    // SAFETY: the caller says that it is to be freed so.
    unsafe { LocalFree(descriptor) };
    text
}

/// The path as the system reads it, closed with NUL.
#[must_use]
pub fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use styxy_core::Pid;
    use windows_sys::Win32::System::Threading::PROCESS_QUERY_INFORMATION;

    use super::*;

    #[test]
    fn a_files_owner_is_who_made_it() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("journal");
        fs::write(&file, "").unwrap();
        let own = own_sid().unwrap();
        let (by_path, by_handle) =
            (owner_of(&file).unwrap(), owner_of_open(&File::open(&file).unwrap(), Object::File).unwrap());
        assert_eq!(by_path, by_handle);
        // Of what an elevated process makes, the group of administrators is the owner.
        assert!([own.as_str(), "S-1-5-32-544"].contains(&by_path.as_str()), "{by_path}");
    }

    #[test]
    fn the_user_of_a_process_of_ours_is_ours() {
        let own = ProcessHandle::open_for(Pid::new(std::process::id()).unwrap(), PROCESS_QUERY_INFORMATION)
            .unwrap();
        assert_eq!(user_of(&own).unwrap(), own_sid().unwrap());
    }
}
