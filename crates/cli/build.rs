//! Builds the guard's library from `crates/preload`, which the program carries along (R90): one file, whatever way the program
//! was installed, and of the same version by construction.
//!
//! Cargo itself cannot: a `no_std` cdylib needs `panic = "abort"`, which is set for a whole build and not for one crate.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../preload/src");
    println!("cargo::rerun-if-changed={}", source.display());
    println!("cargo::rustc-check-cfg=cfg(has_guard_library)");
    let is_known = matches!(variable("CARGO_CFG_TARGET_ARCH").as_str(), "x86_64" | "aarch64");
    if variable("CARGO_CFG_TARGET_OS") != "linux" || !is_known {
        return;
    }
    let library = Path::new(&variable("OUT_DIR")).join("libstyxy_guard.so");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.args([
        "--edition=2024",
        "--crate-name=styxy_preload",
        "--crate-type=cdylib",
        "--cfg=styxy_preload",
    ]);
    rustc.args(["-Copt-level=z", "-Cpanic=abort", "-Clto=fat", "-Ccodegen-units=1", "-Cstrip=symbols"]);
    // No library, and every symbol is found when it is loaded: nothing is looked up in a signal handler.
    rustc.args(["-Clink-arg=-nostdlib", "-Clink-arg=-Wl,--build-id=none,-z,relro,-z,now"]);
    // musl links statically unless it is told not to; arm64 asks the C library for the processor unless it is told not to.
    let features = match variable("CARGO_CFG_TARGET_ARCH").as_str() {
        "aarch64" => "-crt-static,-outline-atomics",
        _ => "-crt-static",
    };
    rustc.arg(format!("-Ctarget-feature={features}")).args(["--target", &variable("TARGET")]);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg(format!("-Clinker={linker}"));
    }
    let built = rustc.arg(source.join("lib.rs")).arg("-o").arg(&library).status();
    assert!(built.is_ok_and(|status| status.success()), "the guard's library could not be built");
    println!("cargo::rustc-cfg=has_guard_library");
    println!("cargo::rustc-env=STYXY_GUARD_LIBRARY={}", library.display());
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
