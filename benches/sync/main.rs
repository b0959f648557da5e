//! What a tell and a datagram cost, beside a baseline that works as the C module does:
//! one mutex, a copy, one sendto(2) for each full packet; one recvfrom(2) for each
//! datagram. Both run in turn in one process, so that the ratios hold on a noisy machine.
//!
//! ```text
//! cargo bench --bench sync
//! ```

mod baseline;
mod clocks;
mod ours;
mod receiving;
mod telling;

use std::net::Ipv4Addr;

use livesync::{InfoHash, Peer, PeerFlags};

/// Each figure is the median of so many.
const ROUNDS: usize = 5;

fn main() {
    // `cargo test --benches` only wants to see that it runs.
    let brief = !std::env::args().any(|argument| argument == "--bench");
    let records = if brief { 100_000 } else { 10_000_000 };
    println!("| path | C way | ours | ratio |");
    println!("| --- | --- | --- | --- |");
    telling::run(records);
    receiving::run(records);
}

/// A row of the table: the medians, and their ratio.
fn row(what: &str, unit: &str, baseline: Vec<f64>, ours: Vec<f64>) {
    let (baseline, ours) = (median(baseline), median(ours));
    let ratio = ours / baseline;
    println!("| {what} | {baseline:.3} {unit} | {ours:.3} {unit} | {ratio:.2} |");
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The peer with this number.
fn announce(number: u32) -> (InfoHash, Peer) {
    let mut info_hash = [0; 20];
    info_hash[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    let peer = Peer {
        ip: Ipv4Addr::from(0x0a00_0000 + (number & 0xff_ffff)).into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    };
    (InfoHash(info_hash), peer)
}
