//! A test of whether this host can send to the group and receive from it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::SetupError;
use crate::net::{Awaited, Inbox, Link, Multicast, wait};
use crate::types::TrackerId;
use crate::wire::{Frame, Inquire, MAX_RECEIVED};

/// How many other trackers a self-test tells apart.
const MAX_HEARD: usize = 256;

/// The result of a [`selftest`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Findings {
    /// The time until the test received its own packet, if it did.
    pub echo: Option<Duration>,
    /// The error of sending that packet, if it could not be sent.
    pub send_error: Option<std::io::Error>,
    /// The other trackers that were heard meanwhile, with their addresses; the first 256 of them.
    pub heard: Vec<(TrackerId, SocketAddr)>,
    /// The number of packets that came from further trackers.
    pub packets_from_more: u64,
    /// Settings of this host that may make it lose packets, each as a sentence for its operator.
    pub hints: Vec<String>,
}

/// Tests whether this host can send to the group of `config` and receive from it.
///
/// It joins the group with sockets of its own, sends one packet, and listens for the given time.
/// The packet is an inquiry for the torrents of its own sender, a random tracker id, so every
/// tracker ignores it.
///
/// If the packet comes back, the interface, the group and the firewall of this host let multicast
/// through. Whether switches and other hosts do so shows when other trackers are heard.
///
/// # Errors
/// The first setting that [`Config::validate`] refuses, or a system call that fails while it joins
/// the group.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use livesync::{Config, selftest};
///
/// # let port = 18_000 + (std::process::id() % 500) as u16;
/// let config = Config::on([127, 0, 0, 1]).port(port);
/// let findings = selftest(&config, Duration::from_millis(100))?;
/// match findings.echo {
///     Some(time) => println!("the packet came back after {time:?}"),
///     None => println!("the packet did not come back: {:?}", findings.send_error),
/// }
/// # Ok::<(), livesync::SetupError>(())
/// ```
pub fn selftest(config: &Config, time: Duration) -> Result<Findings, SetupError> {
    config.validate()?;
    let config = config.clone().loopback(true).speak(true).listen(true);
    let group = Multicast::join(&config)?;
    let nobody = TrackerId::random();
    let probe = Inquire { asked: nobody }.emit(nobody);
    let start = Instant::now();
    let mut findings = Findings {
        echo: None,
        send_error: group.send(&probe).err(),
        heard: Vec::new(),
        packets_from_more: 0,
        hints: group.hints(),
    };
    let mut inbox = Inbox::new(MAX_RECEIVED);
    while findings.send_error.is_none()
        && let Some(left) = time.checked_sub(start.elapsed())
        && let Some(receiver) = group.receiver()
    {
        if inbox.receive(receiver, usize::MAX).is_err()
            && wait(&mut [Awaited::to_read(Some(receiver))], Some(left)).is_err()
        {
            break;
        }
        for (source, packet) in inbox.take(usize::MAX) {
            if packet == probe {
                findings.echo.get_or_insert(start.elapsed());
            } else if let (Some(source), Ok(frame)) = (source, Frame::parse(packet))
                && !frame.packet.is_probe(frame.header.id)
            {
                findings.note(frame.header.id, source);
            }
        }
    }
    Ok(findings)
}

impl Findings {
    fn note(&mut self, id: TrackerId, source: SocketAddr) {
        if self.heard.contains(&(id, source)) {
            return;
        }
        if self.heard.len() < MAX_HEARD {
            self.heard.push((id, source));
        } else {
            self.packets_from_more += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_only_so_many_trackers() {
        let mut findings = Findings {
            echo: None,
            send_error: None,
            heard: Vec::new(),
            packets_from_more: 0,
            hints: Vec::new(),
        };
        for _ in 0..2 {
            for number in 0..1000_u32 {
                let source = ([10, 0, 0, 1], 1).into();
                findings.note(TrackerId(number.to_be_bytes()), source);
            }
        }
        assert_eq!(findings.heard.len(), MAX_HEARD);
        assert_eq!(findings.heard[255].0, TrackerId(255_u32.to_be_bytes()));
        assert_eq!(findings.packets_from_more, 2 * (1000 - 256));
    }
}
