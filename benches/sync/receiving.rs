//! Receiving: what ten million announces cost a host that does nothing with them.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use crate::baseline::{self, Teller};
use crate::clocks::processor;
use crate::{ROUNDS, announce, ours, row};

/// So many fit into the receive buffer that the kernel grants by default.
const BURST: u32 = 52 * 40;

pub fn run(records: usize) {
    let port = 26_000 + (std::process::id() % 5000) as u16;
    let bursts = records / 10 / BURST as usize;
    let (mut baseline, mut ours) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        baseline.push(the_c_way(port, bursts));
        ours.push(our_way(port + 1, bursts));
    }
    row("processor per 10 million heard", "s", baseline, ours);
}

/// In bursts that fit into the buffer, so that sending is not measured with it.
fn send_burst(teller: &Teller) {
    for number in 0..BURST {
        let (info_hash, peer) = announce(number);
        teller.tell(&info_hash, &peer);
    }
}

fn the_c_way(port: u16, bursts: usize) -> f64 {
    let socket = baseline::listener(port);
    socket.set_nonblocking(true).expect("non-blocking");
    let teller = Teller::new(port);
    let mut buffer = [0; 65_536];
    let (mut heard, mut spent) = (0_u64, Duration::ZERO);
    for _ in 0..bursts {
        send_burst(&teller);
        let before = processor();
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((len, _)) => heard += baseline::apply(&buffer[..len]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => panic!("{e}"),
            }
        }
        spent += processor() - before;
    }
    spent.as_secs_f64() * 1e7 / heard as f64
}

/// Driven by [`process`](livesync::Livesync::process), which does what the thread does.
fn our_way(port: u16, bursts: usize) -> f64 {
    let (node, host) = ours::polling_node(port);
    let teller = Teller::new(port);
    let mut spent = Duration::ZERO;
    let all = bursts as u64 * u64::from(BURST);
    for _ in 0..bursts {
        send_burst(&teller);
        let before = processor();
        node.process().expect("it runs");
        spent += processor() - before;
    }
    for _ in 0..100 {
        let before = processor();
        node.process().expect("it runs");
        spent += processor() - before;
        thread::sleep(Duration::from_millis(1));
    }
    let heard = host.count();
    assert!(heard * 10 > all * 9, "{heard} of {all} heard");
    spent.as_secs_f64() * 1e7 / heard as f64
}
