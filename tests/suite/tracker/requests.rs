//! Requests that no proper client sends, byte for byte.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use super::running::{HASH, LOCALHOST, OTHER_HOST, PATIENCE, Tracker, leecher};

#[test]
fn a_connection_id_is_good_for_its_address_only() {
    let tracker = Tracker::start(&[]);
    let here = Raw::new(LOCALHOST, tracker.address());
    let there = Raw::new(OTHER_HOST, tracker.address());
    let id = here.connect();
    assert_ne!(id, there.connect());

    let mut wrong = id;
    wrong[7] ^= 1;
    let refused = error_reply("connection id is not valid");
    assert_eq!(here.request(&announce_packet(wrong)), Some(refused.clone()));
    assert_eq!(here.request(&scrape_packet(wrong)), Some(refused.clone()));
    assert_eq!(there.request(&announce_packet(id)), Some(refused));

    let accepted = here.request(&announce_packet(id)).expect("a reply");
    assert_eq!(accepted[..8], [0, 0, 0, 1, 9, 8, 7, 6]);
}

#[test]
fn the_peer_is_where_the_packet_came_from() {
    let tracker = Tracker::start(&[]);
    let here = Raw::new(LOCALHOST, tracker.address());
    let mut packet = announce_packet(here.connect());
    packet[84..88].copy_from_slice(&[10, 1, 2, 3]);
    here.request(&packet).expect("a reply");

    let reply = tracker
        .client(OTHER_HOST)
        .announce(&leecher(4002))
        .expect("announce");
    assert_eq!(reply.peers, [SocketAddrV4::new(LOCALHOST, 4000)]);
}

#[test]
fn malformed_requests_get_an_error_and_garbage_gets_nothing() {
    let tracker = Tracker::start(&[]);
    let here = Raw::new(LOCALHOST, tracker.address());
    let id = here.connect();
    let announce = announce_packet(id);
    let scrape = scrape_packet(id);

    let mut port_0 = announce.clone();
    port_0[96..98].fill(0);
    assert_eq!(
        here.request(&port_0),
        Some(error_reply("port 0 cannot be reached"))
    );
    let malformed = Some(error_reply("malformed request"));
    assert_eq!(here.request(&announce[..97]), malformed);
    assert_eq!(here.request(&scrape[..35]), malformed);
    assert_eq!(here.request(&packet(id, 7, &[])), malformed);

    let strange_connect = packet([7; 8], 0, &[]);
    let forged_and_short = packet([7; 8], 1, &[]);
    for garbage in [
        &[][..],
        b"d1:ad2:id20:",
        &[0xff; 1000],
        &strange_connect,
        &forged_and_short,
    ] {
        assert_eq!(here.request(garbage), None, "{garbage:?}");
    }
    // The tracker still answers.
    assert!(here.request(&announce).is_some());
}

/// A socket for packets that no proper client sends.
struct Raw(UdpSocket);

impl Raw {
    fn new(from: Ipv4Addr, tracker: SocketAddrV4) -> Self {
        let socket = UdpSocket::bind((from, 0)).expect("bind");
        socket.connect(tracker).expect("connect");
        Self(socket)
    }

    /// Returns the reply, or `None` if there is none. That is certain, since a second request,
    /// sent after the first, is answered after it.
    fn request(&self, request: &[u8]) -> Option<Vec<u8>> {
        let mut marker = packet(PROTOCOL_ID, 0, &[]);
        marker[12..16].copy_from_slice(b"mark");
        self.0.send(request).expect("send");
        self.0.send(&marker).expect("send");
        let reply = self.receive();
        if &reply[4..8] == b"mark" {
            return None;
        }
        assert_eq!(&self.receive()[4..8], b"mark");
        Some(reply)
    }

    fn connect(&self) -> [u8; 8] {
        let reply = self.request(&packet(PROTOCOL_ID, 0, &[])).expect("a reply");
        assert_eq!(reply[..8], [0, 0, 0, 0, 9, 8, 7, 6]);
        reply[8..].try_into().expect("a connection id")
    }

    fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        self.0.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let length = self.0.recv(&mut buffer).expect("a reply");
        buffer[..length].to_vec()
    }
}

const PROTOCOL_ID: [u8; 8] = 0x0417_2710_1980_u64.to_be_bytes();

fn packet(connection_id: [u8; 8], action: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = connection_id.to_vec();
    packet.extend([0, 0, 0, action, 9, 8, 7, 6]);
    packet.extend(body);
    packet
}

/// Returns the announce of a leecher at port 4000.
fn announce_packet(connection_id: [u8; 8]) -> Vec<u8> {
    let mut body = [0; 82];
    body[..20].copy_from_slice(&HASH);
    body[55] = 1; // left
    body[76..80].fill(0xff); // num_want -1
    body[80..].copy_from_slice(&4000_u16.to_be_bytes());
    packet(connection_id, 1, &body)
}

fn scrape_packet(connection_id: [u8; 8]) -> Vec<u8> {
    packet(connection_id, 2, &HASH)
}

fn error_reply(message: &str) -> Vec<u8> {
    let mut reply = vec![0, 0, 0, 3, 9, 8, 7, 6];
    reply.extend(message.as_bytes());
    reply
}
