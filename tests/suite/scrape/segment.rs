//! Two trackers on one segment, and a witness beside them.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::support::cc;
use crate::support::host::Host as Program;
use crate::support::netns::{Host, Network};

const PORT: u16 = 9696;

/// Two trackers and a witness, each on a host of its own.
pub struct Segment {
    pub trackers: [Tracker; 2],
    witness: Program,
    _witness_host: Host,
    _network: Network,
}

/// A packet that the witness saw.
#[derive(Debug)]
pub struct Packet {
    pub at: Instant,
    pub from: Ipv4Addr,
    pub kind: u32,
    pub length: usize,
}

impl Segment {
    /// Starts the trackers in `wrapper`; they neither know a torrent nor sync yet.
    pub fn new(beacon_interval: Duration, wrapper: &[&str]) -> Self {
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

    /// Returns the next packet that is `wanted`, if it comes within `limit`.
    pub fn next(&mut self, limit: Duration, wanted: impl Fn(&Packet) -> bool) -> Option<Packet> {
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
pub struct Tracker {
    program: Program,
    address: Ipv4Addr,
    host: Host,
}

impl Tracker {
    pub fn run(&mut self, command: &str) {
        self.program.run(command);
    }

    /// Starts syncing with all trackers of the segment.
    pub fn sync(&mut self) {
        for last in 1..=2 {
            self.run(&format!("bless 10.77.0.{last}"));
        }
        let id = self.address.to_bits();
        self.run(&format!("sync {} {PORT} {id}", self.address));
    }

    /// Checks these torrents, of which this many may be missing.
    pub fn expect_torrents(&mut self, numbers: Range<u32>, more: u32, missing: u32) {
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

    /// Checks the number of torrents, also by the host's own count.
    pub fn expect_count(&mut self, torrents: u32) {
        self.run("count");
        let expected = format!("count {torrents} in_buckets={torrents}");
        assert_eq!(self.program.expect("count"), expected);
    }

    /// Returns how long buckets were held, and the peak memory.
    pub fn report(&mut self) -> String {
        self.run("report");
        self.program.expect("report")
    }

    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Returns how many packets it could not receive in time.
    pub fn lost_packets(&self) -> u64 {
        self.host.lost_packets()
    }

    /// Ends it, and returns its exit status.
    pub fn end(self) -> Option<i32> {
        self.program.end()
    }
}

/// Returns c-tests/torrents.c with the table of the example tracker; the first caller compiles
/// it.
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

/// Returns c-tests/packets.c; the first caller compiles it.
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
