//! A security descriptor that lets in the user that this process runs as, and nobody else.
#![expect(unsafe_code, reason = "the system's calls on security have no safe wrapper")]

use std::io;
use std::mem::size_of;
use std::ptr::null_mut;

use styxy_os::own_sid;
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES};

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

/// `owner`, unless it is `own`, the system, or the group of administrators.
pub(super) fn foreign(owner: String, own: &str) -> Option<String> {
    const MAY_ANYWAY: [&str; 2] = ["S-1-5-18", "S-1-5-32-544"];
    (owner != own && !MAY_ANYWAY.contains(&owner.as_str())).then_some(owner)
}

#[cfg(test)]
mod tests {
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
}
