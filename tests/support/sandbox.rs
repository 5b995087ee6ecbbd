//! Sandboxes that deny one thing: a kind of socket, as gVisor and some Android systems do, or every connection.
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
    unsafe { command.pre_exec(|| install(&DENIED_DIAGNOSTICS)) };
}

/// Makes `command`, and all that it starts, get `EPERM` for each connection, as Codex does.
pub(crate) fn without_connections(command: &mut Command) {
    // SAFETY: as above.
    unsafe { command.pre_exec(|| install(&DENIED_CONNECTIONS)) };
}

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
// In `seccomp_data`: the call's number, and the low halves of its first and third argument.
const CALL: u32 = 0;
const FAMILY: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };
const PROTOCOL: u32 = FAMILY + 16;
const NETLINK_SOCK_DIAG: u32 = 4;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number of a system call")]
const fn number(call: libc::c_long) -> u32 {
    call as u32
}

const fn step(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

const fn fail(errno: i32) -> libc::sock_filter {
    step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned())
}

static DENIED_DIAGNOSTICS: [libc::sock_filter; 8] = [
    step(LOAD, 0, 0, CALL),
    step(IF_EQUAL, 0, 5, number(libc::SYS_socket)),
    step(LOAD, 0, 0, FAMILY),
    step(IF_EQUAL, 0, 3, libc::AF_NETLINK.cast_unsigned()),
    step(LOAD, 0, 0, PROTOCOL),
    step(IF_EQUAL, 0, 1, NETLINK_SOCK_DIAG),
    fail(libc::EPROTONOSUPPORT),
    step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
];

static DENIED_CONNECTIONS: [libc::sock_filter; 4] = [
    step(LOAD, 0, 0, CALL),
    step(IF_EQUAL, 0, 1, number(libc::SYS_connect)),
    fail(libc::EPERM),
    step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
];

#[expect(clippy::cast_possible_truncation, reason = "a few steps")]
fn install(steps: &'static [libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_ptr().cast_mut() };
    // SAFETY: the program outlives the call, which copies it and writes nothing.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if installed { Ok(()) } else { Err(io::Error::last_os_error()) }
}
