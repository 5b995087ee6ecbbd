//! Whether a daemon that is started here would end with the Windows job that this process is in.

use super::finding::Finding;

/// What is wrong with the job, if this process is in one.
pub(super) fn around() -> Option<Finding> {
    styxy_client::ends_with_job().then(|| {
        Finding::warn(
            "job",
            "whoever started this shell ends all that runs in it, the daemon too if it is started here",
            "styxy daemon start   # in a terminal of its own, or styxy daemon install",
        )
    })
}
