//! The whole test suite as one program, so that it links once.

mod adapters;
#[cfg(target_os = "linux")]
mod addresses;
mod architecture;
#[cfg(feature = "want_sync_scrape")]
mod bounds;
mod cluster;
mod compile_out;
#[cfg(feature = "want_sync_scrape")]
mod contract;
mod debian;
mod dependencies;
mod drop_in;
#[cfg(target_os = "linux")]
mod echoes;
mod engine;
#[cfg(all(target_os = "linux", feature = "want_sync_scrape"))]
mod extremes;
#[cfg(target_os = "linux")]
mod faults;
mod handles;
mod header;
mod hosts;
mod interface;
mod keys;
mod languages;
mod linking;
#[cfg(feature = "want_sync_scrape")]
mod metrics;
#[cfg(target_os = "linux")]
mod network_in_a_box;
mod opentracker_script;
mod operations;
mod packaging;
#[cfg(feature = "want_sync_scrape")]
mod protocol_doc;
mod public_api;
mod readme;
mod real_clients;
#[cfg(target_os = "linux")]
mod receive_buffer;
#[cfg(target_os = "linux")]
mod repair;
mod report;
#[cfg(feature = "want_sync_scrape")]
mod scrape;
#[cfg(target_os = "linux")]
mod security;
mod setup_errors;
mod stdio;
mod support;
mod symbols;
mod tracker;
#[cfg(feature = "want_sync_scrape")]
mod trailers;
#[cfg(feature = "want_sync_scrape")]
mod tube;
mod unreachable;
mod vectors;
#[cfg(feature = "want_sync_scrape")]
mod walks;
mod window;
mod wire;
mod words;
