//! The two files that people write, `config.json` and `.styxy.json`: no text makes a reader panic, and each mistake can be said.

#![no_main]

use libfuzzer_sys::fuzz_target;
use styxy_core::{config, project};

fuzz_target!(|text: &str| {
    let _ = config::parse(text).map_err(|error| error.to_string());
    let _ = project::parse(text).map_err(|error| error.to_string());
    let _ = project::parse_package(text).map_err(|error| error.to_string());
    let _ = project::Text::parse(text);
});
