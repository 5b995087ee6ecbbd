//! What the daemon got from whoever started it, as far as a person should know: it keeps that for life.

use crate::system::Inherited;

/// With fewer descriptors than this, processes may have to be polled.
const FEW: u64 = 256;
/// A lower niceness hardly slows an answer.
const NICE: i32 = 10;
/// With less memory than this, in bytes, a full daemon may be ended by the system.
const LITTLE: u64 = 128 << 20;
/// With less of a processor than this, in percent, answers are late.
const SLOW: u64 = 50;

/// One line, or nothing if the daemon is as free as any other program.
pub(super) fn note(inherited: &Inherited) -> Option<String> {
    let Inherited { nice, descriptors, memory, processor, limits, network, job } = inherited;
    let mut all = Vec::new();
    all.extend((*nice >= NICE).then(|| format!("nice {nice}")));
    all.extend(descriptors.filter(|most| *most < FEW).map(|most| format!("{most} open files at most")));
    all.extend(
        memory.filter(|bytes| *bytes < LITTLE).map(|bytes| format!("{} MiB of memory at most", bytes >> 20)),
    );
    all.extend(
        processor
            .filter(|percent| *percent < SLOW)
            .map(|percent| format!("{percent} % of a processor at most")),
    );
    all.extend(limits.iter().map(|limit| format!("a limit of {limit}")));
    all.extend(network.then(|| "a network of its own".to_owned()));
    all.extend(job.then(|| "a job that it ends with".to_owned()));
    let all = all.join(", ");
    (!all.is_empty()).then(|| {
        format!("the daemon got this from its starter: {all}; styxy daemon restart elsewhere changes it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_limits_the_daemon_is_one_line_and_what_does_not_is_none() {
        let free = Inherited {
            nice: 5,
            descriptors: Some(1024),
            memory: Some(1 << 30),
            processor: Some(100),
            ..Inherited::default()
        };
        assert_eq!(note(&free), None);
        let bound = Inherited {
            nice: 10,
            descriptors: Some(64),
            memory: Some(64 << 20),
            processor: Some(25),
            limits: vec!["address space"],
            network: true,
            job: true,
        };
        let note = note(&bound).unwrap();
        let all = "nice 10, 64 open files at most, 64 MiB of memory at most, 25 % of a processor at most, a limit of \
                   address space, a network of its own, a job that it ends with";
        assert!(note.contains(all) && !note.contains('\n'), "{note}");
    }
}
