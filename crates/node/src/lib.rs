//! The Node addon: converts, calls the client, nothing else.
//!
//! What goes in is JSON text of the options with their JavaScript names; it is checked here, strictly, by `options`. What comes
//! out are plain objects (`answers`), or an error whose message is a refusal as JSON (`error`). `index.js` makes
//! of both what users see. Nothing here panics on purpose. If something does, the call is rejected.

pub mod answers;
mod calls;
mod case;
pub mod client;
mod error;
pub mod events;
mod options;
pub mod surroundings;
pub mod warnings;

use napi_derive::module_init;

/// The calls wait for a socket and do nothing else: one thread serves any number of them.
#[module_init]
fn init() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("styxy")
        .enable_all()
        .build();
    // Without it the addon falls back to the default runtime, with a thread for each core.
    if let Ok(runtime) = runtime {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}
