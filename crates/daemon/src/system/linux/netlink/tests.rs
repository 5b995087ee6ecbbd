use netlink_packet_sock_diag::inet::{ExtensionFlags, SocketId, StateFlags};
use rustix::net::{send as send_bytes, socketpair};

use super::*;

const SEQUENCE: u32 = 7;

fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER + payload.len()];
    let length = u32::try_from(bytes.len()).unwrap();
    let mut framed = NetlinkBuffer::new(&mut bytes[..]);
    framed.set_length(length);
    framed.set_message_type(kind);
    framed.set_flags(flags);
    framed.set_sequence_number(sequence);
    framed.payload_mut().copy_from_slice(payload);
    bytes
}

fn socket_of(sequence: u32) -> Vec<u8> {
    let mut payload = [0; 72];
    payload[0] = netlink_packet_sock_diag::AF_INET;
    message(SOCK_DIAG_BY_FAMILY, 0, sequence, &payload)
}

fn done(code: i32) -> Vec<u8> {
    message(NLMSG_DONE, 0, SEQUENCE, &code.to_ne_bytes())
}

/// How many sockets an answer of these datagrams has.
fn answer(datagrams: &[Vec<u8>], buffer: usize) -> io::Result<usize> {
    let (kernel, ours) =
        socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).unwrap();
    for datagram in datagrams {
        send_bytes(&kernel, datagram, SendFlags::empty()).unwrap();
    }
    set_socket_timeout(&ours, Timeout::Recv, Some(Duration::from_millis(20))).unwrap();
    let mut count = 0;
    receive(&ours, Question::Dump, SEQUENCE, &mut vec![0; buffer], |_| count += 1).map(|()| count)
}

#[test]
fn the_parts_of_a_dump_make_one_table() {
    let part = [socket_of(SEQUENCE), socket_of(SEQUENCE)].concat();
    assert_eq!(answer(&[part.clone(), part, done(0)], PART).unwrap(), 4);
}

#[test]
fn a_dump_that_does_not_end_is_an_error() {
    assert!(answer(&[socket_of(SEQUENCE)], PART).is_err());
}

#[test]
fn a_dump_that_ends_with_an_error_is_an_error() {
    let error = answer(&[socket_of(SEQUENCE), done(-105)], PART).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::NOBUFS.raw_os_error()));
}

#[test]
fn a_part_that_does_not_fit_the_buffer_is_an_error() {
    let part = [socket_of(SEQUENCE), socket_of(SEQUENCE)].concat();
    // Cut between two messages: what is left looks whole.
    assert!(answer(&[part, done(0)], HEADER + 72).is_err());
}

#[test]
fn a_message_that_is_cut_off_is_an_error() {
    let mut part = [socket_of(SEQUENCE), socket_of(SEQUENCE)].concat();
    part.truncate(part.len() - 4);
    assert!(answer(&[part, done(0)], PART).is_err());
}

#[test]
fn a_table_that_changed_under_the_dump_is_an_error() {
    let mut payload = [0; 72];
    payload[0] = netlink_packet_sock_diag::AF_INET;
    let part = message(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP_INTR, SEQUENCE, &payload);
    assert_eq!(answer(&[part, done(0)], PART).unwrap_err().kind(), io::ErrorKind::Interrupted);
}

#[test]
fn an_answer_to_another_question_is_skipped() {
    assert_eq!(answer(&[socket_of(SEQUENCE - 1), socket_of(SEQUENCE), done(0)], PART).unwrap(), 1);
}

#[test]
fn after_a_failure_the_next_question_is_answered_in_full() {
    let request = InetRequest {
        family: netlink_packet_sock_diag::AF_INET,
        protocol: netlink_packet_sock_diag::IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::LISTEN,
        socket_id: SocketId::new_v4(),
    };
    // So many that the answer has more parts than the kernel makes ahead of being asked.
    crate::system::raise_descriptor_limit().unwrap();
    let first = std::net::TcpListener::bind("127.5.0.1:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let address = |number: u32| std::net::Ipv4Addr::from_bits(0x7f05_0001 + number);
    let _held: Vec<_> =
        (1..2000).map(|number| std::net::TcpListener::bind((address(number), port)).unwrap()).collect();
    let mut diag = Diag::open().unwrap();
    diag.buffer = vec![0; HEADER];
    diag.ask(&request, Question::Dump, |_| ()).unwrap_err();
    diag.buffer = vec![0; PART];
    let mut count = 0;
    diag.ask(&request, Question::Dump, |_| count += 1).unwrap();
    assert!(count >= 2000, "{count}");
}
