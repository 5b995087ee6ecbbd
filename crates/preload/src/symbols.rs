//! What the program finds in the library: the C library's own names, with its own promises.

use core::arch::{global_asm, naked_asm};
use core::panic::PanicInfo;

use crate::{bind, load, signal, sys};

unsafe extern "C" {
    fn __errno_location() -> *mut i32;
}

/// The kernel's answer as the C library gives it.
extern "C" fn answer(found: isize) -> isize {
    if !(-4095..0).contains(&found) {
        return found;
    }
    // SAFETY: it is this thread's own number.
    unsafe { *__errno_location() = i32::try_from(-found).unwrap_or_default() };
    -1
}

fn short(found: isize) -> i32 {
    i32::try_from(answer(found)).unwrap_or(-1)
}

#[unsafe(no_mangle)]
extern "C" fn kill(target: i32, signal: i32) -> i32 {
    short(signal::kill(target, signal))
}

#[unsafe(no_mangle)]
extern "C" fn killpg(group: i32, signal: i32) -> i32 {
    const EINVAL: isize = 22;
    short(if group < 0 { -EINVAL } else { signal::kill(-group, signal) })
}

#[unsafe(no_mangle)]
extern "C" fn tgkill(process: i32, thread: i32, signal: i32) -> i32 {
    short(signal::tgkill(process, thread, signal))
}

#[unsafe(no_mangle)]
extern "C" fn sigqueue(target: i32, signal: i32, value: usize) -> i32 {
    short(signal::sigqueue(target, signal, value))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pidfd_send_signal(
    pidfd: i32,
    signal: i32,
    info: *const signal::Info,
    flags: u32,
) -> i32 {
    // SAFETY: the caller's promise.
    short(unsafe { signal::pidfd_send_signal(pidfd, signal, info, flags) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bind(socket: i32, address: *const u8, length: u32) -> i32 {
    // SAFETY: the caller's promise.
    short(unsafe { bind::bind(socket, address, length) })
}

/// What the address sanitizer asks a program for before it reads `ASAN_OPTIONS`: without this it refuses to start behind any other
/// library. A program that has an answer of its own keeps that, and has the variable.
#[unsafe(no_mangle)]
extern "C" fn __asan_default_options() -> *const core::ffi::c_char {
    c"verify_asan_link_order=0".as_ptr()
}

/// What `syscall` does for the numbers that signal.
unsafe extern "C" fn guarded(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let [first, second, third] = [a, b, c].map(int);
    // SAFETY: the caller's promise.
    answer(unsafe {
        match number {
            sys::KILL => signal::kill(first, second),
            sys::TGKILL => signal::tgkill(first, second, third),
            sys::RT_SIGQUEUEINFO => signal::sigqueueinfo(first, second, c as *const _),
            sys::RT_TGSIGQUEUEINFO => signal::tgsigqueueinfo(first, second, third, d as *const _),
            _ => signal::pidfd_send_signal(first, second, c as *const _, int(d).cast_unsigned()),
        }
    })
}

/// The kernel reads the low half of these.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "as the kernel does")]
const fn int(word: usize) -> i32 {
    word as i32
}

/// Any number but those of signals goes to the kernel with all six arguments, as in the C library.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall() -> isize {
    naked_asm!(
        "cmp rdi, {kill}", "je 2f",
        "cmp rdi, {tgkill}", "je 2f",
        "cmp rdi, {queue}", "je 2f",
        "cmp rdi, {tgqueue}", "je 2f",
        "cmp rdi, {pidfd}", "je 2f",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov r10, r8",
        "mov r8, r9",
        "mov r9, [rsp + 8]",
        "syscall",
        "cmp rax, -4095",
        "jae 3f",
        "ret",
        "3: mov rdi, rax",
        "jmp {answer}",
        "2: jmp {guarded}",
        kill = const sys::KILL, tgkill = const sys::TGKILL, queue = const sys::RT_SIGQUEUEINFO,
        tgqueue = const sys::RT_TGSIGQUEUEINFO, pidfd = const sys::PIDFD_SEND_SIGNAL,
        answer = sym answer, guarded = sym guarded,
    )
}

/// Any number but those of signals goes to the kernel with all six arguments, as in the C library.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall() -> isize {
    naked_asm!(
        "cmp x0, #{kill}", "b.eq 2f",
        "cmp x0, #{tgkill}", "b.eq 2f",
        "cmp x0, #{queue}", "b.eq 2f",
        "cmp x0, #{tgqueue}", "b.eq 2f",
        "cmp x0, #{pidfd}", "b.eq 2f",
        "mov x8, x0",
        "mov x0, x1",
        "mov x1, x2",
        "mov x2, x3",
        "mov x3, x4",
        "mov x4, x5",
        "mov x5, x6",
        "svc 0",
        "cmn x0, #4095",
        "b.cs 3f",
        "ret",
        "3: b {answer}",
        "2: b {guarded}",
        kill = const sys::KILL, tgkill = const sys::TGKILL, queue = const sys::RT_SIGQUEUEINFO,
        tgqueue = const sys::RT_TGSIGQUEUEINFO, pidfd = const sys::PIDFD_SEND_SIGNAL,
        answer = sym answer, guarded = sym guarded,
    )
}

/// Called when the library is loaded.
#[used]
#[unsafe(link_section = ".init_array")]
static LOAD: extern "C" fn() = load::load;

// What the compiler calls without being asked. They are the library's own: it exports none of them.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".hidden memset",
    ".globl memset",
    "memset:",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    ".hidden memcpy",
    ".globl memcpy",
    "memcpy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    ".hidden bcmp",
    ".globl bcmp",
    "bcmp:",
    "xor eax, eax",
    "mov rcx, rdx",
    "repe cmpsb",
    "setne al",
    "ret",
    ".hidden strlen",
    ".globl strlen",
    "strlen:",
    "xor eax, eax",
    "4: cmp byte ptr [rdi + rax], 0",
    "je 5f",
    "inc rax",
    "jmp 4b",
    "5: ret",
    ".hidden rust_eh_personality",
    ".globl rust_eh_personality",
    "rust_eh_personality:",
    "ud2",
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".hidden memset",
    ".globl memset",
    "memset:",
    "mov x3, x0",
    "4: cbz x2, 5f",
    "strb w1, [x3], #1",
    "sub x2, x2, #1",
    "b 4b",
    "5: ret",
    ".hidden memcpy",
    ".globl memcpy",
    "memcpy:",
    "mov x3, x0",
    "6: cbz x2, 7f",
    "ldrb w4, [x1], #1",
    "strb w4, [x3], #1",
    "sub x2, x2, #1",
    "b 6b",
    "7: ret",
    ".hidden bcmp",
    ".globl bcmp",
    "bcmp:",
    "mov x3, x0",
    "mov w0, wzr",
    "8: cbz x2, 9f",
    "ldrb w4, [x3], #1",
    "ldrb w5, [x1], #1",
    "sub x2, x2, #1",
    "cmp w4, w5",
    "b.eq 8b",
    "mov w0, #1",
    "9: ret",
    ".hidden strlen",
    ".globl strlen",
    "strlen:",
    "mov x1, x0",
    "4: ldrb w2, [x1], #1",
    "cbnz w2, 4b",
    "sub x0, x1, x0",
    "sub x0, x0, #1",
    "ret",
    ".hidden rust_eh_personality",
    ".globl rust_eh_personality",
    "rust_eh_personality:",
    "brk #1",
);

/// Nothing here panics; the compiler wants it all the same.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
