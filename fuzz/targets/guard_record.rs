//! The guard's records: no bytes make a reader panic, and a question that is read and written again is the same question.

#![no_main]

use libfuzzer_sys::fuzz_target;
use styxy_core::guard::record::{self, Question};

fuzz_target!(|bytes: &[u8]| {
    let _ = record::refusal(bytes);
    if let Some(Question::Signal { to, signal, by }) = record::read(bytes) {
        let again = record::read(&record::signal(to, signal, by));
        assert_eq!(again, Some(Question::Signal { to, signal, by }));
    }
});
