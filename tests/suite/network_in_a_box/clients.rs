//! Clients of the trackers, by BEP 15. Each is on the host of its tracker, and tries the next
//! tracker if that one does not answer.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};

use super::trackers::{Cluster, TRACKER_PORT, TRACKERS};
use crate::support::bep15::{Announce, Client, Event};
use crate::support::netns::Host;

/// Number of clients in each swarm.
const SWARM: u32 = 50;

/// The announce of a client, and its answer.
pub struct Answer {
    /// The client's unique number.
    client: u32,
    /// The tracker whose host it is on.
    home: usize,
    /// The tracker that has answered, and the time it took.
    pub tracker: usize,
    pub took: Duration,
}

/// New clients that announce themselves all the time.
pub struct Load {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Answer>>>,
}

impl Load {
    /// Starts this number of clients per second, for all trackers together.
    pub fn start(cluster: &Cluster, per_second: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_secs(1) * TRACKERS as u32 / per_second;
        let start = |home| {
            let mut visitor = Visitor::new(cluster.hosts.clone(), home);
            let (next, over) = (cluster.next.clone(), over.clone());
            thread::spawn(move || {
                let hosts = visitor.hosts.clone();
                hosts[home].inside(|| visitor.announce_until(&over, &next, pause))
            })
        };
        let threads = (0..TRACKERS).map(start).collect();
        Self { over, threads }
    }

    /// Runs the load for this time.
    pub fn of(cluster: &Cluster, per_second: u32, time: Duration) -> Vec<Answer> {
        let load = Self::start(cluster, per_second);
        thread::sleep(time);
        load.end()
    }

    pub fn end(self) -> Vec<Answer> {
        self.over.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        threads
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    }
}

/// All clients announce themselves once more, to the trackers that have answered them.
pub fn announce_again(cluster: &Cluster, answers: &[Answer]) {
    thread::scope(|scope| {
        for (home, host) in cluster.hosts.iter().enumerate() {
            let mut visitor = Visitor::new(cluster.hosts.clone(), home);
            let mine = answers.iter().filter(move |answer| answer.home == home);
            scope.spawn(move || {
                host.inside(|| {
                    mine.for_each(|answer| {
                        visitor
                            .announce_to(answer.tracker, answer.client)
                            .expect("an answer");
                    });
                })
            });
        }
    });
}

/// One more client of each of these trackers announces itself, in a swarm of their own.
pub fn meet(hosts: &[Host], meeting: u8) -> [u8; 20] {
    let mut swarm = [0xcc; 20];
    swarm[0] = meeting;
    for host in hosts {
        let announce = || connect(host)?.announce(&of_client(swarm, 0));
        host.inside(announce).expect("an answer");
    }
    swarm
}

/// Waits until each tracker knows exactly these clients, and returns how long it took.
pub fn until_all_know(cluster: &Cluster, answers: &[Answer], limit: Duration) -> Option<Duration> {
    let start = Instant::now();
    let expected = swarms(answers);
    while !cluster
        .hosts
        .iter()
        .all(|host| known(host, &expected) == expected)
    {
        if start.elapsed() > limit {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Some(start.elapsed())
}

/// Returns how many of these clients a tracker does not know.
pub fn missing(host: &Host, answers: &[Answer]) -> u32 {
    let expected = swarms(answers);
    let known = known(host, &expected);
    expected
        .iter()
        .map(|(swarm, clients)| clients - known[swarm])
        .sum()
}

/// Returns how many clients a tracker knows in a swarm.
pub fn count_of(host: &Host, swarm: [u8; 20]) -> u32 {
    known(host, &HashMap::from([(swarm, 0)]))[&swarm]
}

/// The times that clients waited for their answers.
pub struct Waited {
    pub median: Duration,
    /// One in a hundred waited longer.
    pub one_in_a_hundred: Duration,
    pub longest: Duration,
}

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            median,
            one_in_a_hundred,
            longest,
        } = self;
        write!(
            f,
            "{median:?} (median), {one_in_a_hundred:?} (p99), {longest:?} at most"
        )
    }
}

pub fn waited(answers: &[Answer]) -> Waited {
    let mut times: Vec<_> = answers.iter().map(|answer| answer.took).collect();
    times.sort();
    let last = times.len() - 1;
    Waited {
        median: times[last / 2],
        one_in_a_hundred: times[last * 99 / 100],
        longest: times[last],
    }
}

/// Returns how many of the clients are in each swarm.
fn swarms(answers: &[Answer]) -> HashMap<[u8; 20], u32> {
    let mut swarms = HashMap::new();
    for answer in answers {
        *swarms.entry(swarm(answer.client)).or_default() += 1;
    }
    swarms
}

/// Returns how many clients a tracker knows in each of these swarms.
fn known(host: &Host, swarms: &HashMap<[u8; 20], u32>) -> HashMap<[u8; 20], u32> {
    let swarms: Vec<_> = swarms.keys().copied().collect();
    let scrape = || connect(host)?.scrape(&swarms);
    let scraped = host.inside(scrape).expect("an answer");
    let seeders = scraped.iter().map(|scraped| scraped.seeders);
    swarms.iter().copied().zip(seeders).collect()
}

fn swarm(client: u32) -> [u8; 20] {
    let mut info_hash = [0xab; 20];
    // The first bits choose a bucket of the tracker's.
    info_hash[..4].copy_from_slice(&(client / SWARM).reverse_bits().to_be_bytes());
    info_hash
}

fn of_client(info_hash: [u8; 20], client: u32) -> Announce {
    Announce {
        info_hash,
        peer_id: [0; 20],
        left: 0,
        event: Event::None,
        port: (1024 + client % SWARM) as u16,
        num_want: 0,
    }
}

/// Connects from the tracker's own host.
fn connect(tracker: &Host) -> io::Result<Client> {
    connect_from(tracker, tracker)
}

fn connect_from(host: &Host, tracker: &Host) -> io::Result<Client> {
    let tracker = SocketAddrV4::new(tracker.address(), TRACKER_PORT);
    Client::connect(host.address(), tracker)
}

/// A program on the host of a tracker that plays all of its clients.
struct Visitor {
    hosts: Arc<Vec<Host>>,
    home: usize,
    connections: [Option<Client>; TRACKERS],
}

impl Visitor {
    fn new(hosts: Arc<Vec<Host>>, home: usize) -> Self {
        Self {
            hosts,
            home,
            connections: Default::default(),
        }
    }

    fn announce_until(
        &mut self,
        over: &AtomicBool,
        next: &AtomicU32,
        pause: Duration,
    ) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut due = Instant::now();
        while !over.load(Ordering::Relaxed) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due += pause;
            answers.extend(self.announce(next.fetch_add(1, Ordering::Relaxed)));
        }
        answers
    }

    /// Announces to one tracker after the other until one answers.
    fn announce(&mut self, client: u32) -> Option<Answer> {
        let start = Instant::now();
        let home = self.home;
        let mut trackers = (home..TRACKERS).chain(0..home);
        let tracker = trackers.find(|tracker| self.announce_to(*tracker, client).is_ok())?;
        Some(Answer {
            client,
            home,
            tracker,
            took: start.elapsed(),
        })
    }

    fn announce_to(&mut self, tracker: usize, client: u32) -> io::Result<()> {
        let connection = &mut self.connections[tracker];
        if connection.is_none() {
            let hosts = &self.hosts;
            *connection = Some(connect_from(&hosts[self.home], &hosts[tracker])?);
        }
        let announce = of_client(swarm(client), client);
        let connection_made = connection.as_mut().expect("just made");
        let answered = connection_made.announce(&announce);
        // The tracker may have restarted, and then does not know the connection.
        if answered.is_err() {
            *connection = None;
        }
        answered.map(drop)
    }
}
