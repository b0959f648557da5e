//! Small networks of network namespaces: hosts, usually with one address each, on one Ethernet
//! segment, which passes multicast to all of them.
//!
//! A network consists of namespaces named `livesync-PID-NUMBER-HOST` and leaves no trace in the
//! namespace of the test itself, so tests may run side by side. Dropping a network deletes it,
//! also during a panic. The next run deletes the networks of a killed run.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sched::{self, CloneFlags};

const BRIDGE: &str = "br0";
const INTERFACE: &str = "eth0";

/// Returns an error with the reason if networks cannot be made here.
pub fn available() -> Result<(), String> {
    let own = std::fs::metadata("/proc/self").map_err(|e| format!("/proc/self: {e}"))?;
    if own.uid() != 0 {
        return Err("making network namespaces takes root".to_owned());
    }
    let host = Network::new()?.add_host("probe")?;
    run(&mut host.command("true")).map(drop)
}

/// Returns an error with the reason if hosts cannot drop packets.
pub fn loss_available() -> Result<(), String> {
    available()?;
    Network::new()?.add_host("probe")?.lose_incoming_udp(9, 50)
}

/// Waits until no other test holds this lock, so that tests that measure do not disturb each
/// other.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One Ethernet segment: a bridge in a namespace of its own.
pub struct Network {
    bridge: Namespace,
    hosts: u8,
}

impl Network {
    pub fn new() -> Result<Self, String> {
        let bridge = Namespace::new("bridge")?;
        // Without a querier on the segment, a snooping bridge would forget the receivers.
        bridge.ip(&format!(
            "link add {BRIDGE} up type bridge mcast_snooping 0"
        ))?;
        Ok(Self { bridge, hosts: 0 })
    }

    /// Adds a host with a name. The first one's address is 10.77.0.1, the second one's
    /// 10.77.0.2 and so on. There are no routes elsewhere.
    pub fn add_host(&mut self, name: &str) -> Result<Host, String> {
        self.hosts += 1;
        // The kernel may not have deleted a dropped host of this name yet.
        let mut unique = format!("h{}_{name}", self.hosts);
        // Leaves room for a suffix for another interface.
        unique.truncate(11);
        let host = Host {
            namespace: Namespace::new(name)?,
            name: unique,
            address: Ipv4Addr::new(10, 77, 0, self.hosts),
        };
        host.namespace.ip("link set lo up")?;
        self.attach(&host, INTERFACE, host.address)?;
        Ok(host)
    }

    /// Deletes the interface of a host, and makes it anew after `pause`.
    pub fn remake_interface(&self, host: &Host, pause: Duration) -> Result<(), String> {
        host.namespace.ip(&format!("link delete {INTERFACE}"))?;
        thread::sleep(pause);
        self.attach(host, INTERFACE, host.address)
    }

    /// Plugs a host's cable in, or pulls it out.
    pub fn plug(&self, host: &Host, plugged: bool) -> Result<(), String> {
        let state = if plugged { "up" } else { "down" };
        self.bridge.ip(&format!("link set {} {state}", host.name))
    }

    /// From now on this host loses `percent` percent of the SYNC_LIVE packets that it sends for
    /// the first time: at random, and for all receivers.
    pub fn lose_live_packets(&self, from: &Host, percent: u8) -> Result<(), String> {
        let Host { name, .. } = from;
        // The packet type is behind the header of UDP and the tracker id.
        let rules = format!(
            "table netdev loss {{ chain ingress {{ \
             type filter hook ingress device {name} priority 0; \
             meta l4proto udp @th,96,32 0 numgen random mod 100 < {percent} drop; }}; }}"
        );
        let mut nft = Command::new("ip");
        nft.args(["netns", "exec", &self.bridge.name, "nft", &rules]);
        run(&mut nft).map(drop)
    }

    /// Attaches a host, which may be on another network, to this network by a new interface.
    pub fn attach(&self, host: &Host, interface: &str, address: Ipv4Addr) -> Result<(), String> {
        let Host {
            namespace, name, ..
        } = host;
        let inside = &namespace.name;
        let name = match interface {
            INTERFACE => name.clone(),
            other => format!("{name}{other}"),
        };
        self.bridge.ip(&format!(
            "link add {name} type veth peer name {interface} netns {inside}"
        ))?;
        self.bridge
            .ip(&format!("link set {name} master {BRIDGE} up"))?;
        host.add_address(interface, address)?;
        // Splits datagrams that leave as one message here, as a real network does; otherwise
        // they would be lost together.
        namespace.ip(&format!("link set {interface} gso_max_segs 1 up"))
    }
}

/// A host on a network, deleted with all its processes when dropped.
pub struct Host {
    namespace: Namespace,
    name: String,
    address: Ipv4Addr,
}

impl Host {
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Adds an address to an interface, with a network of 256 addresses.
    pub fn add_address(&self, interface: &str, address: Ipv4Addr) -> Result<(), String> {
        self.namespace
            .ip(&format!("address add {address}/24 dev {interface}"))
    }

    /// Returns a command that runs on this host. Its process is the program itself.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace.name]);
        command.arg(program);
        command
    }

    /// Runs a closure in a thread of its own on this host. A socket that it makes stays there.
    pub fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let namespace = Path::new("/run/netns").join(&self.namespace.name);
        let namespace = File::open(namespace).expect("the namespace");
        let act = || {
            sched::setns(namespace, CloneFlags::CLONE_NEWNET).expect("enter the namespace");
            act()
        };
        thread::scope(|scope| scope.spawn(act).join().expect("no panic on the host"))
    }

    /// Returns how many datagrams did not fit into the receive buffer of a socket on this host.
    pub fn lost_packets(&self) -> u64 {
        let sockets = run(self.command("cat").arg("/proc/net/udp")).expect("/proc/net/udp");
        let lost = |socket: &str| socket.split_whitespace().last()?.parse::<u64>().ok();
        sockets.lines().skip(1).filter_map(lost).sum()
    }

    /// From now on the host loses `percent` percent of the incoming UDP packets for a port, at
    /// random; 0 ends it. Other ports are not affected.
    pub fn lose_incoming_udp(&self, port: u16, percent: u8) -> Result<(), String> {
        let lost = match percent {
            0 => "accept".to_owned(),
            1..100 => format!("numgen random mod 100 < {percent} drop"),
            _ => "drop".to_owned(),
        };
        // The table is declared before it is deleted, because it need not exist yet.
        let table = format!("table ip loss-{port}");
        let rules = format!(
            "{table} {{ }}; delete {table}; {table} {{ chain input {{ \
             type filter hook input priority 0; udp dport {port} {lost}; }}; }}"
        );
        run(self.command("nft").arg(rules)).map(drop)
    }
}

/// A named network namespace, deleted when dropped.
struct Namespace {
    name: String,
}

impl Namespace {
    fn new(label: &str) -> Result<Self, String> {
        static LEFTOVERS: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        LEFTOVERS.call_once(delete_leftovers);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("livesync-{}-{number}-{label}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]))?;
        Ok(Self { name })
    }

    /// Runs one command of ip(8) in the namespace.
    fn ip(&self, command: &str) -> Result<(), String> {
        let mut ip = Command::new("ip");
        ip.args(["-n", &self.name]).args(command.split(' '));
        run(&mut ip).map(drop)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        delete(&self.name);
    }
}

/// Deletes the namespaces of test processes that have ended, and the processes that still run
/// in them.
fn delete_leftovers() {
    let listed = run(Command::new("ip").args(["netns", "list"])).unwrap_or_default();
    for name in listed.lines().filter_map(|line| line.split(' ').next()) {
        let maker = name
            .strip_prefix("livesync-")
            .and_then(|rest| rest.split('-').next());
        if maker.is_some_and(gone) {
            delete(name);
        }
    }
}

/// Returns whether no such process exists. The own process counts as gone, since it has made no
/// namespace yet.
fn gone(pid: &str) -> bool {
    pid == std::process::id().to_string() || !Path::new("/proc").join(pid).exists()
}

/// Deletes a namespace and, first, the processes inside, which would keep it alive.
fn delete(name: &str) {
    let pids = run(Command::new("ip").args(["netns", "pids", name])).unwrap_or_default();
    if !pids.is_empty() {
        let _ = run(Command::new("sh").args(["-c", "kill -KILL $0", &pids.replace('\n', " ")]));
    }
    let _ = run(Command::new("ip").args(["netns", "delete", name]));
}

/// Runs a command to its end; returns its output, or an error.
fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_owned();
    let output = command.output().map_err(|e| match e.kind() {
        ErrorKind::NotFound => format!("there is no program {program:?}"),
        _ => format!("{command:?}: {e}"),
    })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let error = String::from_utf8_lossy(&output.stderr);
        Err(format!("{command:?}: {}", error.trim()))
    }
}

mod tests {
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;
    use std::panic;
    use std::process::Stdio;
    use std::sync::mpsc;

    use super::super::skip;
    use super::*;

    #[test]
    fn a_host_loses_as_many_packets_as_it_was_told() {
        const TEST: &str = "netns::a_host_loses_as_many_packets_as_it_was_told";
        if let Err(reason) = loss_available() {
            return skip(TEST, &reason);
        }
        let mut network = Network::new().unwrap();
        let (from, to) = (
            network.add_host("from").unwrap(),
            network.add_host("to").unwrap(),
        );
        // No socket listens there, and the host counts such packets.
        let arriving = |port: u16| {
            let before = arrived_for_nobody(&to);
            let target = format!("/dev/udp/{}/{port}", to.address());
            let send = format!("for i in {{1..1000}}; do echo > {target}; done");
            run(from.command("bash").args(["-c", &send])).unwrap();
            arrived_for_nobody(&to) - before
        };
        assert_eq!(arriving(9696), 1000);
        to.lose_incoming_udp(9696, 30).unwrap();
        let some = arriving(9696);
        assert!((600..800).contains(&some), "{some} of 1000 at 30% loss");
        assert_eq!(arriving(9697), 1000, "on another port");
        to.lose_incoming_udp(9696, 100).unwrap();
        assert_eq!(arriving(9696), 0);
        to.lose_incoming_udp(9696, 0).unwrap();
        assert_eq!(arriving(9696), 1000);
    }

    /// Returns the counter NoPorts of UDP: datagrams without a socket.
    fn arrived_for_nobody(host: &Host) -> u32 {
        let counters = run(host.command("cat").arg("/proc/net/snmp")).unwrap();
        let udp = counters.lines().rfind(|line| line.starts_with("Udp: "));
        let no_ports = udp.and_then(|line| line.split(' ').nth(2));
        no_ports.and_then(|n| n.parse().ok()).expect("NoPorts")
    }

    #[test]
    fn nothing_is_left_of_a_network_after_a_panic() {
        const TEST: &str = "netns::nothing_is_left_of_a_network_after_a_panic";
        if let Err(reason) = available() {
            return skip(TEST, &reason);
        }
        let (send, made) = mpsc::channel();
        let panicked = panic::catch_unwind(|| {
            let host = Network::new().unwrap().add_host("doomed").unwrap();
            let mut shell = host.command("sh");
            shell.args(["-c", "echo running; exec sleep 10"]);
            let mut child = shell.stdout(Stdio::piped()).spawn().unwrap();
            let output = child.stdout.as_mut().unwrap();
            output.read_exact(&mut [0; "running".len()]).unwrap();
            send.send((host.namespace.name.clone(), child)).unwrap();
            panic!("on purpose");
        });
        assert!(panicked.is_err());
        let (name, mut child) = made.recv().unwrap();
        let killed = 9;
        assert_eq!(child.wait().unwrap().signal(), Some(killed));
        let listed = run(Command::new("ip").args(["netns", "list"])).unwrap();
        assert!(!listed.contains(&name), "{listed}");
    }
}
