//! A sandbox that denies one kind of socket, as gVisor and some Android systems do.
#![expect(
    unsafe_code,
    reason = "a seccomp filter is installed between fork and exec, by calls that only libc has"
)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Makes `command`, and all that it starts, get `EPROTONOSUPPORT` for a `NETLINK_SOCK_DIAG` socket.
pub(crate) fn without_socket_diagnostics(command: &mut Command) {
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(deny_socket_diagnostics) };
}

#[expect(clippy::cast_possible_truncation, reason = "the number of a system call, and of eight steps")]
fn deny_socket_diagnostics() -> io::Result<()> {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    // In `seccomp_data`: the call's number, and the low halves of its first and third argument.
    const CALL: u32 = 0;
    const FAMILY: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };
    const PROTOCOL: u32 = FAMILY + 16;
    const NETLINK_SOCK_DIAG: u32 = 4;
    const SOCKET: u32 = libc::SYS_socket as u32;
    const DENIED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPROTONOSUPPORT as u32;

    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        step(LOAD, 0, 0, CALL),
        step(IF_EQUAL, 0, 5, SOCKET),
        step(LOAD, 0, 0, FAMILY),
        step(IF_EQUAL, 0, 3, libc::AF_NETLINK as u32),
        step(LOAD, 0, 0, PROTOCOL),
        step(IF_EQUAL, 0, 1, NETLINK_SOCK_DIAG),
        step(RETURN, 0, 0, DENIED),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: the program outlives the call, which copies it.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if installed { Ok(()) } else { Err(io::Error::last_os_error()) }
}
