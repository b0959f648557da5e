//! Scrape sync of two real trackers on one segment, and a witness beside them who
//! sees what is on the wire.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use livesync::{
    Config, Cursor, Host as LivesyncHost, InfoHash, Livesync, Merged, Peer, Torrent, Torrents,
    TrackerId,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::support::group::{HEARTBEAT, TRAILER, Wire, port};
use crate::support::host::Host as Program;
use crate::support::netns::{self, Host, Network};
use crate::support::{cc, is_long, skip};

const PORT: u16 = 9696;

const SCRAPE_BEACON: u32 = 1;
const SCRAPE_INQUIRE: u32 = 2;
const SCRAPE_TELL: u32 = 3;

/// How many torrents fit into 1472 bytes, with a trailer.
const TORRENTS_PER_PACKET: u32 = 44;

/// Of a torrent known to both trackers one may know more downloads; this bit is for
/// c-tests/torrents.c.
const FULLER_KNOWS_MORE: u32 = 0b001;
const SMALLER_KNOWS_MORE: u32 = 0b010;
const LARGER_COUNTS: u32 = FULLER_KNOWS_MORE | SMALLER_KNOWS_MORE;

const START: Duration = Duration::from_secs(60);

#[test]
fn a_tracker_learns_what_a_fuller_one_knows_and_tells_it_what_it_knows_better() {
    Scenario {
        test: "scrape::a_tracker_learns_what_a_fuller_one_knows_and_tells_it_what_it_knows_better",
        ..Scenario::SMALL
    }
    .play();
}

#[test]
fn nothing_is_done_twice_when_the_host_ticks_all_the_time() {
    Scenario {
        test: "scrape::nothing_is_done_twice_when_the_host_ticks_all_the_time",
        commands: &["ticker"],
        ..Scenario::SMALL
    }
    .play();
}

#[test]
fn a_torrent_that_cannot_be_stored_is_skipped_and_the_others_arrive() {
    Scenario {
        test: "scrape::a_torrent_that_cannot_be_stored_is_skipped_and_the_others_arrive",
        commands: &["fail"],
        ..Scenario::SMALL
    }
    .play();
}

#[test]
fn is_clean_under_valgrind() {
    const TEST: &str = "scrape::is_clean_under_valgrind";
    if Command::new("valgrind").arg("--version").output().is_err() {
        return skip(TEST, "valgrind is not installed");
    }
    Scenario {
        test: TEST,
        fuller: 600,
        beacon_interval: Duration::from_secs(2),
        commands: &["fail", "ticker"],
        wrapper: &[
            "valgrind",
            "-q",
            "--error-exitcode=99",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
        ],
        ..Scenario::SMALL
    }
    .play();
}

/// A million where tests may be long.
#[test]
fn an_empty_tracker_learns_many_torrents() {
    const TEST: &str = "scrape::an_empty_tracker_learns_many_torrents";
    let many: u32 = if is_long() { 1_000_000 } else { 50_000 };
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut segment = Segment::new(Duration::from_millis(500), &[]);
    let [teller, empty] = &mut segment.trackers;
    teller.run(&format!("add 0 {many} {FULLER_KNOWS_MORE}"));
    println!("teller, before: {}", teller.report());
    empty.sync();
    teller.sync();

    let first = segment.next(START, |packet| packet.kind == SCRAPE_TELL);
    let first = first.expect("a telling");
    let start = first.at;
    let (mut end, mut packets) = (start, 1);
    // While it tells it sends no beacon.
    while let Some(packet) = segment.next(START, |packet| packet.kind != HEARTBEAT) {
        match packet.kind {
            SCRAPE_TELL => (end, packets) = (packet.at, packets + 1),
            _ if packet.from == first.from => break,
            _ => {}
        }
    }
    let seconds = (end - start).as_secs_f64();
    println!("{many} torrents told in {packets} packets, {seconds:.1} s");
    let [teller, empty] = &mut segment.trackers;
    for (name, tracker) in [("teller", &mut *teller), ("learner", &mut *empty)] {
        println!("{name}: {}", tracker.report());
        println!("{name}: {} packets lost", tracker.host.lost_packets());
    }
    assert_eq!(packets, many.div_ceil(TORRENTS_PER_PACKET));
    empty.expect_torrents(0..many, FULLER_KNOWS_MORE, 0);
    empty.expect_count(many);
    teller.expect_count(many);
}

#[test]
fn a_host_that_receives_a_packet_itself_may_leave_the_rest_to_our_thread() {
    let beacon = [&[9, 9, 9, 9, 0, 0, 0, 1][..], &100u64.to_be_bytes()].concat();
    let inquiry = [1, 1, 1, 1, 0, 0, 0, 2, 9, 9, 9, 9];
    assert_eq!(answer_to_what_the_host_received(&beacon), inquiry);

    let inquiry = [9, 9, 9, 9, 0, 0, 0, 2, 1, 1, 1, 1];
    let told = [
        &[1, 1, 1, 1, 0, 0, 0, 3][..],
        &[0xab; 20],
        &[0, 0, 0, 5],
        &[0, 0, 0, 0, 0, 0, 0, 7],
    ]
    .concat();
    let answer = answer_to_what_the_host_received(&inquiry);
    let (answer, trailer) = answer.split_at(told.len());
    assert_eq!((answer, trailer.len()), (&told[..], TRAILER));
}

/// Hands a packet of tracker 9.9.9.9 to tracker 1.1.1.1 by way of a socket of its host,
/// which then leaves it alone; what it sends.
fn answer_to_what_the_host_received(packet: &[u8]) -> Vec<u8> {
    let port = port();
    let wire = Wire::join(port);
    let config = Config::on(Ipv4Addr::LOCALHOST)
        .port(port)
        .beacon_interval(Duration::from_millis(100));
    let engine = Livesync::open(config, Arc::new(OneTorrent)).expect("open");
    engine.start(TrackerId([1; 4])).expect("start");
    // Most likely our thread sleeps by then, until the next heartbeat in half a minute.
    thread::sleep(Duration::from_secs(3));

    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket of the host");
    wire.send_to(packet, address_of(&socket));
    // On a busy machine the kernel delivers later.
    let mut arrival = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut arrival, PollTimeout::from(60_000_u16)).expect("a packet");
    engine.receive_from(socket.as_fd());
    let answer = wire.receive(START).expect("an answer");
    engine.stop();
    answer
}

fn address_of(socket: &UdpSocket) -> SocketAddrV4 {
    match socket.local_addr() {
        Ok(SocketAddr::V4(address)) => address,
        other => panic!("{other:?}"),
    }
}

struct OneTorrent;

impl LivesyncHost for OneTorrent {
    fn is_blessed(&self, _source: IpAddr) -> bool {
        true
    }

    fn add_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}

    fn remove_peer(&self, _info_hash: &InfoHash, _peer: &Peer) {}

    fn packet_applied(&self, _records: usize) {}

    fn torrents(&self) -> Option<&dyn Torrents> {
        Some(self)
    }
}

impl Torrents for OneTorrent {
    fn count(&self) -> u64 {
        1
    }

    fn walk(&self, _cursor: Cursor, _limit: usize, told: &mut Vec<Torrent>) -> Option<Cursor> {
        told.extend(self.look_up(&InfoHash([0xab; 20])));
        None
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        Some(Torrent {
            info_hash: *info_hash,
            base_offset: 5,
            downloaded: 7,
        })
    }

    fn merge(&self, _heard: &Torrent) -> Merged {
        Merged::AsHeard
    }
}

/// A fuller tracker and a smaller one, some torrents of which both know.
struct Scenario {
    test: &'static str,
    /// The fuller one knows the torrents below this number.
    fuller: u32,
    /// The smaller one knows so many of these, the last ones,
    both: u32,
    /// and so many more.
    smaller_alone: u32,
    beacon_interval: Duration,
    /// What both hosts are told to do before they sync.
    commands: &'static [&'static str],
    /// What the hosts run in.
    wrapper: &'static [&'static str],
}

impl Scenario {
    const SMALL: Self = Self {
        test: "",
        fuller: 5000,
        both: 150,
        smaller_alone: 150,
        beacon_interval: Duration::from_millis(500),
        commands: &[],
        wrapper: &[],
    };

    fn play(&self) {
        if let Err(reason) = netns::available() {
            return skip(self.test, &reason);
        }
        let mut segment = Segment::new(self.beacon_interval, self.wrapper);
        self.start(&mut segment.trackers);
        let [fuller, smaller] = segment.trackers.each_ref().map(|tracker| tracker.address);
        let first_beacon = segment
            .next(START, |packet| packet.from == fuller)
            .expect("a beacon");

        println!("the first beacon is of {}", first_beacon.from);
        let mut expected = vec![(smaller, SCRAPE_INQUIRE, 8 + 4)];
        expected.extend(tell_packets(fuller, self.fuller));
        expected.extend(tell_packets(smaller, self.both / 3));
        let told: Vec<_> = expected
            .iter()
            .map_while(|_| {
                let told = |packet: &Packet| ![SCRAPE_BEACON, HEARTBEAT].contains(&packet.kind);
                let packet = segment.next(START, told)?;
                Some((packet.from, packet.kind, packet.length))
            })
            .collect();
        assert_eq!(told, expected);

        // Whatever else they had to say would come before the third beacon from now on.
        let mut beacons = [fuller, smaller].map(|from| (from, 0));
        while beacons.iter().any(|(_, beacons)| *beacons < 3) {
            let packet = segment
                .next(START, |packet| packet.kind != HEARTBEAT)
                .expect("beacons go on");
            assert_eq!(packet.kind, SCRAPE_BEACON, "{packet:?}");
            for (from, beacons) in &mut beacons {
                *beacons += u32::from(packet.from == *from);
            }
        }
        self.expect_the_larger_counts(&mut segment.trackers);
        for tracker in segment.trackers {
            assert_eq!(tracker.program.end(), Some(0));
        }
    }

    fn start(&self, [fuller, smaller]: &mut [Tracker; 2]) {
        fuller.run(&format!("add 0 {} {FULLER_KNOWS_MORE}", self.fuller));
        smaller.run(&format!(
            "add {} {} {SMALLER_KNOWS_MORE}",
            self.fuller - self.both,
            self.both + self.smaller_alone
        ));
        // The smaller one first, so that it hears the first beacon of the other.
        for tracker in [smaller, fuller] {
            for command in self.commands {
                tracker.run(command);
            }
            tracker.sync();
        }
    }

    fn expect_the_larger_counts(&self, [fuller, smaller]: &mut [Tracker; 2]) {
        let known_to_both = self.fuller - self.both..self.fuller;
        let fuller_alone = 0..known_to_both.start;
        let smaller_alone = known_to_both.end..known_to_both.end + self.smaller_alone;
        let failed = if self.commands.contains(&"fail") {
            fuller_alone.end.div_ceil(7)
        } else {
            0
        };
        fuller.expect_torrents(fuller_alone.clone(), FULLER_KNOWS_MORE, 0);
        fuller.expect_torrents(known_to_both.clone(), LARGER_COUNTS, 0);
        fuller.expect_count(self.fuller);
        smaller.expect_torrents(fuller_alone, FULLER_KNOWS_MORE, failed);
        smaller.expect_torrents(known_to_both, LARGER_COUNTS, 0);
        smaller.expect_count(smaller_alone.end - failed);
        smaller.expect_torrents(smaller_alone, SMALLER_KNOWS_MORE, 0);
    }
}

/// Source, type and length of the fewest packets in which so many torrents can be told.
fn tell_packets(from: Ipv4Addr, torrents: u32) -> impl Iterator<Item = (Ipv4Addr, u32, usize)> {
    (0..torrents)
        .step_by(TORRENTS_PER_PACKET as usize)
        .map(move |told| {
            let records = TORRENTS_PER_PACKET.min(torrents - told);
            (from, SCRAPE_TELL, 8 + 32 * records as usize + TRAILER)
        })
}

/// Two trackers and a witness, each on a host of its own.
struct Segment {
    trackers: [Tracker; 2],
    witness: Program,
    _witness_host: Host,
    _network: Network,
}

/// What the witness saw.
#[derive(Debug)]
struct Packet {
    at: Instant,
    from: Ipv4Addr,
    kind: u32,
    length: usize,
}

impl Segment {
    /// The trackers run in `wrapper`, and neither knows a torrent nor syncs yet.
    fn new(beacon_interval: Duration, wrapper: &[&str]) -> Self {
        let mut network = Network::new().unwrap();
        let trackers = ["fuller", "smaller"].map(|name| {
            let host = network.add_host(name).unwrap();
            let words: Vec<_> = wrapper.iter().map(Path::new).chain([program()]).collect();
            let mut command = host.command(words[0]);
            let interval = beacon_interval.as_secs_f64().to_string();
            command
                .args(&words[1..])
                .env("LIVESYNC_FIRST_BEACON_DELAY", &interval)
                .env("LIVESYNC_BEACON_INTERVAL", &interval);
            Tracker {
                program: Program::start(&mut command),
                address: host.address(),
                host,
            }
        });
        let witness_host = network.add_host("witness").unwrap();
        let address = witness_host.address().to_string();
        let mut command = witness_host.command(packets_program());
        let mut witness = Program::start(command.args([address, PORT.to_string()]));
        witness.expect("listening");
        Self {
            trackers,
            witness,
            _witness_host: witness_host,
            _network: network,
        }
    }

    /// The next packet that is `wanted`, within `limit`.
    fn next(&mut self, limit: Duration, wanted: impl Fn(&Packet) -> bool) -> Option<Packet> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let packet = Packet::read(&self.witness.call("packet", left)?);
            if wanted(&packet) {
                return Some(packet);
            }
        }
    }
}

impl Packet {
    fn read(line: &str) -> Self {
        let value = |name: &str| {
            line.split(' ')
                .find_map(|word| word.strip_prefix(name))
                .unwrap_or_else(|| panic!("no {name} in {line:?}"))
        };
        Self {
            at: Instant::now(),
            from: value("from=").parse().expect("an address"),
            kind: value("type=").parse().expect("a number"),
            length: value("length=").parse().expect("a number"),
        }
    }
}

/// A tracker, killed before its host is deleted.
struct Tracker {
    program: Program,
    address: Ipv4Addr,
    host: Host,
}

impl Tracker {
    fn run(&mut self, command: &str) {
        self.program.run(command);
    }

    /// Begins to sync with all trackers there may be.
    fn sync(&mut self) {
        for last in 1..=2 {
            self.run(&format!("bless 10.77.0.{last}"));
        }
        let id = self.address.to_bits();
        self.run(&format!("sync {} {PORT} {id}", self.address));
    }

    /// Expects these torrents, but for so many that are missing.
    fn expect_torrents(&mut self, numbers: Range<u32>, more: u32, missing: u32) {
        let (first, amount) = (numbers.start, numbers.end - numbers.start);
        self.run(&format!("check {first} {amount} {more}"));
        let right = amount - missing;
        let expected = format!("check right={right} missing={missing} wrong=0");
        assert_eq!(
            self.program.expect("check"),
            expected,
            "torrents {numbers:?}"
        );
    }

    /// Expects so many torrents, also by the host's own count.
    fn expect_count(&mut self, torrents: u32) {
        self.run("count");
        let expected = format!("count {torrents} in_buckets={torrents}");
        assert_eq!(self.program.expect("count"), expected);
    }

    /// How long buckets were held, and the peak memory.
    fn report(&mut self) -> String {
        self.run("report");
        self.program.expect("report")
    }
}

/// c-tests/torrents.c with the table of the example tracker, compiled by the first
/// who asks.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let sources = [
            "c-tests/torrents.c",
            "examples/tracker/host.c",
            "examples/tracker/table.c",
        ];
        let wrapped = [
            "mutex_bucket_lock",
            "mutex_bucket_lock_by_hash",
            "mutex_bucket_unlock",
            "mutex_bucket_unlock_by_hash",
            "vector_find_or_insert",
            "calloc",
        ];
        cc::link_statically(
            "torrents",
            &sources.map(Path::new),
            &wrapped
                .map(|function| format!("-Wl,--wrap={function}"))
                .each_ref()
                .map(String::as_str),
            &cc::built("liblivesync.a"),
        )
    })
}

/// c-tests/packets.c, compiled by the first who asks.
fn packets_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        cc::link_statically(
            "packets",
            &[Path::new("c-tests/packets.c")],
            &[],
            &cc::built("liblivesync.a"),
        )
    })
}
