//! Measures the cost of announces at a steady rate, as a tracker makes them, with a tick after
//! each announce or without. The cost is the processor time of the calls and of the library's
//! thread meanwhile.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::announcer::Announcer;
use crate::baseline::Teller;
use crate::measure::thread_time;
use crate::network;
use crate::ours::{self, Nothing};
use crate::table::{Effort, note, row, row_of_ours};

/// Announces per second, of all threads together.
const RATES: [u32; 5] = [500, 2_000, 10_000, 100_000, 1_000_000];

/// Shortest sleep. At higher rates several announces are made in a row.
const SLEEP: Duration = Duration::from_micros(100);

/// Fixed cost, which does not depend on the announces: ten flushes per second, of this many
/// microseconds each.
const FLUSHES: f64 = 10.0 * 20.0;

pub fn run(effort: Effort) {
    thread::scope(|scope| scope.spawn(|| run_here(effort)).join().expect("no panic"));
}

fn run_here(effort: Effort) {
    let interface = network::of_our_own();
    if let Err(reason) = &interface {
        note(&format!(
            "on the loop-back interface, without repair: {reason}"
        ));
    }
    for threads in [1, 4] {
        for ticks in [false, true] {
            for rate in RATES {
                measure(
                    effort,
                    interface.as_ref().ok().copied(),
                    threads,
                    ticks,
                    rate,
                );
            }
        }
    }
}

fn measure(effort: Effort, interface: Option<Ipv4Addr>, threads: u32, ticks: bool, rate: u32) {
    let config = ours::config(network::port()).listen(interface.is_some());
    let interface = interface.unwrap_or(Ipv4Addr::LOCALHOST);
    let config = config.interface(interface);
    let teller = Teller::on(interface, network::port());
    let node = ours::start(config, Arc::new(Nothing::default()));
    let [cost, wakeups] = effort.medians(
        || announce(&teller, &|| {}, effort, threads, ticks, rate),
        || announce(&node, &|| node.tick(), effort, threads, ticks, rate),
    );
    let tick = if ticks { "a tick each" } else { "no ticks" };
    let path = format!("{rate} announces per second, {tick}, threads: {threads}");
    let goal = 0.3 + FLUSHES / f64::from(rate);
    let goal = format!("at most {goal:.2} µs");
    row(&format!("processor, {path}"), "µs", cost, &goal);
    let goal = if rate < 520 { "at most 20" } else { "" };
    let path = format!("wake-ups of our thread, {path}");
    row_of_ours(&path, "0", wakeups.ours, "per second", goal);
}

/// Returns the processor time per announce in microseconds, and wake-ups per second.
fn announce(
    way: &dyn Announcer,
    tick: &(dyn Fn() + Sync),
    effort: Effort,
    threads: u32,
    ticks: bool,
    rate: u32,
) -> [f64; 2] {
    let length = match effort.pick(rate, u32::MAX) {
        u32::MAX => Duration::from_millis(30),
        ..1000 => Duration::from_secs(1),
        _ => Duration::from_millis(300),
    };
    let each = rate / threads;
    let in_a_row = (f64::from(each) * SLEEP.as_secs_f64()).ceil().max(1.0) as usize;
    let pause = Duration::from_secs(1) * in_a_row as u32 / each;
    let before = OurThread::find();
    let in_calls: Duration = thread::scope(|scope| {
        let run = || at_a_rate(way, tick, ticks, length, in_a_row, pause);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let took = threads.into_iter().map(|thread| thread.join());
        took.map(|took| took.expect("no panic")).sum()
    });
    let after = OurThread::find();
    let announces = f64::from(rate) * length.as_secs_f64();
    let processor = in_calls + (after.processor - before.processor);
    [
        processor.as_secs_f64() * 1e6 / announces,
        (after.wakeups - before.wakeups) as f64 / length.as_secs_f64(),
    ]
}

/// Returns the processor time of the calls, without the cost of reading the clock. Between them
/// the thread keeps working, as that of a busy tracker does: the caches of a thread that sleeps
/// are cold.
fn at_a_rate(
    way: &dyn Announcer,
    tick: &(dyn Fn() + Sync),
    ticks: bool,
    length: Duration,
    in_a_row: usize,
    pause: Duration,
) -> Duration {
    let announces = network::announces();
    let mut announces = announces.iter().cycle();
    let start = Instant::now();
    let (mut due, mut took) = (start, Duration::ZERO);
    while due - start < length {
        while Instant::now() < due {}
        let row = announces.by_ref().take(in_a_row);
        let before = thread_time();
        for (info_hash, peer) in row {
            way.send_announce(info_hash, peer);
            if ticks {
                tick();
            }
        }
        let after = thread_time();
        took += (after - before).saturating_sub(thread_time() - after);
        due += pause;
    }
    took
}

/// Processor time and wake-ups of the library's thread so far; zero if there is no thread.
#[derive(Default)]
struct OurThread {
    processor: Duration,
    wakeups: u64,
}

impl OurThread {
    fn find() -> Self {
        let tasks = fs::read_dir("/proc/self/task").expect("Linux");
        let tasks = tasks.map(|task| task.expect("a thread").path());
        let mut sum = Self::default();
        for task in tasks {
            let read = |name| fs::read_to_string(task.join(name)).unwrap_or_default();
            if read("comm").trim() != "livesync" {
                continue;
            }
            let schedstat = read("schedstat");
            let nanos = schedstat.split(' ').next().and_then(|ns| ns.parse().ok());
            sum.processor += Duration::from_nanos(nanos.unwrap_or(0));
            let status = read("status");
            let wakeups = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            sum.wakeups += wakeups.map_or(0, |n| n.trim().parse().expect("a number"));
        }
        sum
    }
}
