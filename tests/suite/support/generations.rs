//! The trackers of c-tests/generations: one for each later generation of opentracker,
//! with the adapter of examples/opentracker in the place of its ot_livesync.c.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::thread;

use super::cc;
use super::host::Host;

/// A generation of opentracker, and how to build it.
#[derive(Clone, Copy)]
pub struct Generation {
    /// The directory of its headers.
    pub name: &'static str,
    /// The end of its adapter's name.
    adapter: &'static str,
    pub flags: &'static [&'static str],
    /// True if it has IPv6 peers.
    pub ipv6: bool,
    /// The prefix with which it prints an IPv4 address.
    pub ipv4_prefix: &'static str,
}

/// January 2009 to April 2010, with IPv6 peers.
pub const V6: Generation = Generation {
    name: "v6",
    adapter: "v6",
    flags: &["-DWANT_V6"],
    ipv6: true,
    ipv4_prefix: "::ffff:",
};

/// From 22 April 2010.
pub const WORKSTRUCT: Generation = Generation {
    name: "workstruct",
    adapter: "workstruct",
    flags: &[],
    ipv6: false,
    ipv4_prefix: "",
};

/// Today's generation.
pub const DUALSTACK: Generation = Generation {
    name: "dualstack",
    adapter: "workstruct",
    flags: &[],
    ipv6: true,
    ipv4_prefix: "",
};

/// Every way to build the adapters.
pub const ALL: [Generation; 10] = [
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
    OF_MARCH_2024[0],
    OF_MARCH_2024[1],
    OF_MARCH_2024[2],
    DUALSTACK,
];

/// 29 March to 1 April 2024: another name for the blessing, then an array for a peer.
const OF_MARCH_2024: [Generation; 3] = [
    Generation {
        flags: &["-DBLESSED_BY_ITS_NAME_OF_2024"],
        ..WORKSTRUCT
    },
    Generation {
        flags: &["-DBLESSED_BY_ITS_NAME_OF_2024", "-DPEER_IS_ARRAY"],
        ..WORKSTRUCT
    },
    Generation {
        flags: &[
            "-DBLESSED_BY_ITS_NAME_OF_2024",
            "-DPEER_IS_ARRAY",
            "-DWANT_V6",
        ],
        ipv6: true,
        ipv4_prefix: "::ffff:",
        ..WORKSTRUCT
    },
];

impl Generation {
    /// Returns the tracker with its adapter; the first caller compiles it.
    pub fn program(&self) -> PathBuf {
        let adapter = format!("examples/opentracker/ot_livesync_{}.c", self.adapter);
        self.compiled("generation", Some(Path::new(&adapter)), library())
    }

    /// Returns the tracker without an adapter, linked with the unchanged library.
    pub fn unchanged_program(&self) -> PathBuf {
        self.compiled("unchanged", None, &cc::built("liblivesync.a"))
    }

    fn compiled(&self, what: &str, adapter: Option<&Path>, library: &Path) -> PathBuf {
        static COMPILED: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
        let name = format!("{what}-{}{}", self.name, self.flags.concat());
        let mut compiled = COMPILED.lock().expect("no test panics while it compiles");
        compiled
            .get_or_insert_default()
            .entry(name)
            .or_insert_with_key(|name| self.compile(name, adapter, library))
            .clone()
    }

    /// Starts a tracker that does not sync yet.
    pub fn start(&self) -> Host {
        Host::start(&mut Command::new(self.program()))
    }

    /// Starts a tracker that syncs on the loopback interface.
    pub fn syncing(&self, id: u32, port: u16) -> Host {
        let mut host = self.start();
        host.sync(id, port);
        host
    }

    /// Starts a tracker that syncs on the loopback interface, with scrape sync in tenths of a
    /// second.
    pub fn syncing_scrapes(&self, id: u32, port: u16) -> Host {
        let mut host = Host::start(&mut hasten_scrape_sync(Command::new(self.program())));
        host.sync(id, port);
        host
    }

    fn compile(&self, name: &str, adapter: Option<&Path>, library: &Path) -> PathBuf {
        let generations = Path::new("c-tests/generations");
        let logic = generations.join(self.name).join("logic.c");
        let [tracker, table] = ["tracker.c", "table.c"].map(|file| generations.join(file));
        let sources = [&*tracker, &table, &logic].into_iter().chain(adapter);
        let sources: Vec<&Path> = sources.collect();
        let includes = [self.name, "common", ""]
            .map(|part| format!("-I{}", cc::root().join(generations).join(part).display()));
        let flags: Vec<&str> = self
            .flags
            .iter()
            .copied()
            .chain(includes.iter().map(String::as_str))
            .collect();
        cc::link_statically(name, &sources, &flags, library)
    }
}

/// Checks the generations in parallel, since the tests mostly wait.
pub fn each(generations: impl IntoIterator<Item = Generation>, check: impl Fn(Generation) + Sync) {
    let check = &check;
    thread::scope(|scope| {
        for generation in generations {
            scope.spawn(move || check(generation));
        }
    });
}

/// Sets the first beacon and the interval to 0.2 s.
pub fn hasten_scrape_sync(mut command: Command) -> Command {
    command.envs([
        ("LIVESYNC_FIRST_BEACON_DELAY", "0.2"),
        ("LIVESYNC_BEACON_INTERVAL", "0.2"),
    ]);
    command
}

/// Returns the library without the six functions, which the adapters define.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        cc::build_with("handles,want_sync_scrape", "adapters").join("liblivesync.a")
    })
}
