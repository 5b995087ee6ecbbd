//! `styxy suggest`: the ports that an allocate would get now.

use std::io::{self, Write};

use styxy_core::ServiceType;
use styxy_core::api::SuggestAnswer;

use crate::here::caller::{self, caller};
use crate::here::context::Context;
use crate::here::near;
use crate::here::typed::Words;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// List ports that you would get now, best first, without leasing them
///
/// Somebody else may get one of them a moment later; to keep a port, allocate it. Exits 1 if no port is free.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy suggest dev
  styxy suggest api --count 1"))]
pub(crate) struct Args {
    /// What the ports are for: dev, api, storybook, …
    service: ServiceType,
    /// How many, 1 to 100 [default: 5]
    #[arg(short, long, value_parser = styxy_core::api::count, allow_negative_numbers = true)]
    count: Option<u8>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let words = Words { file: caller::file(&caller()).ok().flatten(), ..Words::default() };
        near::warn(std::slice::from_ref(&self.service), &words);
        let answer = context.ask(async |client| client.suggest(&self.service, self.count).await)?;
        context.output.answer(&answer, |out| show(&answer, out))?;
        if answer.suggestions.is_empty() {
            output::note(&format!("no port is free for {}; see: styxy list --service {0}", self.service));
            return Ok(Exit::Refused);
        }
        Ok(Exit::Done)
    }
}

fn show(answer: &SuggestAnswer, out: &mut impl Write) -> io::Result<()> {
    answer.suggestions.iter().try_for_each(|port| writeln!(out, "{port}"))
}
