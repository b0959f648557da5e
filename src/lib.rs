//! livesync makes many BitTorrent trackers behave as one.
