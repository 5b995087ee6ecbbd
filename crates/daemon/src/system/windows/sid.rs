//! A security descriptor that lets in this process' user and nobody else.
#![expect(unsafe_code, reason = "the system's calls on security have no safe wrapper")]

use std::ffi::c_void;
use std::io;
use std::mem::size_of;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    GetTokenInformation, PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::OpenProcessToken;

use super::handle::this_process;

/// Room for a token's user: the struct and the longest SID there is (68 bytes), aligned as the struct needs it.
type TokenBuffer = [u64; 16];

/// Grants everything to the user that this process runs as; whoever is not named is refused.
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
        // P: nothing is inherited. A: allow; GA: all; to the one SID.
        let text: Vec<u16> = format!("D:P(A;;GA;;;{})", own_sid()?).encode_utf16().chain([0]).collect();
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
    // SAFETY: the call gave a text that ends with NUL and lives until it is freed, two lines on.
    let units = unsafe { (0..).map(|at| *text.add(at)).take_while(|unit| *unit != 0).collect::<Vec<u16>>() };
    // SAFETY: the memory came from the conversion, which says to free it so.
    unsafe { LocalFree(text.cast()) };
    String::from_utf16(&units).map_err(io::Error::other)
}
