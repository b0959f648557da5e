//! The example tracker by itself: what it says on the command line, and BEP 15
//! over real UDP. Sync is tested elsewhere.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::bep15::{Announce, Announced, Client, Event, Scraped};
use crate::support::tracker_program::{sources, tracker};
use crate::support::{cc, skip};

const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHER_HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long to wait for what must happen soon.
const PATIENCE: Duration = Duration::from_secs(60);
const HASH: [u8; 20] = *b"one particular swarm";

#[test]
fn help_goes_to_stdout_and_names_every_option() {
    let output = cc::run(Command::new(tracker()).arg("-h"));
    let help = String::from_utf8(output.stdout).expect("text");
    assert!(help.starts_with("usage: tracker [-h] [-v] "), "{help}");
    for option in ["-h", "-v", "-l", "-p", "-s", "-S", "-A", "-i", "-e"] {
        assert!(help.contains(&format!("\n  {option} ")), "{option}: {help}");
    }
}

#[test]
fn usage_errors_name_the_problem_and_exit_with_2() {
    for (arguments, problem) in [
        (&["-x"][..], "unknown option -x"),
        (&["-p"], "-p wants a value"),
        (
            &["-p", "65536"],
            "-p wants a number from 0 to 65535, not '65536'",
        ),
        (&["-p", "-1"], "-p wants a number from 0 to 65535, not '-1'"),
        (&["-S", "0"], "-S wants a number from 1 to 65535, not '0'"),
        (
            &["-i", "10s"],
            "-i wants a number from 1 to 604800, not '10s'",
        ),
        (&["-e", ""], "-e wants a number from 1 to 604800, not ''"),
        (
            &["-l", "localhost"],
            "-l wants an IPv4 address, not 'localhost'",
        ),
        (&["-s", "::1"], "-s wants an IPv4 address, not '::1'"),
        (&["-A", "10.0.0"], "-A wants an IPv4 address, not '10.0.0'"),
        (&["-v", "more"], "unexpected argument 'more'"),
    ] {
        let output = Command::new(tracker())
            .args(arguments)
            .output()
            .expect("tracker");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(
            message.starts_with(&format!("tracker: {problem}\nusage: tracker ")),
            "{arguments:?}: {message}"
        );
    }
}

#[test]
fn a_port_in_use_is_a_setup_error() {
    let running = Tracker::start(&[]);
    let port = running.address.port().to_string();
    let output = Command::new(tracker())
        .args(["-l", "127.0.0.1", "-p", &port])
        .output()
        .expect("tracker");
    assert_eq!(output.status.code(), Some(111));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!("tracker: cannot serve udp://127.0.0.1:{port}: Address already in use\n")
    );
}

#[test]
fn peers_of_a_swarm_learn_of_each_other() {
    let tracker = Tracker::start(&["-i", "77"]);
    let mut near = tracker.client(LOCALHOST);
    let mut far = tracker.client(OTHER_HOST);

    let first = near.announce(&leecher(4001)).expect("announce");
    assert_eq!(
        first,
        Announced {
            interval: 77,
            leechers: 1,
            seeders: 0,
            peers: vec![]
        }
    );
    let second = far.announce(&seeder(4002)).expect("announce");
    assert_eq!((second.leechers, second.seeders), (1, 1));
    assert_eq!(second.peers, [SocketAddrV4::new(LOCALHOST, 4001)]);
    let again = near.announce(&leecher(4001)).expect("announce");
    assert_eq!(again.peers, [SocketAddrV4::new(OTHER_HOST, 4002)]);

    let mut other_swarm = leecher(4001);
    other_swarm.info_hash[19] ^= 1;
    let alone = near.announce(&other_swarm).expect("announce");
    assert_eq!(
        (alone.leechers, alone.seeders, alone.peers.len()),
        (1, 0, 0)
    );
}

#[test]
fn seeders_are_not_told_of_seeders() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);
    client.announce(&seeder(4001)).expect("announce");
    client.announce(&leecher(4002)).expect("announce");
    let reply = client.announce(&seeder(4003)).expect("announce");
    assert_eq!((reply.leechers, reply.seeders), (1, 2));
    assert_eq!(reply.peers, [SocketAddrV4::new(LOCALHOST, 4002)]);
}

#[test]
fn scrape_answers_for_each_torrent_in_order() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);
    let unknown = [0xff; 20];

    client.announce(&seeder(4001)).expect("announce");
    client.announce(&leecher(4002)).expect("announce");
    client.announce(&leecher(4003)).expect("announce");
    let scraped = client.scrape(&[unknown, HASH]).expect("scrape");
    assert_eq!(scraped, [counts(0, 0, 0), counts(1, 0, 2)]);
    // Asking does not create a torrent that would then be announced to nobody.
    assert_eq!(
        client.scrape(&[unknown]).expect("scrape"),
        [counts(0, 0, 0)]
    );
}

#[test]
fn a_completed_download_counts_once() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);
    let completed = Announce {
        event: Event::Completed,
        ..seeder(4001)
    };

    client.announce(&leecher(4001)).expect("announce");
    client.announce(&completed).expect("announce");
    client.announce(&seeder(4001)).expect("announce");
    client.announce(&completed).expect("announce");
    assert_eq!(client.scrape(&[HASH]).expect("scrape"), [counts(1, 1, 0)]);
}

#[test]
fn a_stopped_peer_is_gone() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);

    client.announce(&seeder(4001)).expect("announce");
    client.announce(&leecher(4002)).expect("announce");
    let stopped = Announce {
        event: Event::Stopped,
        ..seeder(4001)
    };
    let reply = client.announce(&stopped).expect("announce");
    assert_eq!(
        (reply.leechers, reply.seeders, reply.peers.len()),
        (1, 0, 0)
    );
    assert_eq!(client.scrape(&[HASH]).expect("scrape"), [counts(0, 0, 1)]);
    let reply = client.announce(&leecher(4002)).expect("announce");
    assert_eq!(reply.peers, []);
    // Stopping twice changes nothing.
    client.announce(&stopped).expect("announce");
    assert_eq!(client.scrape(&[HASH]).expect("scrape"), [counts(0, 0, 1)]);
}

#[test]
fn as_many_peers_as_wanted_each_once_and_in_turn() {
    let tracker = Tracker::start(&[]);
    let mut client = tracker.client(LOCALHOST);
    for port in 5001..=5250 {
        client.announce(&leecher(port)).expect("announce");
    }
    let mut seen = HashSet::new();
    for (num_want, expected) in [(-1, 50), (0, 0), (1, 1), (10, 10), (200, 200), (1000, 200)] {
        let reply = client
            .announce(&Announce {
                num_want,
                ..leecher(5001)
            })
            .expect("announce");
        assert_eq!(reply.leechers, 250);
        assert_eq!(reply.peers.len(), expected, "num_want {num_want}");
        let peers: HashSet<_> = reply.peers.into_iter().collect();
        assert_eq!(peers.len(), expected, "a peer came twice");
        assert!(
            !peers.contains(&SocketAddrV4::new(LOCALHOST, 5001)),
            "told of itself"
        );
        seen.extend(peers);
    }
    // One of the 249 stays unseen through 20 replies of 200 about once in 10^12 runs.
    for _ in 0..18 {
        let wanted = Announce {
            num_want: 200,
            ..leecher(5001)
        };
        seen.extend(client.announce(&wanted).expect("announce").peers);
    }
    assert_eq!(seen.len(), 249);
}

#[test]
fn silent_peers_are_forgotten() {
    let tracker = Tracker::start(&["-e", "2"]);
    let mut client = tracker.client(LOCALHOST);
    let announced = Instant::now();
    let reply = client.announce(&seeder(4001)).expect("announce");
    assert_eq!((reply.leechers, reply.seeders), (0, 1));
    while client.scrape(&[HASH]).expect("scrape") != [counts(0, 0, 0)] {
        assert!(announced.elapsed() < PATIENCE, "still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        announced.elapsed() > Duration::from_millis(1900),
        "forgotten too soon"
    );
    let reply = client.announce(&leecher(4002)).expect("announce");
    assert_eq!(
        (reply.leechers, reply.seeders, reply.peers.len()),
        (1, 0, 0)
    );
}

#[test]
fn a_connection_id_is_good_for_its_address_only() {
    let tracker = Tracker::start(&[]);
    let here = Raw::new(LOCALHOST, tracker.address);
    let there = Raw::new(OTHER_HOST, tracker.address);
    let id = here.connect();
    assert_ne!(id, there.connect());

    let mut wrong = id;
    wrong[7] ^= 1;
    let refused = error_reply("connection id is not valid");
    assert_eq!(here.ask(&announce_packet(wrong)), Some(refused.clone()));
    assert_eq!(here.ask(&scrape_packet(wrong)), Some(refused.clone()));
    assert_eq!(there.ask(&announce_packet(id)), Some(refused));

    let accepted = here.ask(&announce_packet(id)).expect("a reply");
    assert_eq!(accepted[..8], [0, 0, 0, 1, 9, 8, 7, 6]);
}

#[test]
fn the_peer_is_where_the_packet_came_from() {
    let tracker = Tracker::start(&[]);
    let here = Raw::new(LOCALHOST, tracker.address);
    let mut packet = announce_packet(here.connect());
    packet[84..88].copy_from_slice(&[10, 1, 2, 3]);
    here.ask(&packet).expect("a reply");

    let reply = tracker
        .client(OTHER_HOST)
        .announce(&leecher(4002))
        .expect("announce");
    assert_eq!(reply.peers, [SocketAddrV4::new(LOCALHOST, 4000)]);
}

#[test]
fn malformed_requests_get_an_error_and_garbage_gets_nothing() {
    let tracker = Tracker::start(&[]);
    let here = Raw::new(LOCALHOST, tracker.address);
    let id = here.connect();
    let announce = announce_packet(id);
    let scrape = scrape_packet(id);

    let mut port_0 = announce.clone();
    port_0[96..98].fill(0);
    assert_eq!(
        here.ask(&port_0),
        Some(error_reply("port 0 cannot be reached"))
    );
    let malformed = Some(error_reply("malformed request"));
    assert_eq!(here.ask(&announce[..97]), malformed);
    assert_eq!(here.ask(&scrape[..35]), malformed);
    assert_eq!(here.ask(&packet(id, 7, &[])), malformed);

    let strange_connect = packet([7; 8], 0, &[]);
    let forged_and_short = packet([7; 8], 1, &[]);
    for garbage in [
        &[][..],
        b"d1:ad2:id20:",
        &[0xff; 1000],
        &strange_connect,
        &forged_and_short,
    ] {
        assert_eq!(here.ask(garbage), None, "{garbage:?}");
    }
    // And it lives on.
    assert!(here.ask(&announce).is_some());
}

#[test]
fn verbose_tells_what_happens_to_each_peer() {
    let mut tracker = Tracker::start(&["-v"]);
    let mut client = tracker.client(LOCALHOST);
    let mut leecher = leecher(4001);
    leecher.info_hash = std::array::from_fn(|i| i as u8);
    let completed = Announce {
        left: 0,
        event: Event::Completed,
        ..leecher
    };
    let stopped = Announce {
        left: 0,
        event: Event::Stopped,
        ..leecher
    };
    for announce in [leecher, completed, stopped] {
        client.announce(&announce).expect("announce");
    }
    let hash = "000102030405060708090a0b0c0d0e0f10111213";
    for line in [
        "+ HASH 127.0.0.1:4001 leecher",
        "= HASH 127.0.0.1:4001 seeder",
        "- HASH 127.0.0.1:4001 stopped",
    ] {
        assert_eq!(tracker.line(), line.replace("HASH", hash));
    }
}

#[test]
fn sigint_and_sigterm_end_it_cleanly() {
    for signal in ["-INT", "-TERM"] {
        let tracker = Tracker::start(&[]);
        assert_eq!(tracker.end(signal).code(), Some(0), "{signal}");
    }
}

#[test]
fn it_frees_all_its_memory() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return skip("tracker::it_frees_all_its_memory", "no valgrind");
    }
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args([
            "-q",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=all",
        ])
        .args(["--errors-for-leak-kinds=all", "--error-exitcode=99"])
        .arg(tracker());
    let tracker = Tracker::run(&mut valgrind, &["-e", "1"]);
    let mut client = tracker.client(LOCALHOST);
    for i in 0..40_u8 {
        let mut announce = leecher(4000 + u16::from(i));
        announce.info_hash[19] = i % 4;
        client.announce(&announce).expect("announce");
        if i % 3 == 0 {
            announce.event = Event::Stopped;
            client.announce(&announce).expect("announce");
        }
    }
    assert_eq!(tracker.end("-TERM").code(), Some(0));
}

#[test]
fn it_compiles_without_warnings_also_without_live_sync() {
    for (name, define) in [
        ("tracker-sync", "-DWANT_SYNC_LIVE"),
        ("tracker-alone", "-UWANT_SYNC_LIVE"),
    ] {
        let program = cc::scratch().join(name);
        let output = cc::run(
            Command::new(cc::compiler())
                .args(["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Wpedantic"])
                .args([define, "-DLIVESYNC_STANDALONE", "-I"])
                .arg(cc::root().join("include"))
                .args(sources())
                .arg(cc::built("liblivesync.a"))
                .args(cc::STATIC_LIBS)
                .arg("-o")
                .arg(&program),
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{define}");
    }
    let alone = cc::scratch().join("tracker-alone");
    let serving = Tracker::run(&mut Command::new(&alone), &[]);
    serving
        .client(LOCALHOST)
        .announce(&seeder(4001))
        .expect("announce");
    assert_eq!(serving.end("-TERM").code(), Some(0));
    let refused = Command::new(&alone)
        .args(["-p", "0", "-s", "127.0.0.1"])
        .output()
        .expect("tracker");
    assert_eq!(refused.status.code(), Some(111));
}

fn leecher(port: u16) -> Announce {
    Announce {
        info_hash: HASH,
        peer_id: *b"-LS0001-abcdefghijkl",
        left: 1,
        event: Event::None,
        port,
        num_want: -1,
    }
}

fn seeder(port: u16) -> Announce {
    Announce {
        left: 0,
        ..leecher(port)
    }
}

fn counts(seeders: u32, completed: u32, leechers: u32) -> Scraped {
    Scraped {
        seeders,
        completed,
        leechers,
    }
}

/// A running tracker that does not sync, on a free port of the loopback
/// interface; killed when dropped.
struct Tracker {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddrV4,
}

impl Tracker {
    fn start(arguments: &[&str]) -> Self {
        Self::run(&mut Command::new(tracker()), arguments)
    }

    fn run(program: &mut Command, arguments: &[&str]) -> Self {
        let mut child = program
            .args(["-l", "127.0.0.1", "-p", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{program:?}: {e}"));
        let mut tracker = Self {
            stdout: BufReader::new(child.stdout.take().expect("a piped stdout")),
            child,
            address: SocketAddrV4::new(LOCALHOST, 0),
        };
        let line = tracker.line();
        tracker.address = line
            .strip_prefix("tracker: serving udp://")
            .and_then(|rest| rest.strip_suffix(", not syncing"))
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("{line:?}"));
        tracker
    }

    fn client(&self, from: Ipv4Addr) -> Client {
        Client::connect(from, self.address).expect("connect")
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn end(mut self, signal: &str) -> ExitStatus {
        // The shell's own kill: there need not be a program of that name.
        let kill = format!("kill {signal} {}", self.child.id());
        cc::run(Command::new("sh").args(["-c", &kill]));
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("exit status") {
                return status;
            }
            assert!(asked.elapsed() < PATIENCE, "still running after {signal}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket for packets no proper client sends.
struct Raw(UdpSocket);

impl Raw {
    fn new(from: Ipv4Addr, tracker: SocketAddrV4) -> Self {
        let socket = UdpSocket::bind((from, 0)).expect("bind");
        socket.connect(tracker).expect("connect");
        Self(socket)
    }

    /// The reply, or `None` when there is none: that is certain, for a second
    /// request sent after the first is answered after it.
    fn ask(&self, request: &[u8]) -> Option<Vec<u8>> {
        let mut marker = packet(PROTOCOL_ID, 0, &[]);
        marker[12..16].copy_from_slice(b"mark");
        self.0.send(request).expect("send");
        self.0.send(&marker).expect("send");
        let reply = self.receive();
        if &reply[4..8] == b"mark" {
            return None;
        }
        assert_eq!(&self.receive()[4..8], b"mark");
        Some(reply)
    }

    fn connect(&self) -> [u8; 8] {
        let reply = self.ask(&packet(PROTOCOL_ID, 0, &[])).expect("a reply");
        assert_eq!(reply[..8], [0, 0, 0, 0, 9, 8, 7, 6]);
        reply[8..].try_into().expect("a connection id")
    }

    fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        self.0.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let length = self.0.recv(&mut buffer).expect("a reply");
        buffer[..length].to_vec()
    }
}

const PROTOCOL_ID: [u8; 8] = 0x0417_2710_1980_u64.to_be_bytes();

fn packet(connection_id: [u8; 8], action: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = connection_id.to_vec();
    packet.extend([0, 0, 0, action, 9, 8, 7, 6]);
    packet.extend(body);
    packet
}

/// A leecher at port 4000.
fn announce_packet(connection_id: [u8; 8]) -> Vec<u8> {
    let mut body = [0; 82];
    body[..20].copy_from_slice(&HASH);
    body[55] = 1; // left
    body[76..80].fill(0xff); // num_want -1
    body[80..].copy_from_slice(&4000_u16.to_be_bytes());
    packet(connection_id, 1, &body)
}

fn scrape_packet(connection_id: [u8; 8]) -> Vec<u8> {
    packet(connection_id, 2, &HASH)
}

fn error_reply(message: &str) -> Vec<u8> {
    let mut reply = vec![0, 0, 0, 3, 9, 8, 7, 6];
    reply.extend(message.as_bytes());
    reply
}
