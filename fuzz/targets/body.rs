//! The body of a request: no bytes make the reader panic, and what it refuses is named in a sentence that a terminal can show.

#![no_main]

use libfuzzer_sys::fuzz_target;
use styxy_core::api::{self, AllocateRequest, ReportRequest};

fuzz_target!(|bytes: &[u8]| {
    if let Err(refusal) = api::decode::<AllocateRequest>(bytes) {
        assert!(!refusal.error.is_empty());
        assert!(!refusal.error.chars().any(char::is_control), "{:?}", refusal.error);
    }
    if let Err(refusal) = api::decode::<ReportRequest>(bytes) {
        assert!(!refusal.error.is_empty());
    }
});
