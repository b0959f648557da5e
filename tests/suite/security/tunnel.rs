//! The commands for WireGuard, on hosts without any other connection.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use livesync::{Config, Stats};

use super::{block, load};
use crate::repair::segment::{Tracker, announce};
use crate::support::netns::{self, Host, Network};
use crate::support::{cc, skip};

/// Full packets, and one that is not full.
const PEERS: u32 = 130;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn two_trackers_sync_through_wireguard() {
    const TEST: &str = "security::two_trackers_sync_through_wireguard";
    if let Err(reason) = available() {
        return skip(TEST, &reason);
    }
    let tunnel = Tunnel::new(2, "wireguard: two");
    tunnel.all_know_all([198, 51, 100]);
}

#[test]
fn three_trackers_sync_through_a_vxlan_on_wireguard() {
    const TEST: &str = "security::three_trackers_sync_through_a_vxlan_on_wireguard";
    if let Err(reason) = available().and_then(|()| vxlan_available()) {
        return skip(TEST, &reason);
    }
    let tunnel = Tunnel::new(3, "wireguard: more");
    for host in &tunnel.hosts {
        load(host, &block("nft", "livesync-tunnel"));
    }
    tunnel.all_know_all([203, 0, 113]);
    // Packets beside the tunnel are dropped.
    assert_eq!(dropped(&tunnel.hosts[0]), 0);
    let beside = || UdpSocket::bind((underlay(2), 0))?.send_to(b"VXLAN", (underlay(1), 4789));
    tunnel.hosts[1].inside(beside).expect("it is sent");
    let start = Instant::now();
    while dropped(&tunnel.hosts[0]) == 0 {
        assert!(start.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
}

fn available() -> Result<(), String> {
    netns::loss_available()?;
    for program in ["wg", "wireguard-go"] {
        let there = Command::new(program).arg("--version").output();
        there.map_err(|e| format!("{program}: {e}"))?;
    }
    let tun = Path::new("/dev/net/tun");
    tun.exists().then_some(()).ok_or("no /dev/net/tun".into())
}

fn vxlan_available() -> Result<(), String> {
    let host = Network::new()?.add_host("probe")?;
    let add = "ip link add probe type vxlan id 1 dstport 4789";
    let output = host.command("sh").args(["-c", add]).output();
    let output = output.map_err(|e| e.to_string())?;
    let reason = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    output.status.success().then_some(()).ok_or_else(reason)
}

/// Returns the address of a host for the tunnel's own packets.
fn underlay(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number)
}

struct Tunnel {
    _network: Network,
    _underlay: Network,
    hosts: Vec<Host>,
}

impl Tunnel {
    /// Makes this many hosts that have run the commands of the page.
    fn new(count: u8, containing: &str) -> Self {
        let keys = tempfile::tempdir_in(cc::scratch()).expect("a directory");
        let (mut network, between) = (Network::new().unwrap(), Network::new().unwrap());
        let hosts: Vec<Host> = (1..=count)
            .map(|number| {
                let host = network.add_host(&format!("tracker-{number}")).unwrap();
                between.attach(&host, "eth1", underlay(number)).unwrap();
                host
            })
            .collect();
        let public: Vec<String> = (1..=count).map(|n| make_key(keys.path(), n)).collect();
        for (host, number) in hosts.iter().zip(1..) {
            let commands = commands(&block("sh", containing), keys.path(), number, count);
            let next = |by: u8| &public[usize::from((number - 1 + by) % count)];
            let mut shell = host.command("sh");
            shell.env("OTHER_PUBLIC_KEY", next(1));
            shell.env("SECOND_PUBLIC_KEY", next(1));
            shell.env("THIRD_PUBLIC_KEY", next(2));
            cc::run(shell.args(["-e", "-c", &commands]));
        }
        Self {
            _network: network,
            _underlay: between,
            hosts,
        }
    }

    /// Starts a tracker on each host, on its address in this network, and checks that all get
    /// the announces of all.
    fn all_know_all(&self, network: [u8; 3]) {
        let [a, b, c] = network;
        let address = |number: u8| Ipv4Addr::new(a, b, c, number);
        let count = u8::try_from(self.hosts.len()).expect("a few");
        let allowed = (1..=count).map(|number| IpAddr::from(address(number)).into());
        let allowed: Vec<_> = allowed.collect();
        let config = Config::default().port(9696u16).scrape(false).allow(allowed);
        let trackers: Vec<Tracker> = (1..=count)
            .zip(&self.hosts)
            .map(|(number, host)| Tracker::start_at(address(number), host, config.clone()))
            .collect();
        for (tracker, number) in trackers.iter().zip(0..) {
            for peer in 0..PEERS {
                tracker.announce(announce(number * PEERS + peer));
            }
        }
        let start = Instant::now();
        let all = usize::from(count) * PEERS as usize;
        while !trackers.iter().all(|tracker| tracker.knows(all)) {
            let stats: Vec<Option<Stats>> = trackers.iter().map(|t| t.livesync.stats()).collect();
            assert!(start.elapsed() < PATIENCE, "{stats:#?}");
            thread::sleep(Duration::from_millis(20));
        }
        println!(
            "{count} trackers know {all} peers after {:?}",
            start.elapsed()
        );
    }
}

/// Makes the private key of a host, and returns its public key.
fn make_key(directory: &Path, number: u8) -> String {
    let make = r#"umask 077; wg genkey > "$0"; wg pubkey < "$0""#;
    let file = directory.join(number.to_string());
    let output = cc::run(Command::new("sh").args(["-c", make]).arg(file));
    String::from_utf8(output.stdout)
        .expect("a key")
        .trim()
        .to_owned()
}

/// Returns the page's commands for its first host, changed to those of another one: each
/// address becomes that of a host, in a ring. A kernel without WireGuard uses wireguard-go.
/// That program communicates with wg by a socket in a directory that all hosts would share, and
/// its interface has the flag MULTICAST, unlike the kernel's, until the flag is removed.
fn commands(page: &str, keys: &Path, number: u8, count: u8) -> String {
    let mut commands = page.to_owned();
    for network in ["192.0.2.", "198.51.100.", "203.0.113."] {
        let mut parts = commands.split(network);
        let mut renamed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (digit, rest) = part.split_at(1);
            let host: u8 = digit.parse().expect("the number of a host");
            let host = (host - 1 + number - 1) % count + 1;
            renamed += &format!("{network}{host}{rest}");
        }
        commands = renamed;
    }
    let key = keys.join(number.to_string());
    let commands = commands.replace("/etc/wireguard/wg0.key", &key.to_string_lossy());
    let kernel = "ip link add wg0 type wireguard";
    assert!(commands.contains(kernel), "{commands}");
    let userspace = "mkdir -p /run/wireguard; mount -t tmpfs tmpfs /run/wireguard; \
                     wireguard-go wg0 >/dev/null 2>&1";
    let either = format!("{kernel} 2>/dev/null || {{ {userspace}; }}");
    commands.replace(kernel, &either) + "ip link set wg0 multicast off\n"
}

/// Returns how many packets the rules for the tunnel have dropped on a host.
fn dropped(host: &Host) -> u64 {
    let mut list = host.command("nft");
    let listed = cc::run(list.args(["list", "table", "inet", "livesync-tunnel"]));
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let count = listed.split("counter packets ").nth(1);
    let count = count.and_then(|rest| rest.split(' ').next());
    count.and_then(|n| n.parse().ok()).expect("a counter")
}
