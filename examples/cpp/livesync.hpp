// livesync for C++17: a handle that closes itself, std::function for callbacks, errors as
// exceptions. livesync.h documents the functions behind it.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <livesync.h>

namespace livesync {

/// An error of the library: LIVESYNC_E_..., with the text of livesync_strerror().
struct error : std::runtime_error {
  explicit error( int number ) : std::runtime_error( livesync_strerror( number ) ), code( number ) {}
  int code;
};

/// Returns the result of a function of livesync.h, or throws if it is an error.
inline int check( int result ) { return result < 0 ? throw error( result ) : result; }

using info_hash = std::array<std::uint8_t, 20>;
using address = std::array<std::uint8_t, 16>;
using peer = livesync_peer_t;
using torrent = livesync_torrent_t;
using cursor = livesync_cursor_t;
using event = livesync_event_t;

/// A livesync_config_t with its defaults. C++ strings and callbacks hide its fields of the
/// same names; an empty one stands for NULL.
///
/// Callbacks must not throw: exceptions cannot pass through the library, and dropping them
/// would hide a bug. A callback that throws ends the program by std::terminate.
struct config : livesync_config_t {
  config() { check( livesync_config_init( this, sizeof( livesync_config_t ) ) ); }
  std::string interface, group, allow, key_file, cluster;
  std::function<void( int level, const char *message )> log;
  std::function<bool()> is_running;
  std::function<bool( const address & )> is_allowed;
  std::function<void( const info_hash &, const peer & )> add_peer, remove_peer;
  std::function<void( std::size_t peers )> packet_applied;
  std::function<void( std::uint32_t tracker_id )> new_tracker_id;
  std::function<std::uint64_t()> count_torrents;
  std::function<std::size_t( cursor &, torrent *out, std::size_t limit )> walk_torrents;
  std::function<bool( torrent & )> look_up_torrent;
  std::function<int( const torrent & )> merge_torrent;
};

/// A node of a cluster, until it goes out of scope. Destroying it inside one of its own
/// callbacks ends the program.
class handle {
public:
  explicit handle( config settings ) : self( std::make_unique<state>( std::move( settings ) ) ) {}

  /// Starts the library's receive thread, which makes the callbacks.
  void start( std::uint32_t tracker_id = 0 ) { check( livesync_start( get(), tracker_id ) ); }
  void stop() { check( livesync_stop( get() ) ); }
  void announce( const info_hash &hash, const peer &who ) { check( livesync_announce( get(), hash.data(), &who ) ); }

  /// Starts without a thread: the program's own loop calls process(), which does all the work.
  void start_polling( std::uint32_t tracker_id = 0 ) { check( livesync_start_polling( get(), tracker_id ) ); }
  int fd() { return check( livesync_fd( get() ) ); }
  int next_timeout_ms() { return check( livesync_next_timeout_ms( get() ) ); }
  void process() { check( livesync_process( get() ) ); }
  /// Returns the events that are waiting, at most `most`. Call it until it returns none.
  std::vector<event> poll_events( std::size_t most = 64 ) {
    return filled<event>( most, [&]( event *out ) { return livesync_poll_events( get(), out, most, sizeof *out ); } );
  }
  void answer_count( std::uint64_t torrents ) { check( livesync_answer_count( get(), torrents ) ); }
  void answer_walk( const std::vector<torrent> &found, const cursor *next ) {
    check( livesync_answer_walk( get(), found.data(), found.size(), next ) );
  }
  void answer_look_up( const torrent *found ) { check( livesync_answer_look_up( get(), found ) ); }
  void answer_merge( const info_hash &hash, int merged ) { check( livesync_answer_merge( get(), hash.data(), merged ) ); }

  livesync_stats_t stats() { livesync_stats_t out; check( livesync_stats( get(), &out, sizeof out ) ); return out; }
  std::vector<livesync_node_t> nodes( std::size_t most = LIVESYNC_MAX_NODES ) {
    return filled<livesync_node_t>( most, [&]( auto *out ) { return livesync_nodes( get(), out, most, sizeof *out ); } );
  }
  /// Returns counters and nodes in the exposition format of Prometheus.
  std::string metrics_text() {
    for( std::string text;; ) {
      auto length = static_cast<std::size_t>( check( livesync_metrics_text( get(), text.data(), text.size() ) ) );
      if( length < text.size() ) return text.substr( 0, length );
      text.resize( length + 1 );
    }
  }

  /// Returns the handle for the other functions of livesync.h, such as those of the table.
  /// It is NULL after a move from this object.
  livesync_t *get() { return self ? self->opened : nullptr; }

private:
  // The library holds the address of this struct, so it stays in place when a handle is moved.
  struct state {
    explicit state( config from );
    ~state() { if( livesync_close( opened ) == LIVESYNC_E_STATE ) std::terminate(); }
    config settings;
    livesync_t *opened = nullptr;
  };
  std::unique_ptr<state> self;

  template<class T, class Fill> static std::vector<T> filled( std::size_t most, Fill fill ) {
    std::vector<T> all( most );
    all.resize( static_cast<std::size_t>( check( fill( all.data() ) ) ) );
    return all;
  }
};

template<class Bytes> Bytes copied( const std::uint8_t *raw ) { Bytes all; std::copy_n( raw, all.size(), all.begin() ); return all; }

inline handle::state::state( config from ) : settings( std::move( from ) ) {
  config &s = settings;
  livesync_config_t c = s;
  const auto text = []( const std::string &all ) { return all.empty() ? nullptr : all.c_str(); };
  static const auto of = []( void *user ) -> config & { return *static_cast<config *>( user ); };
  c.interface = text( s.interface ), c.group = text( s.group ), c.allow = text( s.allow );
  c.key_file = text( s.key_file ), c.cluster = text( s.cluster ), c.user = &s;
  if( s.log ) c.log = []( int level, const char *message, void *user ) noexcept { of( user ).log( level, message ); };
  if( s.is_running ) c.is_running = []( void *user ) noexcept -> int { return of( user ).is_running(); };
  if( s.is_allowed ) c.is_allowed = []( const std::uint8_t *raw, void *user ) noexcept -> int {
    return of( user ).is_allowed( copied<address>( raw ) );
  };
  if( s.add_peer ) c.add_peer = []( const std::uint8_t *raw, const peer *who, void *user ) noexcept {
    of( user ).add_peer( copied<info_hash>( raw ), *who );
  };
  if( s.remove_peer ) c.remove_peer = []( const std::uint8_t *raw, const peer *who, void *user ) noexcept {
    of( user ).remove_peer( copied<info_hash>( raw ), *who );
  };
  if( s.packet_applied ) c.packet_applied = []( std::size_t peers, void *user ) noexcept { of( user ).packet_applied( peers ); };
  if( s.new_tracker_id ) c.new_tracker_id = []( std::uint32_t id, void *user ) noexcept { of( user ).new_tracker_id( id ); };
  if( s.count_torrents ) c.count_torrents = []( void *user ) noexcept { return of( user ).count_torrents(); };
  if( s.walk_torrents ) c.walk_torrents = []( cursor *at, torrent *out, std::size_t limit, void *user ) noexcept {
    return of( user ).walk_torrents( *at, out, limit );
  };
  if( s.look_up_torrent ) c.look_up_torrent = []( torrent *out, void *user ) noexcept -> int { return of( user ).look_up_torrent( *out ); };
  if( s.merge_torrent ) c.merge_torrent = []( const torrent *heard, void *user ) noexcept { return of( user ).merge_torrent( *heard ); };
  check( livesync_open( &c, &opened ) );
}

}
