//! Users, as SIDs: this process', a file's owner, and a security descriptor that lets in this process' user and nobody else.
#![expect(unsafe_code, reason = "the system's calls on security have no safe wrapper")]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW,
    GetSecurityInfo, SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    GetTokenInformation, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES,
    TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::OpenProcessToken;

use super::handle::this_process;

/// Room for a token's user: the struct and the longest SID there is (68 bytes), aligned as the struct needs it.
type TokenBuffer = [u64; 16];

/// Makes the user that this process runs as the owner, and grants everything to that user, also of what is made inside; whoever
/// is not named is refused.
#[derive(Debug)]
pub(super) struct OnlyOwnUser {
    descriptor: PSECURITY_DESCRIPTOR,
}

// SAFETY: the memory is this struct's own, is not written after it was made, and is freed once.
unsafe impl Send for OnlyOwnUser {}
// SAFETY: as above.
unsafe impl Sync for OnlyOwnUser {}

impl OnlyOwnUser {
    pub(super) fn new() -> io::Result<Self> {
        // Clients compare the owner. Without one, that of an elevated process is the group of administrators.
        // P: nothing is inherited from above. A: allow; OICI: files and folders inside inherit it; GA: all; to the one SID.
        let text = format!("O:{sid}D:P(A;OICI;GA;;;{sid})", sid = own_sid()?);
        let text: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let mut descriptor = null_mut();
        // SAFETY: `text` ends with NUL, `descriptor` is writable, and the size is not asked for.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(Self { descriptor }) }
    }

    /// Valid as long as `self`.
    pub(super) fn descriptor(&self) -> PSECURITY_DESCRIPTOR {
        self.descriptor
    }

    /// For a call that makes something; valid as long as `self`.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        let length = u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or_default();
        SECURITY_ATTRIBUTES { nLength: length, lpSecurityDescriptor: self.descriptor, bInheritHandle: 0 }
    }
}

impl Drop for OnlyOwnUser {
    fn drop(&mut self) {
        // SAFETY: the memory came from the conversion, which says to free it so.
        unsafe { LocalFree(self.descriptor) };
    }
}

/// The SID of the user that this process runs as, as `S-1-5-…`.
pub(super) fn own_sid() -> io::Result<String> {
    let mut token = null_mut();
    // SAFETY: the handle means this process; `token` is writable.
    if unsafe { OpenProcessToken(this_process(), TOKEN_QUERY, &raw mut token) } == 0 {
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
    unsafe { owned(text) }
}

/// The text that a conversion made, which is freed.
///
/// # Safety
/// It ends with NUL, and is to be freed by `LocalFree`.
pub(super) unsafe fn owned(text: *mut u16) -> io::Result<String> {
    // SAFETY: it ends with NUL, and lives until it is freed, two lines on.
    let length = unsafe { (0..usize::MAX).take_while(|at| *text.add(*at) != 0).count() };
    // SAFETY: so many units stand before the NUL.
    let units = unsafe { std::slice::from_raw_parts(text, length) }.to_vec();
    // SAFETY: the caller says that it is to be freed so.
    unsafe { LocalFree(text.cast()) };
    String::from_utf16(&units).map_err(io::Error::other)
}

/// The owner of the file or folder, as `S-1-5-…`. Links are followed.
pub(super) fn owner_of(path: &Path) -> io::Result<String> {
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

/// The owner of an open file, as `S-1-5-…`.
pub(super) fn owner_of_open(file: &File) -> io::Result<String> {
    let (mut owner, mut descriptor) = (null_mut(), null_mut());
    // SAFETY: the handle is open; only the owner and the descriptor, which are writable here, are asked for.
    let failed = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
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

/// `owner`, unless it is `own`, the system, or the group of administrators.
pub(super) fn foreign(owner: String, own: &str) -> Option<String> {
    const MAY_ANYWAY: [&str; 2] = ["S-1-5-18", "S-1-5-32-544"];
    (owner != own && !MAY_ANYWAY.contains(&owner.as_str())).then_some(owner)
}

/// The path as the system reads it, closed with NUL.
pub(super) fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn administrators_and_the_system_are_no_other_owners() {
        let own = "S-1-5-21-1-2-3-1001";
        for known in [own, "S-1-5-18", "S-1-5-32-544"] {
            assert_eq!(foreign(known.to_owned(), own), None);
        }
        let other = "S-1-5-21-1-2-3-1002";
        assert_eq!(foreign(other.to_owned(), own).as_deref(), Some(other));
    }

    #[test]
    fn a_files_owner_is_who_made_it() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("journal");
        fs::write(&file, "").unwrap();
        let own = own_sid().unwrap();
        let (by_path, by_handle) =
            (owner_of(&file).unwrap(), owner_of_open(&File::open(&file).unwrap()).unwrap());
        assert_eq!(by_path, by_handle);
        assert_eq!(foreign(by_path, &own), None);
    }
}
