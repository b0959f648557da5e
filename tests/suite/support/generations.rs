//! The trackers of c-tests/generations: one for each later generation of opentracker,
//! with the adapter of examples/opentracker in the place of its ot_livesync.c.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use super::cc;
use super::host::Host;

/// A generation, and how it is built.
#[derive(Clone, Copy)]
pub struct Generation {
    /// The directory of its headers, and the end of its adapter's name.
    name: &'static str,
    flags: &'static [&'static str],
    /// Whether it has IPv6 peers.
    pub ipv6: bool,
    /// How it prints an IPv4 address.
    pub ipv4_prefix: &'static str,
}

/// January 2009 to April 2010, with IPv6 peers.
pub const V6: Generation = Generation {
    name: "v6",
    flags: &["-DWANT_V6"],
    ipv6: true,
    ipv4_prefix: "::ffff:",
};

/// From 22 April 2010.
pub const WORKSTRUCT: Generation = Generation {
    name: "workstruct",
    flags: &[],
    ipv6: false,
    ipv4_prefix: "",
};

/// Today's.
pub const DUALSTACK: Generation = Generation {
    name: "dualstack",
    flags: &[],
    ipv6: true,
    ipv4_prefix: "",
};

/// Every way to build the adapters.
pub const ALL: [Generation; 7] = [
    V6,
    Generation {
        flags: &["-DWANT_V6", "-DHASH_BY_VALUE"],
        ..V6
    },
    Generation {
        flags: &[],
        ipv6: false,
        ipv4_prefix: "",
        ..V6
    },
    Generation {
        flags: &["-DHASH_BY_VALUE"],
        ipv6: false,
        ipv4_prefix: "",
        ..V6
    },
    WORKSTRUCT,
    Generation {
        flags: &["-DWANT_V6"],
        ipv6: true,
        ipv4_prefix: "::ffff:",
        ..WORKSTRUCT
    },
    DUALSTACK,
];

impl Generation {
    /// The tracker, compiled by the first who asks.
    pub fn program(&self) -> PathBuf {
        static COMPILED: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
        let name = format!("generation-{}{}", self.name, self.flags.concat());
        let mut compiled = COMPILED.lock().expect("no test panics while it compiles");
        compiled
            .get_or_insert_default()
            .entry(name)
            .or_insert_with_key(|name| self.compile(name))
            .clone()
    }

    /// A running tracker that does not sync yet.
    pub fn start(&self) -> Host {
        Host::start(&mut Command::new(self.program()))
    }

    /// A tracker that syncs on the loopback interface.
    pub fn syncing(&self, id: u32, port: u16) -> Host {
        let mut host = self.start();
        host.sync(id, port);
        host
    }

    /// As above, with scrape sync in tenths of a second.
    pub fn syncing_scrapes(&self, id: u32, port: u16) -> Host {
        let mut host = Host::start(&mut hasten_scrape_sync(Command::new(self.program())));
        host.sync(id, port);
        host
    }

    fn compile(&self, name: &str) -> PathBuf {
        let generations = Path::new("c-tests/generations");
        let adapter = format!("examples/opentracker/ot_livesync_{}.c", self.name);
        let logic = generations.join(self.name).join("logic.c");
        let sources = [Path::new(&adapter), &generations.join("tracker.c"), &logic];
        let includes = [self.name, "common", ""]
            .map(|part| format!("-I{}", cc::root().join(generations).join(part).display()));
        let flags: Vec<&str> = self
            .flags
            .iter()
            .copied()
            .chain(includes.iter().map(String::as_str))
            .collect();
        cc::link_statically(name, &sources, &flags, library())
    }
}

/// Beacons after 0.2 s and then every 0.2 s.
pub fn hasten_scrape_sync(mut command: Command) -> Command {
    command.envs([
        ("LIVESYNC_FIRST_BEACON_DELAY", "0.2"),
        ("LIVESYNC_BEACON_INTERVAL", "0.2"),
    ]);
    command
}

/// The library without the six functions, which the adapters define.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        cc::build_with("handles,want_sync_scrape", "adapters").join("liblivesync.a")
    })
}
