//! Whether this host can send to the group and hear it.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::SetupError;
use crate::net::{Group, Inbox, wait};
use crate::types::TrackerId;
use crate::wire::{Frame, Inquire, MAX_RECEIVED};

/// What a [`selftest`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Findings {
    /// How long it took until our own packet was heard, if it was.
    pub echo: Option<Duration>,
    /// Why it could not be sent, if that is so.
    pub send_error: Option<std::io::Error>,
    /// The other trackers that were heard meanwhile.
    pub heard: Vec<(TrackerId, SocketAddrV4)>,
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
    let config = config.clone().loopback(true).speak(true).listen(true);
    let group = Group::join(&config)?;
    let nobody = TrackerId::random();
    let probe = Inquire { asked: nobody }.emit(nobody);
    let start = Instant::now();
    let mut findings = Findings {
        echo: None,
        send_error: group.send(&probe).err(),
        heard: Vec::new(),
    };
    let mut inbox = Inbox::new(MAX_RECEIVED);
    while findings.send_error.is_none()
        && let Some(left) = time.checked_sub(start.elapsed())
        && let Some(receiver) = group.receiver()
    {
        if inbox.receive(receiver, usize::MAX).is_err()
            && wait([Some(receiver), None], None, Some(left)).is_err()
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
    fn note(&mut self, id: TrackerId, source: SocketAddrV4) {
        if !self.heard.contains(&(id, source)) {
            self.heard.push((id, source));
        }
    }
}
