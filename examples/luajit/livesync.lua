-- livesync for LuaJIT programs with an event loop of their own:
--
--   local sync = livesync.open { interface = "192.0.2.1", allow = "192.0.2.0/24" }
--   while true do
--     poll( { sync:fd(), ... }, sync:next_timeout_ms() )
--     sync:process()
--     for event in sync:events() do ... end
--   end
--
-- Info_hashes are strings of 20 bytes, addresses are text. Errors are raised.

local bit = require "bit"
local ffi = require "ffi"
local h = require "livesync_h"

local lib, check = h.lib, h.check
local livesync = {
  MAX_NODES = 256,
  PEER_SEEDING = 128, PEER_COMPLETED = 64, PEER_STOPPED = 32,
  EVENT_ADD_PEER = 1, EVENT_REMOVE_PEER = 2, EVENT_NEW_TRACKER_ID = 3,
  FEATURE_CLASSIC = 1, FEATURE_SCRAPE = 2,
  AUTH_REQUIRE = 0, AUTH_ACCEPT = 1,
}
local Sync = {}
Sync.__index = Sync

-- Joins the group and starts syncing. The settings are fields of livesync_config_t; those that
-- are 0 or 1 may be false or true. Without an id, the library draws one at random.
function livesync.open( settings, tracker_id )
  local config = ffi.new "livesync_config_t"
  check( lib.livesync_config_init( config, ffi.sizeof( config ) ) )
  for name, value in pairs( settings ) do
    if type( value ) == "boolean" then value = value and 1 or 0 end
    h.set( config, name, value )
  end
  if config.table == 0 then config.scrape = 0 end -- scrape sync needs a table here
  local out = ffi.new "livesync_t *[1]"
  check( lib.livesync_open( config, out ) )
  local sync = setmetatable( { handle = ffi.gc( out[0], lib.livesync_close ) }, Sync )
  check( lib.livesync_start_polling( sync.handle, tracker_id or 0 ) )
  return sync
end

-- Returns the version of the library: major, minor, patch.
function livesync.version()
  local version = lib.livesync_version()
  return bit.rshift( version, 16 ), bit.band( bit.rshift( version, 8 ), 255 ), version % 256
end

-- Returns the features compiled into the library: FEATURE_... bits.
function livesync.features() return tonumber( lib.livesync_features() ) end

-- Sends the last announces and frees the handle. The garbage collector does it, too.
function Sync:close()
  local handle = self.handle
  self.handle = nil
  if handle then check( lib.livesync_close( ffi.gc( handle, nil ) ) ) end
end

-- Returns a descriptor that is readable when process() has work to do.
function Sync:fd() return check( lib.livesync_fd( self.handle ) ) end

-- Returns the number of milliseconds until process() must be called, for poll(2).
function Sync:next_timeout_ms() return check( lib.livesync_next_timeout_ms( self.handle ) ) end

-- Receives, does the due work, and sends, without blocking.
function Sync:process() check( lib.livesync_process( self.handle ) ) end

-- Iterates over the events that are waiting: tables with `type`, which is one of EVENT_..., and
-- `info_hash` and `peer`, or `tracker_id`.
function Sync:events()
  local event, size = ffi.new "livesync_event_t", ffi.sizeof "livesync_event_t"
  return function()
    if check( lib.livesync_poll_events( self.handle, event, 1, size ) ) == 0 then return nil end
    return {
      type = event.event_type,
      info_hash = ffi.string( event.info_hash, 20 ),
      peer = h.read_peer( event.peer ),
      tracker_id = event.tracker_id,
    }
  end
end

-- Announces a peer to the other trackers. `peer` has an `ip`, a `port`, and `flags` of PEER_...
-- bits; with PEER_STOPPED it has left.
function Sync:announce( info_hash, peer )
  local raw = ffi.new "livesync_peer_t"
  h.write_ip( raw.ip, peer.ip )
  h.set( raw, "port", peer.port )
  h.set( raw, "flags", peer.flags or 0 )
  check( lib.livesync_announce( self.handle, h.info_hash( info_hash ), raw ) )
end

-- Returns the counters since the start: a livesync_stats_t, whose numbers tonumber() converts.
function Sync:stats()
  local stats = ffi.new "livesync_stats_t"
  check( lib.livesync_stats( self.handle, stats, ffi.sizeof( stats ) ) )
  return stats
end

-- Returns the other trackers, the one that sent last first.
function Sync:nodes()
  local capacity, size = livesync.MAX_NODES, ffi.sizeof "livesync_node_t"
  local raw, nodes = ffi.new( "livesync_node_t[?]", capacity ), {}
  for i = 1, check( lib.livesync_nodes( self.handle, raw, capacity, size ) ) do
    local node = raw[i - 1]
    nodes[i] = {
      tracker_id = node.tracker_id, ip = h.read_ip( node.ip ), port = node.port,
      last_heard_ms = tonumber( node.last_heard_ms ), packets = tonumber( node.packets ),
      records = tonumber( node.records ), beacons = tonumber( node.beacons ),
      torrents = tonumber( node.torrents ), ahead_ms = tonumber( node.ahead_ms ),
      lag_ms = tonumber( node.lag_ms ), packets_missing = tonumber( node.packets_missing ),
      packets_recovered = tonumber( node.packets_recovered ),
      packets_lost = tonumber( node.packets_lost ), authenticated = node.authenticated == 1,
    }
  end
  return nodes
end

-- Returns counters and nodes in the exposition format of Prometheus.
function Sync:metrics_text()
  local length, capacity, buffer = 8191, 0
  while length >= capacity do
    capacity = length + 1
    buffer = ffi.new( "char[?]", capacity )
    length = check( lib.livesync_metrics_text( self.handle, buffer, capacity ) )
  end
  return ffi.string( buffer, length )
end

-- Returns at most `limit` peers of a swarm in the table, those announced last first.
function Sync:peers( info_hash, limit )
  local raw, peers = ffi.new( "livesync_peer_t[?]", limit ), {}
  for i = 1, check( lib.livesync_peers( self.handle, h.info_hash( info_hash ), raw, limit ) ) do
    peers[i] = h.read_peer( raw[i - 1] )
  end
  return peers
end

-- Returns the counts of a swarm in the table: a livesync_counts_t, whose numbers tonumber()
-- converts.
function Sync:counts( info_hash )
  local counts = ffi.new "livesync_counts_t"
  local size = ffi.sizeof( counts )
  check( lib.livesync_counts( self.handle, h.info_hash( info_hash ), counts, size ) )
  return counts
end

return livesync
