//! A job of Windows, such as that of a terminal, a CI runner or an agent's shell, may end all that is in it. The daemon stays.
#![expect(unsafe_code, reason = "the system has no safe calls for jobs")]

use std::io::Write as _;
use std::mem::{size_of, zeroed};
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::ptr::null;

use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};

use crate::support::{Home, alive, program, sort, until};

/// A job that ends all that is in it when it is dropped.
struct Job(OwnedHandle);

impl Job {
    fn new(more_limits: JOB_OBJECT_LIMIT) -> Self {
        // SAFETY: takes no name and no attributes, gives a new handle or null.
        let handle = unsafe { CreateJobObjectW(null(), null()) };
        assert!(!handle.is_null());
        // SAFETY: the handle is new, open, and nobody else's.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        // SAFETY: numbers, for which zero is a value.
        let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = unsafe { zeroed() };
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | more_limits;
        let size = u32::try_from(size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>()).unwrap();
        // SAFETY: the handle is open, and the structure is of the kind and the size that the call names.
        let done = unsafe {
            SetInformationJobObject(
                job.0.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size,
            )
        };
        assert_ne!(done, 0);
        job
    }

    fn take(&self, process: &Child) {
        // SAFETY: both handles are open.
        assert_ne!(unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process.as_raw_handle()) }, 0);
    }
}

/// A shell that runs these words of `styxy` when a line is said to it: it is put into its jobs before.
fn shell(home: &Home, words: &str) -> Child {
    let mut command = home.command("cmd.exe");
    command.raw_arg(format!(r#"/s /c "set /p line= & "{}" {words}""#, program()));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn go_on(shell: &mut Child) {
    writeln!(shell.stdin.take().unwrap(), "go").unwrap();
    assert!(shell.wait().unwrap().success());
}

/// Ends the job, and waits until what is in it has ended.
fn end(job: Job, one_in_it: &Child) {
    drop(job);
    until("the job ends what is in it", || !alive(one_in_it.id()));
}

fn the_daemon_outlives_jobs(limits: &[JOB_OBJECT_LIMIT]) {
    let home = Home::new();
    let (mut starts, waits) = (shell(&home, "daemon start"), shell(&home, "list"));
    // The outer ones first.
    let jobs: Vec<Job> = limits.iter().map(|limits| Job::new(*limits)).collect();
    for job in &jobs {
        job.take(&starts);
        job.take(&waits);
    }
    go_on(&mut starts);
    let daemon = home.daemon_file().expect("a daemon runs").pid;
    for job in jobs.into_iter().rev() {
        end(job, &waits);
    }
    let status = home.status().expect("the daemon runs on");
    assert_eq!(status.pid, daemon);
    assert!(!status.notes.iter().any(|note| note.contains("a job")), "{:?}", status.notes);
}

#[test]
fn a_daemon_leaves_a_job_that_allows_it() {
    the_daemon_outlives_jobs(&[JOB_OBJECT_LIMIT_BREAKAWAY_OK]);
}

#[test]
fn a_daemon_outlives_a_job_that_may_not_be_left() {
    the_daemon_outlives_jobs(&[0]);
}

#[test]
fn a_daemon_outlives_a_job_around_one_that_may_be_left() {
    the_daemon_outlives_jobs(&[0, JOB_OBJECT_LIMIT_BREAKAWAY_OK]);
}

#[test]
fn a_command_that_starts_the_daemon_in_a_job_gets_its_answer() {
    let home = Home::new();
    let job = Job::new(0);
    let (mut asks, waits) = (shell(&home, &format!("allocate -q -s {}", sort::WEB)), shell(&home, "list"));
    job.take(&asks);
    job.take(&waits);
    go_on(&mut asks);
    end(job, &waits);
    assert_eq!(home.leases().len(), 1);
}
