//! A node of a cluster in Rust, with callbacks from the library's receive thread.
//!
//! Build and run: cargo run -p node 127.0.0.1 9696 7001
//!
//! Once a second it announces two peers with the port from the last argument. It prints the
//! peers that other nodes announce (+) and that leave (-), and ends at the end of standard
//! input.

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use livesync::{Config, Host, InfoHash, Livesync, Peer, PeerFlags, TrackerId};

const TORRENT: InfoHash = InfoHash([0xab; 20]);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((interface, port, peer_port)) = parse(&arguments) else {
        eprintln!("usage: node INTERFACE PORT PEER_PORT");
        return ExitCode::from(2);
    };
    match run(interface, port, peer_port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("node: {e}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<(IpAddr, u16, u16)> {
    let [interface, port, peer_port] = arguments else {
        return None;
    };
    Some((
        interface.parse().ok()?,
        port.parse().ok()?,
        peer_port.parse().ok()?,
    ))
}

fn run(interface: IpAddr, port: u16, peer_port: u16) -> Result<(), Box<dyn Error>> {
    let config = Config::on(interface)
        .port(port)
        .loopback(true)
        .allow([interface.into()]);
    let livesync = Livesync::open(config, Arc::new(Printer))?;
    livesync.start(TrackerId::random())?;

    let input = end_of_input();
    let announce = |more| peers(peer_port, more).try_for_each(|p| livesync.announce(TORRENT, p));
    loop {
        announce(PeerFlags::default())?;
        if input.recv_timeout(Duration::from_secs(1)).is_ok() {
            break;
        }
    }
    announce(PeerFlags::STOPPED)?;
    Ok(())
    // The handle is dropped here: it sends the last announces and leaves the group.
}

/// Returns the program's two peers, with `more` flags besides their own.
fn peers(port: u16, more: PeerFlags) -> impl Iterator<Item = Peer> {
    let ipv4 = (Ipv4Addr::new(192, 0, 2, 1).into(), PeerFlags::SEEDING);
    let ipv6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let peers = [ipv4, (ipv6.into(), PeerFlags::default())];
    peers.into_iter().map(move |(ip, flags)| Peer {
        ip,
        port,
        flags: flags | more,
    })
}

/// Returns a receiver that gets a message at the end of standard input.
fn end_of_input() -> mpsc::Receiver<()> {
    let (ended, input) = mpsc::channel();
    thread::spawn(move || {
        let _ = stdin().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    input
}

/// A tracker that stores nothing, and prints each change.
struct Printer;

impl Host for Printer {
    fn takes_ipv6(&self) -> bool {
        true
    }

    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        print('+', info_hash, peer);
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        print('-', info_hash, peer);
    }
}

fn print(sign: char, info_hash: &InfoHash, peer: &Peer) {
    // A closed standard output is no error here.
    let _ = writeln!(stdout(), "{sign} {info_hash} {} {}", peer.ip, peer.port);
}
