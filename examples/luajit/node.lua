-- A node of a cluster in LuaJIT. It announces two peers, and prints what the others announce.
--
--   cargo build --release
--   LIVESYNC_LIBRARY=target/release/liblivesync.so \
--     luajit examples/luajit/node.lua 127.0.0.1 19696 7001
--
-- It ends at the end of standard input.

package.path = arg[0]:gsub( "[^/]*$", "" ) .. "?.lua;" .. package.path
local ffi = require "ffi"
local livesync = require "livesync"

ffi.cdef [[
struct pollfd { int fd; short events, revents; };
struct timespec { long tv_sec, tv_nsec; };
int poll( struct pollfd *fds, unsigned long n, int timeout_ms );
long read( int fd, void *buffer, size_t size );
int clock_gettime( int clock, struct timespec *time );
]]
local POLLIN, CLOCK_MONOTONIC = 1, 1

local run, announce, show, now_ms

local interface, port, peer_port = arg[1], tonumber( arg[2] ), tonumber( arg[3] )
if #arg ~= 3 or not port or not peer_port then
  io.stderr:write( "usage: node.lua INTERFACE PORT PEER_PORT\n" )
  os.exit( 2 )
end

local function main()
  local sync = livesync.open {
    interface = interface, port = port, loopback = true, ipv6 = true, allow = interface,
  }
  run( sync )
  sync:close()
end

function run( sync )
  local fds, buffer = ffi.new "struct pollfd[2]", ffi.new "char[4096]"
  fds[0].fd, fds[0].events = sync:fd(), POLLIN
  fds[1].fd, fds[1].events = 0, POLLIN
  local due = now_ms()
  repeat
    if now_ms() >= due then
      due = now_ms() + 1000
      announce( sync, livesync.PEER_SEEDING, 0 )
    end
    ffi.C.poll( fds, 2, math.max( 0, math.min( sync:next_timeout_ms(), due - now_ms() ) ) )
    sync:process()
    for event in sync:events() do show( event ) end
  until fds[1].revents ~= 0 and ffi.C.read( 0, buffer, 4096 ) <= 0
  announce( sync, livesync.PEER_STOPPED, livesync.PEER_STOPPED )
end

function announce( sync, flags4, flags6 )
  local info_hash = ("\171"):rep( 20 )
  sync:announce( info_hash, { ip = "192.0.2.1", port = peer_port, flags = flags4 } )
  sync:announce( info_hash, { ip = "2001:db8::1", port = peer_port, flags = flags6 } )
end

function show( event )
  local signs = { [livesync.EVENT_ADD_PEER] = "+", [livesync.EVENT_REMOVE_PEER] = "-" }
  local sign = signs[event.type]
  if not sign then return end
  local hex = event.info_hash:gsub( ".", function( c ) return ("%02x"):format( c:byte() ) end )
  io.write( sign, " ", hex, " ", event.peer.ip, " ", event.peer.port, "\n" )
  io.flush()
end

function now_ms()
  local time = ffi.new "struct timespec"
  ffi.C.clock_gettime( CLOCK_MONOTONIC, time )
  return math.ceil( tonumber( time.tv_sec ) * 1000 + tonumber( time.tv_nsec ) / 1000000 )
end

local ok, message = pcall( main )
if not ok then
  io.stderr:write( message, "\n" )
  os.exit( 1 )
end
