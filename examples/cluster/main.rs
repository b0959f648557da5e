//! Three C trackers on this machine become one: `cargo run --release -p cluster`.
//!
//! In the first act peers announce themselves to the first tracker only. The program shows how
//! long the others take to know them, that a downloader of the third tracker finds a seeder that
//! announced itself only to the first, that a peer that stops vanishes from all three, and that
//! all three count the downloads that complete. In the second act a fourth tracker joins empty,
//! and learns the torrents and their download counts from the others.
//!
//! | file | contents |
//! | --- | --- |
//! | `act_one.rs`, `act_two.rs` | the two acts |
//! | `peer.rs`, `downloads.rs` | peers and downloads that are announced to the trackers |
//! | `watch.rs` | measures which peers the trackers know, and after how long |
//! | `table.rs`, `screen.rs` | output for people |
//! | `bep15.rs` | a client for the UDP tracker protocol |
//! | `compile.rs`, `trackers.rs`, `beacons.rs`, `children.rs` | the C trackers: built, run, set, ended |
//! | `interrupt.rs` | Ctrl-C |

mod act_one;
mod act_two;
mod beacons;
mod bep15;
mod children;
mod compile;
mod downloads;
mod interrupt;
mod peer;
mod screen;
mod table;
mod trackers;
mod watch;

use std::env;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use beacons::Beacons;
use children::Children;
use screen::say;
use trackers::{Cluster, url};

const USAGE: &str = "usage: cluster [--serve] [--help]

Builds the C tracker of examples/tracker, starts three of them on this machine and shows how
peers that announce themselves to one come to be known by all. Then a fourth tracker joins
empty, and learns the torrents and their download counts from the others. The exit status is 0
if all of it happened.

  --serve  keep all four up after the demonstration, for BitTorrent clients of your own
  --help   show this text

$CC names the C compiler (default: cc). LIVESYNC_* variables are passed on to the trackers.
Two of them have shorter defaults here, so that the second act takes seconds and not half an
hour: LIVESYNC_FIRST_BEACON_DELAY=1 and LIVESYNC_BEACON_INTERVAL=0.5.";

/// Number of trackers in the first act.
const TRACKERS: usize = 3;

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

    let beacons = Beacons::from_environment()?;
    let program = compile::tracker(&children)?;
    say(&format!("Built the C tracker: {}", program.display()));
    let mut cluster = Cluster::new(program, children, beacons, serve)?;

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

/// Lets Ctrl-C end the program at any point, with the exit status in the returned number.
fn end_on_ctrl_c(children: &Children) -> Result<Arc<AtomicI32>, String> {
    let status = Arc::new(AtomicI32::new(INTERRUPTED));
    let (children, exit_status) = (children.clone(), status.clone());
    interrupt::on_signal(move || {
        let _closed = children.close();
        compile::remove_unfinished();
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
    act_one::play(cluster.trackers(), summary)?;
    if !cfg!(feature = "want_sync_scrape") {
        summary.push("no second act: built without the feature want_sync_scrape".to_owned());
        return Ok(());
    }
    act_two::play(cluster, summary)
}

fn serve_until_ctrl_c(cluster: &Cluster) -> Result<(), String> {
    say("\nThe trackers stay up until Ctrl-C. Give each of your BitTorrent clients another one:");
    cluster
        .trackers()
        .iter()
        .for_each(|&address| say(&format!("  {}", url(address))));
    cluster.print_lines()
}
