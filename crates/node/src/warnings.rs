//! What a user should know beside the answer of a call. Each is said once in a process, whichever thread asked.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use napi_derive::napi;

use crate::answers::sentence;

/// What was found, and of that what JavaScript has not taken yet.
struct Warnings {
    found: BTreeSet<String>,
    waiting: Vec<String>,
}

static WARNINGS: Mutex<Warnings> = Mutex::new(Warnings { found: BTreeSet::new(), waiting: Vec::new() });

/// Keeps `text` for the next [`warnings`], unless this process has said it.
pub(crate) fn warn(text: &str) {
    let text = sentence(text);
    let mut warnings = WARNINGS.lock().unwrap_or_else(PoisonError::into_inner);
    if warnings.found.insert(text.clone()) {
        warnings.waiting.push(text);
    }
}

/// What the calls since the last time found that a user should know: sentences.
#[napi(catch_unwind)]
pub fn warnings() -> Vec<String> {
    std::mem::take(&mut WARNINGS.lock().unwrap_or_else(PoisonError::into_inner).waiting)
}
