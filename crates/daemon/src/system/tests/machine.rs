use super::support::listener;
use crate::system::{
    boot_id, descriptor_limit, descriptors_in_use, ephemeral_range, now, raise_descriptor_limit,
    resident_bytes,
};

#[test]
fn the_boot_has_one_name() {
    assert_eq!(boot_id(), boot_id());
    assert!(boot_id().len() >= 32);
}

#[test]
fn ports_that_the_kernel_picks_are_ephemeral() {
    let (_held, port) = listener("127.0.0.1:0");
    assert!(ephemeral_range().unwrap().contains(port));
}

#[test]
fn the_awake_clock_counts_from_the_boot() {
    let (first, second) = (now(), now());
    assert!(second.awake >= first.awake);
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let awake = std::time::Duration::from_millis(first.awake).as_secs_f64();
    assert!(awake > 0.0 && awake <= uptime + 0.02);
}

#[test]
fn the_descriptor_limit_is_raised_to_the_hard_one() {
    let raised = raise_descriptor_limit().unwrap();
    assert_eq!(raised.soft, raised.hard);
    assert_eq!(descriptor_limit(), raised);
}

#[test]
fn the_memory_and_descriptors_of_this_process_are_known() {
    assert!(resident_bytes().unwrap() > 100_000);
    assert!(descriptors_in_use().unwrap() >= 3);
}
