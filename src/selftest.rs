//! Whether this host can send to the group and hear it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::SetupError;
use crate::net::{Awaited, Inbox, Link, Multicast, wait};
use crate::types::TrackerId;
use crate::wire::{Frame, Inquire, MAX_RECEIVED};

/// The most trackers that a self-test tells apart.
const MAX_HEARD: usize = 256;

/// What a [`selftest`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Findings {
    /// How long it took until our own packet was heard, if it was.
    pub echo: Option<Duration>,
    /// Why it could not be sent, if that is so.
    pub send_error: Option<std::io::Error>,
    /// The other trackers that were heard meanwhile, the first 256 of them.
    pub heard: Vec<(TrackerId, SocketAddr)>,
    /// The number of packets that came from yet others.
    pub packets_from_more: u64,
    /// Settings of this host by which packets may get lost, each a sentence for its operator.
    pub hints: Vec<String>,
}

/// Joins the group of `config` with sockets of its own, sends a packet, and listens for
/// so long.
///
/// The packet is an inquiry that asks for the torrents of its own sender, which does not
/// exist: every tracker ignores it.
///
/// That it is heard shows that the interface, the group and this host's own firewall let
/// multicast through. What switches and other hosts do with it shows when those are heard.
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
