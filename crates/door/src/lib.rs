//! The front door: every leased server has a name, `http://web.login-shop.localhost:9876`, whatever port it is on.
//!
//! It decides by its `Host` where a request goes, waits while the server of that name starts, makes sure that it is that server,
//! and passes the request on unchanged. It knows no leases: who serves a name, it asks a [`Directory`].

mod answer;
mod begun;
mod body;
mod connection;
mod directory;
mod dispatch;
mod door;
mod foreign;
mod headers;
mod linger;
mod load;
mod pages;
mod parking;
mod refused;
mod thread;
mod tunnel;
mod upstream;

pub use answer::wants_html;
pub use begun::{Begun, Likely, begin};
pub use body::{Body, BoxError};
pub use connection::{Api, Arrival};
pub use directory::{Behind, Directory, Found, Past, Served, Stranger};
pub use dispatch::{Goes, Host, Own, dispatch};
pub use door::Door;
pub use linger::{Sending, linger};
pub use load::Limits;
pub use thread::{Closed, DoorThread};
