//! Access lists of files and folders: whom they let in, and how they are closed.
#![expect(unsafe_code, reason = "the system's calls on security have no safe wrapper")]

use std::io;
use std::path::Path;
use std::ptr::null_mut;

use styxy_os::{own_sid, owned_text, wide};
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, GetNamedSecurityInfoW, SDDL_REVISION_1,
    SE_FILE_OBJECT, SetNamedSecurityInfoW,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, PROTECTED_DACL_SECURITY_INFORMATION,
    SetFileSecurityW,
};

use super::sid::OnlyOwnUser;

/// Whom a list lets in that is neither this user, nor the system or an administrator, who may do everything anyway.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Others {
    /// Who may read only, as the list names them.
    readers: Vec<String>,
    writers: Vec<String>,
}

impl Others {
    /// Those who may do more than read.
    pub(super) fn writers(self) -> Vec<String> {
        self.writers
    }
}

/// Whether the access list of the file or folder lets in anybody but this user, the system and its administrators.
///
/// # Errors
/// The list cannot be read.
pub fn lets_others_in(path: &Path) -> io::Result<bool> {
    others(path).map(|others| others != Others::default())
}

/// Whom the access list of the file or folder lets in.
///
/// # Errors
/// The list cannot be read.
pub(super) fn others(path: &Path) -> io::Result<Others> {
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
    let text = unsafe { owned_text(text) }?;
    Ok(others_in(&text, &own_sid()?))
}

/// Whom a list, as text, lets in apart from `own`. What it denies is not looked at: it may be more open than it seems, not less.
fn others_in(list: &str, own: &str) -> Others {
    // Local system, administrators, the administrator, the creator, the owner.
    const MAY_ANYWAY: [&str; 5] = ["SY", "BA", "LA", "CO", "OW"];
    let mut others = Others::default();
    // Without a list everybody may do everything.
    if !list.contains("D:") || list.contains("NO_ACCESS_CONTROL") {
        others.writers.push("everybody".to_owned());
    }
    for entry in list.split('(').skip(1).filter_map(|entry| entry.split(')').next()) {
        let fields: Vec<&str> = entry.split(';').collect();
        let (["A" | "XA", _, rights, ..], Some(&trustee)) = (&*fields, fields.get(5)) else { continue };
        if trustee == own || MAY_ANYWAY.contains(&trustee) {
            continue;
        }
        let of = if only_read(rights) { &mut others.readers } else { &mut others.writers };
        of.push(trustee.to_owned());
    }
    others
}

/// Whether rights, as letters or as a number, allow to read and to run only.
fn only_read(rights: &str) -> bool {
    /// Read data, extended attributes, attributes and the list, run, wait; generic read and run.
    const BITS: u32 = 0x1 | 0x8 | 0x80 | 0x2_0000 | 0x20 | 0x10_0000 | 0x8000_0000 | 0x2000_0000;
    /// The same as letters, with the two sets of them that files have.
    const LETTERS: [&str; 9] = ["CC", "SW", "LO", "RC", "WP", "GR", "GX", "FR", "FX"];
    if let Some(number) = rights.strip_prefix("0x") {
        return u32::from_str_radix(number, 16).is_ok_and(|mask| mask & !BITS == 0);
    }
    rights.as_bytes().chunks(2).all(|pair| LETTERS.iter().any(|letters| letters.as_bytes() == pair))
}

/// Replaces the access list of the file or folder by one that lets in this user alone, and so do the lists of what is inside, as
/// far as they were inherited.
pub(super) fn close(path: &Path) -> io::Result<()> {
    let (path, who) = (wide(path), OnlyOwnUser::new()?);
    let (mut list, mut there, mut by_default) = (null_mut(), 0, 0);
    // SAFETY: the descriptor is valid, and the three are writable.
    let done = unsafe {
        GetSecurityDescriptorDacl(who.descriptor(), &raw mut there, &raw mut list, &raw mut by_default)
    };
    if done == 0 || there == 0 {
        return Err(io::Error::last_os_error());
    }
    let information = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: the path ends with NUL, and the list lies in the descriptor, which lives through the call. Only the list is set.
    let failed = unsafe {
        SetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            information,
            null_mut(),
            null_mut(),
            list,
            null_mut(),
        )
    };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed.cast_signed()));
    }
    // Wine adds what the folder above grants to a list that is set so, although it is protected. This call sets it as it is, and
    // changes nothing on Windows.
    // SAFETY: the path ends with NUL, and the descriptor, which has the list, lives through the call.
    if unsafe { SetFileSecurityW(path.as_ptr(), information, who.descriptor()) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::super::access::{create_folder, create_private};
    use super::*;

    fn named(readers: &[&str], writers: &[&str]) -> Others {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Others { readers: texts(readers), writers: texts(writers) }
    }

    #[test]
    fn what_a_list_grants_to_others_is_seen() {
        let own = "S-1-5-21-1-2-3-1001";
        for closed in
            ["D:P(A;;FA;;;S-1-5-21-1-2-3-1001)", "D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(D;;FA;;;WD)", "D:P"]
        {
            assert_eq!(others_in(closed, own), Others::default(), "{closed}");
        }
        for everybodys in ["", "D:NO_ACCESS_CONTROL"] {
            assert_eq!(others_in(everybodys, own), named(&[], &["everybody"]), "{everybodys}");
        }
        let read = "D:P(A;;FR;;;WD)(A;OICIID;0x1200a9;;;BU)(A;;FA;;;SY)";
        assert_eq!(others_in(read, own), named(&["WD", "BU"], &[]));
        let of_a_drive = "D:AI(A;OICIIOID;SDGXGWGR;;;AU)(A;ID;0x1301bf;;;AU)(A;;FR;;;S-1-5-21-1-2-3-1002)";
        assert_eq!(others_in(of_a_drive, own), named(&["S-1-5-21-1-2-3-1002"], &["AU", "AU"]));
    }

    #[test]
    fn a_closed_folder_lets_nobody_else_in() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("home");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("journal"), "1").unwrap();
        close(&folder).unwrap();
        assert_eq!(others(&folder).unwrap(), Others::default());
        assert_eq!(fs::read_to_string(folder.join("journal")).unwrap(), "1");
        fs::write(folder.join("log"), "").unwrap();
        assert!(File::open(folder.join("log")).is_ok());
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
