//! A security descriptor that lets in this process' user and nobody else, and whom another one lets in.
#![expect(unsafe_code, reason = "the system's calls on security have no safe wrapper")]

use std::ffi::c_void;
use std::io;
use std::mem::size_of;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW, SDDL_REVISION_1,
    SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetTokenInformation, PROTECTED_DACL_SECURITY_INFORMATION,
    PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES, SetFileSecurityW, TOKEN_QUERY, TOKEN_USER, TokenUser,
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
fn own_sid() -> io::Result<String> {
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
    let mut text = null_mut();
    // SAFETY: `sid` is valid while `buffer` lives; `text` is writable.
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
unsafe fn owned(text: *mut u16) -> io::Result<String> {
    // SAFETY: it ends with NUL, and lives until it is freed, two lines on.
    let length = unsafe { (0..usize::MAX).take_while(|at| *text.add(*at) != 0).count() };
    // SAFETY: so many units stand before the NUL.
    let units = unsafe { std::slice::from_raw_parts(text, length) }.to_vec();
    // SAFETY: the caller says that it is to be freed so.
    unsafe { LocalFree(text.cast()) };
    String::from_utf16(&units).map_err(io::Error::other)
}

/// Whether the access list of the file or folder lets in anybody but this user, the system and its administrators, who may do
/// everything anyway.
///
/// # Errors
/// The list cannot be read.
pub fn lets_others_in(path: &Path) -> io::Result<bool> {
    let path = wide(path);
    let mut descriptor = null_mut();
    // SAFETY: the path ends with NUL; only the descriptor, which is writable here, is asked for.
    let failed = unsafe {
        GetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed.cast_signed()));
    }
    let mut text = null_mut();
    // SAFETY: the descriptor is the one that the call gave; `text` is writable, and its length is not asked for.
    let done = unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor,
            SDDL_REVISION_1,
            DACL_SECURITY_INFORMATION,
            &raw mut text,
            null_mut(),
        )
    };
    let error = io::Error::last_os_error();
    // SAFETY: the call that gave the descriptor says to free it so.
    unsafe { LocalFree(descriptor) };
    if done == 0 {
        return Err(error);
    }
    // SAFETY: the conversion made the text.
    let text = unsafe { owned(text) }?;
    Ok(names_others(&text, &own_sid()?))
}

/// Whether a list, as text, allows something to anybody else than `own`, the system and the administrators.
fn names_others(list: &str, own: &str) -> bool {
    // Local system, administrators, the administrator, the creator, the owner.
    const MAY_ANYWAY: [&str; 5] = ["SY", "BA", "LA", "CO", "OW"];
    let entries = || list.split('(').skip(1).filter_map(|entry| entry.split(')').next());
    let allowed = entries().filter(|entry| entry.starts_with('A') || entry.starts_with("XA"));
    let mut trustees = allowed.filter_map(|entry| entry.split(';').nth(5));
    // Without a list everybody may do everything.
    let has_list = list.contains("D:") && !list.contains("NO_ACCESS_CONTROL");
    !has_list || trustees.any(|trustee| trustee != own && !MAY_ANYWAY.contains(&trustee))
}

/// Replaces the access list of the file or folder by one that lets in this user alone.
pub(super) fn close(path: &Path) -> io::Result<()> {
    let (path, who) = (wide(path), OnlyOwnUser::new()?);
    let information = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: the path ends with NUL, and the descriptor, which has a list, lives through the call.
    if unsafe { SetFileSecurityW(path.as_ptr(), information, who.descriptor) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The path as the system reads it, closed with NUL.
pub(super) fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::access::{create_folder, create_private};
    use super::*;

    #[test]
    fn what_a_list_grants_to_others_is_seen() {
        let own = "S-1-5-21-1-2-3-1001";
        for closed in
            ["D:P(A;;FA;;;S-1-5-21-1-2-3-1001)", "D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(D;;FA;;;WD)", "D:P"]
        {
            assert!(!names_others(closed, own), "{closed}");
        }
        for open in
            ["D:(A;;FR;;;WD)", "D:P(A;;FA;;;SY)(A;;FR;;;S-1-5-21-1-2-3-1002)", "", "D:NO_ACCESS_CONTROL"]
        {
            assert!(names_others(open, own), "{open}");
        }
    }

    #[test]
    fn what_is_made_for_this_user_lets_nobody_else_in() {
        let top = tempfile::tempdir().unwrap();
        let (folder, file) = (top.path().join("a").join("home"), top.path().join("token"));
        create_folder(&folder).unwrap();
        drop(create_private(&file).unwrap());
        assert!(!lets_others_in(&folder).unwrap() && !lets_others_in(&file).unwrap());
        assert!(create_private(&file).is_err(), "there is one");
        create_folder(&folder).unwrap();
        fs::write(folder.join("journal"), "").unwrap();
        assert!(fs::read(folder.join("journal")).is_ok());
    }

    #[test]
    fn a_closed_file_is_still_ours() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("token");
        fs::write(&file, "secret").unwrap();
        close(&file).unwrap();
        assert!(!lets_others_in(&file).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "secret");
        fs::write(&file, "other").unwrap();
    }
}
