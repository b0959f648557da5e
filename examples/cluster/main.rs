//! Three C trackers on this machine become one: `cargo run --release --example cluster`.
//!
//! Peers announce themselves to the first tracker only. The demonstration shows how long the
//! others take to know them, that a downloader who knows only the third tracker finds a seeder
//! who told only the first, and that a peer that stops vanishes from all three.

mod bep15;
mod children;
mod table;
mod trackers;
mod watch;

use std::env;
use std::net::SocketAddrV4;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use bep15::Event;
use children::Children;
use table::{ms, say};
use trackers::Cluster;
use watch::{Expect, Peer, Watch};

const USAGE: &str = "usage: cluster [--serve] [--help]

Builds the C tracker of examples/tracker, starts three of them on this machine and shows how
peers that announce themselves to one come to be known by all. The exit status is 0 if all of
it happened.

  --serve  keep the trackers up after the demonstration, for BitTorrent clients of your own
  --help   show this text

$CC names the C compiler (default: cc). LIVESYNC_* variables are passed on to the trackers.";

const TRACKERS: usize = 3;
const PEERS: u8 = 8;
/// Between two announces, so that one can watch each of them spread.
const PACE: Duration = Duration::from_millis(150);

const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let mut serve = false;
    for argument in env::args_os().skip(1) {
        match argument.to_str() {
            Some("--serve") => serve = true,
            Some("--help" | "-h") => {
                say(USAGE);
                return ExitCode::SUCCESS;
            }
            _ => {
                eprintln!("cluster: unknown option {}\n{USAGE}", argument.display());
                return ExitCode::from(2);
            }
        }
    }
    match run(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            what.lines().for_each(|line| eprintln!("cluster: {line}"));
            ExitCode::FAILURE
        }
    }
}

fn run(serve: bool) -> Result<(), String> {
    let children = Children::default();
    let interrupt_status = end_on_ctrl_c(&children)?;

    let program = trackers::build(&children)?;
    say(&format!("Built the C tracker: {}", program.display()));
    let mut cluster = Cluster::new(program, children, serve)?;

    let mut summary = Vec::new();
    let outcome = demonstrate(&mut cluster, &mut summary);
    let stay = serve && outcome.is_ok();
    let stopped = if stay { Ok(()) } else { cluster.stop() };
    if !summary.is_empty() {
        say(&format!("\n{}", summary.join("\n")));
    }
    match (outcome, stopped) {
        (Err(outcome), Err(stopped)) => return Err(format!("{outcome}\n{stopped}")),
        (outcome, stopped) => outcome.and(stopped)?,
    }
    if stay {
        interrupt_status.store(0, Ordering::Relaxed);
        serve_until_ctrl_c(&cluster)?;
    }
    Ok(())
}

/// Ctrl-C ends the program from whatever it does, with the status given back.
fn end_on_ctrl_c(children: &Children) -> Result<Arc<AtomicI32>, String> {
    let status = Arc::new(AtomicI32::new(INTERRUPTED));
    let (children, exit_status) = (children.clone(), status.clone());
    ctrlc::set_handler(move || {
        let _closed = children.close();
        trackers::remove_unfinished();
        process::exit(exit_status.load(Ordering::Relaxed));
    })
    .map_err(|e| format!("cannot catch Ctrl-C: {e}"))?;
    Ok(status)
}

fn demonstrate(cluster: &mut Cluster, summary: &mut Vec<String>) -> Result<(), String> {
    say(&format!(
        "\n{TRACKERS} trackers, syncing on UDP port {}:",
        cluster.sync_port()
    ));
    for number in 1..=TRACKERS {
        let address = cluster.start_tracker()?;
        say(&format!("  tracker {number}  {}", url(address)));
    }
    let trackers = cluster.trackers();
    // A torrent for each, so that a tracker's counts tell exactly which peers it knows.
    let peers: Vec<Peer> = (1..=PEERS).map(|n| Peer::new(n, n, n % 2 == 1)).collect();

    peers_arrive(trackers, &peers, summary)?;
    downloader_asks(trackers, &peers[0], summary)?;
    peer_stops(trackers, &peers, summary)
}

fn peers_arrive(
    trackers: &[SocketAddrV4],
    peers: &[Peer],
    summary: &mut Vec<String>,
) -> Result<(), String> {
    say(&format!(
        "\n{PEERS} peers announce themselves to tracker 1 only:"
    ));
    let mut watch = Watch::new(trackers, peers, Expect::Known)?;
    let mut arrive = || {
        for (index, peer) in peers.iter().enumerate() {
            peer.announce(trackers[0], Event::Started)?;
            watch.told(index);
            watch.look_for(PACE)?;
        }
        watch.look_until_settled()
    };
    let outcome = arrive();
    summary.push(watch.summary());
    outcome
}

fn downloader_asks(
    trackers: &[SocketAddrV4],
    seeder: &Peer,
    summary: &mut Vec<String>,
) -> Result<(), String> {
    let asked = trackers.len();
    say(&format!(
        "\nA downloader that knows only tracker {asked} asks it for peers:"
    ));
    let downloader = Peer::new(100, 1, false);
    let start = Instant::now();
    let answer = downloader.announce(trackers[asked - 1], Event::Started)?;
    let time = ms(start.elapsed());
    let others: Vec<_> = answer
        .peers
        .iter()
        .filter(|&&peer| peer != downloader.address)
        .collect();
    say(&format!("  answer after {time}: {others:?}"));
    if others != [&seeder.address] {
        return Err(format!(
            "tracker {asked} should have answered [{}]",
            seeder.address
        ));
    }
    summary.push(format!(
        "tracker {asked} gave a downloader the seeder {}, who told only tracker 1",
        seeder.address
    ));
    Ok(())
}

fn peer_stops(
    trackers: &[SocketAddrV4],
    peers: &[Peer],
    summary: &mut Vec<String>,
) -> Result<(), String> {
    let Some((stopping, staying)) = peers.split_last() else {
        return Ok(());
    };
    say(&format!(
        "\n{} stops and tells tracker 1 only:",
        stopping.address
    ));
    let mut watch = Watch::new(trackers, &[*stopping], Expect::Gone)?;
    let mut stop = || {
        stopping.announce(trackers[0], Event::Stopped)?;
        watch.told(0);
        watch.look_until_settled()?;
        watch::check_all_known(trackers, staying)
    };
    let outcome = stop();
    summary.push(watch.summary());
    outcome
}

fn serve_until_ctrl_c(cluster: &Cluster) -> Result<(), String> {
    say("\nThe trackers stay up until Ctrl-C. Give each of your BitTorrent clients another one:");
    cluster
        .trackers()
        .iter()
        .for_each(|&address| say(&format!("  {}", url(address))));
    cluster.print_lines()
}

fn url(tracker: SocketAddrV4) -> String {
    format!("udp://{tracker}/announce")
}
