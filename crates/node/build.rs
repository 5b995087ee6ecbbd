//! Links the addon as Node expects it on each system.

fn main() {
    napi_build::setup();
}
