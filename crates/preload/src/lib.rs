//! The guard's library, which `LD_PRELOAD` loads into the programs of an agent: `kill` and its relatives, and `bind`, ask the
//! daemon first (R90). It decides nothing but what needs no question, and it fails open.
//!
//! It calls the kernel itself, allocates nothing, takes no lock and knows no thread: a signal handler may kill, and so may the
//! child of a fork. One file serves glibc and musl, since all that it takes from the C library is `__errno_location` and
//! `environ`.

#![no_std]
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![cfg_attr(
    not(styxy_preload),
    expect(
        dead_code,
        reason = "Cargo checks it without the symbols: they would be those of the program that it is in"
    )
)]

mod ask;
mod bind;
mod load;
mod record;
mod signal;
#[cfg(styxy_preload)]
mod symbols;
mod sys;
