//! Two real BitTorrent clients that know different trackers find each other.
//!
//! Every program has a host of its own, so that the trackers see the addresses at which
//! the clients reach one another and the sync crosses a real interface both ways.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::netns::{self, Host, Network};
use crate::support::process::Process;
use crate::support::tracker_program::tracker;
use crate::support::{cc, is_long, skip};

/// Debian builds python3-libtorrent for its own interpreter only.
const PYTHON: &str = "/usr/bin/python3";
const START: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_download_between_clients_of_two_trackers() {
    const TEST: &str = "real_clients::a_download_between_clients_of_two_trackers";
    if let Err(reason) = netns::available().and_then(|()| libtorrent_available()) {
        return skip(TEST, &reason);
    }
    if is_long() {
        let alone = download(false, Duration::from_secs(4));
        assert_eq!(alone, None, "the clients met without the trackers' sync");
    }
    let synced = download(true, PATIENCE);
    let time = synced.expect("the download was not complete");
    println!("complete {:.3} s after its start", time.as_secs_f64());
}

/// Seeds through tracker 1, then downloads through tracker 2, with sync between the two or
/// without. Returns how long after its start the downloading client had everything.
fn download(sync: bool, limit: Duration) -> Option<Duration> {
    let mut network = Network::new().unwrap();
    let [host_1, host_2, seeding_host, leeching_host] =
        ["tracker-1", "tracker-2", "seeder", "leecher"].map(|name| network.add_host(name).unwrap());
    let files = tempfile::tempdir_in(cc::scratch()).unwrap();
    let [torrent, full, empty] =
        ["content.torrent", "full", "empty"].map(|name| files.path().join(name));
    std::fs::create_dir(&full).unwrap();
    std::fs::create_dir(&empty).unwrap();
    let mut make = client(Command::new(PYTHON));
    cc::run(make.arg("make").args([&full.join("content"), &torrent]));

    let _tracker_1 = serve(&host_1, Some(&host_2));
    let _tracker_2 = serve(&host_2, sync.then_some(&host_1));
    let seeder = join(&seeding_host, &torrent, &full, &host_1);
    seeder.line("announced", START).expect("seeder announces");
    let leecher = join(&leeching_host, &torrent, &empty, &host_2);
    leecher.line("announced", START).expect("leecher announces");
    let complete = leecher.line("complete", limit)?;

    let [sent, received] = [full, empty].map(|dir| std::fs::read(dir.join("content")).unwrap());
    assert!(sent == received, "the content arrived damaged");
    Some(complete)
}

/// Starts a tracker that syncs with the one on `other`, if there is one.
fn serve(host: &Host, other: Option<&Host>) -> Process {
    let mut command = host.command(tracker());
    if let Some(other) = other {
        command.args(["-s", &host.address().to_string()]);
        command.args(["-A", &other.address().to_string()]);
    }
    let tracker = Process::start(&mut command);
    tracker.line("tracker: serving", START).expect("a tracker");
    tracker
}

/// Starts a client in the swarm that knows only the tracker on `tracker`.
fn join(host: &Host, torrent: &Path, directory: &Path, tracker: &Host) -> Process {
    let mut command = client(host.command(PYTHON));
    command.args(["join", &host.address().to_string()]);
    command.args([torrent, directory]);
    command.arg(format!("udp://{}:6969", tracker.address()));
    Process::start(&mut command)
}

/// Returns `python` with the client as its program.
fn client(mut python: Command) -> Command {
    python.arg(cc::root().join("tests/suite/real_clients/client.py"));
    python
}

fn libtorrent_available() -> Result<(), String> {
    match Command::new(PYTHON)
        .args(["-c", "import libtorrent"])
        .output()
    {
        Ok(output) if output.status.success() => Ok(()),
        Ok(_) => Err(format!("{PYTHON} has no module libtorrent")),
        Err(e) => Err(format!("{PYTHON}: {e}")),
    }
}
