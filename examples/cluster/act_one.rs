//! The first act: peers announce themselves to one of three trackers, and all three know them.

use std::net::SocketAddrV4;
use std::thread;
use std::time::{Duration, Instant};

use crate::bep15::Event;
use crate::downloads::{self, Counters, DOWNLOADS};
use crate::peer::Peer;
use crate::screen::{ms, say};
use crate::watch::{self, Expect, LIMIT, POLL, Watch};

const PEERS: u8 = 8;
/// Pause between two announces, so that one can watch each of them spread.
const PACE: Duration = Duration::from_millis(150);

/// Plays the first act.
pub fn play(trackers: &[SocketAddrV4], summary: &mut Vec<String>) -> Result<(), String> {
    // Each peer has a torrent of its own, so that a tracker's counts show exactly which peers
    // it knows.
    let peers: Vec<Peer> = (1..=PEERS).map(|n| Peer::new(n, n, n % 2 == 1)).collect();

    peers_arrive(trackers, &peers, summary)?;
    downloader_asks(trackers, &peers[0], summary)?;
    peer_stops(trackers, &peers, summary)?;
    downloads_complete(trackers, summary)
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
            watch.note_announced(index);
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
    let last = trackers.len();
    say(&format!(
        "\nA downloader that knows only tracker {last} asks it for peers:"
    ));
    let downloader = Peer::new(100, 1, false);
    let start = Instant::now();
    let answer = downloader.announce(trackers[last - 1], Event::Started)?;
    let time = ms(start.elapsed());
    let others: Vec<_> = answer
        .peers
        .iter()
        .filter(|&&peer| peer != downloader.address)
        .collect();
    say(&format!("  answer after {time}: {others:?}"));
    if others != [&seeder.address] {
        return Err(format!(
            "tracker {last} should have answered [{}]",
            seeder.address
        ));
    }
    summary.push(format!(
        "tracker {last} gave a downloader the seeder {}, which announced itself only to tracker 1",
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
        "\n{} stops and announces it to tracker 1 only:",
        stopping.address
    ));
    let mut watch = Watch::new(trackers, &[*stopping], Expect::Gone)?;
    let mut stop = || {
        stopping.announce(trackers[0], Event::Stopped)?;
        watch.note_announced(0);
        watch.look_until_settled()?;
        watch::check_all_known(trackers, staying)
    };
    let outcome = stop();
    summary.push(watch.summary());
    outcome
}

/// Completes the downloads that the second act counts.
fn downloads_complete(trackers: &[SocketAddrV4], summary: &mut Vec<String>) -> Result<(), String> {
    let (all, total) = (trackers.len(), downloads::total());
    say(&format!(
        "\n{total} downloads complete, of {} torrents, announced to tracker 1 only:",
        DOWNLOADS.len()
    ));
    let mut counters = Counters::new(trackers)?;
    downloads::complete(trackers[0])?;
    let start = Instant::now();
    loop {
        let counted = counters.read()?;
        if counted.iter().all(|counts| *counts == DOWNLOADS) {
            break;
        }
        if start.elapsed() >= LIMIT {
            return Err(downloads::what_is_wrong(&counted, LIMIT));
        }
        thread::sleep(POLL);
    }
    let time = ms(start.elapsed());
    say(&format!("  counted by all {all} trackers after {time}"));
    summary.push(format!("{total} downloads counted by all {all} trackers"));
    Ok(())
}
