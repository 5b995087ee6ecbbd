//! Links the addon as Node expects it on each system.

fn main() {
    napi_build::setup();
    // How a release is made small: scripts/build.mjs says it.
    println!("cargo::rerun-if-env-changed=STYXY_LINK");
    for argument in std::env::var("STYXY_LINK").unwrap_or_default().split_ascii_whitespace() {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
}
