-- Prints livesync.h as the LuaJIT binding repeats it, in the lines of c-tests/layouts.c. ffi does
-- not show which fields a struct has, so their names are read from the binding's declarations.

local root = arg[0]:gsub( "[^/]*$", "" ) .. "../../../"
package.path = root .. "examples/luajit/?.lua;" .. package.path
local ffi = require "ffi"

local cdef, declared = ffi.cdef, ""
function ffi.cdef( text )
  declared = declared .. text
  cdef( text )
end
local livesync = require "livesync"

for struct, body in declared:gmatch "typedef struct ([%w_]+) {(.-)}" do
  for line in body:gmatch "[^;]*;" do
    local base = line:match "^%s*(.-)%s*%*?[%w_]+[%[%d%]]*[,;]"
    if base then
      for pointer, name, array in line:gmatch "(%*?)([%w_]+)([%[%d%]]*)[,;]" do
        local size = ffi.sizeof( base .. pointer .. array )
        print( ("%s %s %d %d"):format( struct, name, ffi.offsetof( struct, name ), size ) )
      end
    end
  end
  print( ("%s - - %d"):format( struct, ffi.sizeof( struct ) ) )
end

for name, value in pairs( livesync ) do
  if type( value ) == "number" then print( ("LIVESYNC_%s - - %d"):format( name, value ) ) end
end
