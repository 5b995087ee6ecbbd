//! The processes of a service, kept together by a job that has the name of its mark.

use std::io;
use std::os::windows::io::BorrowedHandle;

use styxy_client::process::NamedJob;

/// Processes that the system keeps together.
#[derive(Debug)]
pub(crate) struct Together(NamedJob);

impl Together {
    /// Keeps a process together with all that it starts from now on, under this mark, which nothing else has.
    ///
    /// # Errors
    /// The system forbids it.
    pub(crate) fn new(mark: &str, process: BorrowedHandle<'_>) -> io::Result<Self> {
        let job = NamedJob::new(&name(mark))?;
        job.take_in(process)?;
        Ok(Self(job))
    }

    /// Those of a service that was started with this mark; none if the system does not know them.
    pub(crate) fn of(mark: &str) -> Option<Self> {
        NamedJob::find(&name(mark)).ok().flatten().map(Self)
    }

    /// Those that run now.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.0.pids().unwrap_or_default()
    }
}

fn name(mark: &str) -> String {
    format!(r"Local\styxy-{}", mark.replace(['/', '\\'], "-"))
}
