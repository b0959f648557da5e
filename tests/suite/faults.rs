//! Faults of the system: no descriptors, no threads, no memory, a network that takes no
//! packets, lost sockets. The library returns a clear error, or counts the fault and tries
//! again; in any case it uses next to no processor time.

mod memory;
mod soak;

use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use crate::support::group::port;
use crate::support::netns::{self, Host, Network};
use crate::support::{cc, skip};

/// Upper bound for the processor time of a node, in thousandths.
const MOST_CPU: u64 = 10;

const WAYS: [&str; 2] = ["thread", "polling"];

#[test]
fn what_is_missing_at_the_start_is_a_clear_error() {
    let setup = program("setup", &["faults/refuse.c", "handles/common.c"]);
    let output = cc::run(Command::new(setup).arg(port().to_string()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n");
}

#[test]
fn an_idle_node_costs_nothing() {
    let commands = WAYS.map(|way| here(&[way, "idle", "3", "none"]));
    for node in Run::all(commands) {
        assert_eq!((node.answer, node.log.len()), (0, 0));
    }
}

/// The descriptors may belong to something else by then, which must be neither read from nor
/// waited on.
#[test]
fn sockets_that_the_program_has_closed_switch_the_handle_off() {
    const TRIPPED: i64 = -7;
    let faults = ["closed", "replaced"];
    let commands = faults.map(|fault| WAYS.map(|way| here(&[way, "telling", "2", fault])));
    for node in Run::all(commands.into_iter().flatten()) {
        assert_eq!(node.answer, TRIPPED);
        let last = node.log.last().expect("a line");
        assert_eq!(
            last,
            "sync is off from now on: the tracker has closed our sockets"
        );
    }
}

#[test]
fn packets_that_the_system_does_not_take_are_counted() {
    for (error, text) in [
        (libc::ENOBUFS, "No buffer space available"),
        (libc::ENOMEM, "Cannot allocate memory"),
        (libc::EPERM, "Operation not permitted"),
        (libc::ENETUNREACH, "Network is unreachable"),
    ] {
        let error = error.to_string();
        let commands = WAYS.map(|way| here(&[way, "telling", "1", "send", &error]));
        for node in Run::all(commands) {
            node.cannot_send(text);
        }
    }
}

#[test]
fn while_nothing_can_be_received_it_is_tried_every_now_and_then() {
    for (error, text) in [
        (libc::EPERM, "Operation not permitted"),
        (libc::ENOMEM, "Cannot allocate memory"),
    ] {
        let number = error.to_string();
        let commands = WAYS.map(|way| here(&[way, "telling", "2", "receive", &number]));
        for node in Run::all(commands) {
            assert_eq!(node.answer, 0);
            let line = format!("cannot receive: {text} (os error {error})");
            assert_eq!(node.log, [line], "once a minute");
        }
    }
}

#[test]
fn a_node_whose_interface_is_down_waits_for_it() {
    const TEST: &str = "faults::a_node_whose_interface_is_down_waits_for_it";
    on_a_host(TEST, |host, way, port| {
        let down = || {
            cc::run(host.command("ip").args(["link", "set", "eth0", "down"]));
        };
        Run::with(node_on(host, port, way), down).cannot_send("Network is unreachable");
        cc::run(host.command("ip").args(["link", "set", "eth0", "up"]));
    });
}

#[test]
fn a_node_behind_its_own_firewall_counts_what_it_drops() {
    const TEST: &str = "faults::a_node_behind_its_own_firewall_counts_what_it_drops";
    on_a_host(TEST, |host, way, port| {
        let rules = format!(
            "table ip refuse-{way} {{ chain output {{ type filter hook output priority 0; \
             udp dport {port} drop; }}; }}"
        );
        cc::run(host.command("nft").arg(rules));
        Run::of(node_on(host, port, way)).cannot_send("Operation not permitted");
    });
}

/// Runs a function on a host in a network of its own, with one kind of handle after the other.
fn on_a_host(test: &str, act: impl Fn(&Host, &str, u16)) {
    if let Err(reason) = netns::loss_available() {
        return skip(test, &reason);
    }
    let mut network = Network::new().expect("a network");
    let host = network.add_host("node").expect("a host");
    for way in WAYS {
        act(&host, way, port());
    }
}

fn here(arguments: &[&str]) -> Command {
    let mut command = Command::new(node());
    command.args([&Ipv4Addr::LOCALHOST.to_string(), &port().to_string()]);
    command.args(arguments);
    command
}

fn node_on(host: &Host, port: u16, way: &str) -> Command {
    let mut command = host.command(node());
    command.args([&host.address().to_string(), &port.to_string(), way]);
    command.args(["telling", "2", "none"]);
    command
}

fn node() -> &'static Path {
    static NODE: OnceLock<PathBuf> = OnceLock::new();
    NODE.get_or_init(|| program("node", &["faults/refuse.c", "handles/common.c"]))
}

/// Builds a program of c-tests/faults, with other files of c-tests. The library is built for
/// release, as users build it: in a debug build the standard library aborts when a descriptor
/// is gone.
fn program(name: &str, shared: &[&str]) -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let target = cc::scratch().join("faults");
        cc::run(
            Command::new(env!("CARGO"))
                .current_dir(cc::root())
                .env("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false")
                .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
                .args(["build", "--lib", "--target-dir"])
                .arg(&target),
        );
        target.join("debug/liblivesync.a")
    });
    let own = format!("faults/{name}.c");
    let sources = [&[own.as_str()], shared].concat();
    let sources: Vec<_> = sources
        .iter()
        .map(|file| Path::new("c-tests").join(file))
        .collect();
    let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
    let include = format!("-I{}", cc::root().join("c-tests/handles").display());
    cc::link_statically(&format!("faults-{name}"), &sources, &[&include], library)
}

/// The output of a run of c-tests/faults/node.c.
struct Run {
    log: Vec<String>,
    answer: i64,
    sent: i64,
    errors: i64,
}

impl Run {
    fn of(command: Command) -> Self {
        Self::with(command, || {})
    }

    /// Runs all commands in parallel, since they mostly wait.
    fn all(commands: impl IntoIterator<Item = Command>) -> Vec<Self> {
        thread::scope(|scope| {
            let runs: Vec<_> = commands
                .into_iter()
                .map(|command| scope.spawn(|| Self::of(command)))
                .collect();
            let ends = runs.into_iter().map(|run| run.join().expect("a run"));
            ends.collect()
        })
    }

    /// Runs a function on a node once it has settled.
    fn with(mut command: Command, act: impl FnOnce()) -> Self {
        let mut node = command.stdout(Stdio::piped()).spawn().expect("a node");
        let mut lines = BufReader::new(node.stdout.take().expect("a pipe"));
        let mut output = String::new();
        while lines.read_line(&mut output).expect("UTF-8") > 0 {
            if output.ends_with("settled\n") {
                break;
            }
        }
        act();
        lines.read_to_string(&mut output).expect("UTF-8");
        assert!(node.wait().expect("wait").success(), "{output}");
        let number = |name: &str| {
            let mut lines = output.lines();
            let number = lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            number.unwrap_or(0)
        };
        let log = output.lines().filter_map(|line| line.strip_prefix("log "));
        assert!(output.ends_with("ok\n"), "{output}");
        let cpu = u64::try_from(number("cpu")).expect("a time");
        let arguments: Vec<_> = command.get_args().collect();
        println!("{arguments:?}: {cpu} thousandths of a processor");
        assert!(cpu < MOST_CPU, "{arguments:?}: {output}");
        Self {
            log: log.map(str::to_owned).collect(),
            answer: number("answer"),
            sent: number("out"),
            errors: number("errors"),
        }
    }

    /// Checks that packets count as errors, with one line in the log.
    fn cannot_send(&self, text: &str) {
        assert_eq!(self.answer, 0);
        assert!((1..=self.sent).contains(&self.errors), "{}", self.errors);
        let [line] = self.log.as_slice() else {
            panic!("{:?}", self.log)
        };
        assert!(line.starts_with(&format!("cannot send: {text}")), "{line}");
    }
}
