//! The environment of a program that uses the library, on 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::LazyLock;
use std::{env, fs, io::Write, process};

/// Each process has its own port, so that several may run at once.
pub static PORT: LazyLock<u16> = LazyLock::new(|| 20_000 + (process::id() % 40_000) as u16);

/// A socket that sends to the group, a socket for livesync_receive(), and a key.
pub struct World {
    pub sender: UdpSocket,
    pub inbox: UdpSocket,
    pub key_file: String,
}

pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let key_file = env::temp_dir().join(format!("livesync-fuzz-{}.key", process::id()));
    let _ = fs::remove_file(&key_file);
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&key_file);
    file.and_then(|mut file| file.write_all("07".repeat(32).as_bytes()))
        .expect("a key file");
    World {
        sender: socket(),
        inbox: socket(),
        key_file: key_file.to_str().expect("a path").to_owned(),
    }
});

/// Sends a datagram to the group, or to the socket for livesync_receive().
pub fn send(group: bool, datagram: &[u8]) {
    let World { sender, inbox, .. } = &*WORLD;
    let to = if group {
        Some(SocketAddrV4::new([224, 0, 42, 5].into(), *PORT).into())
    } else {
        inbox.local_addr().ok()
    };
    // The library must handle whatever arrives; a packet that does not arrive is no error.
    let _ = to.map(|to| sender.send_to(datagram, to));
}
