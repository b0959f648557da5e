/* The layouts and numbers of livesync.h as the C compiler sees them, for bindings that
   repeat them. A line is

     struct field offset size    for each field,
     struct - - size             for each struct,
     CONSTANT - - value          for each constant.

   The test that compiles this makes layouts.h out of livesync.h. The program fails if a field
   is missing there, unless it is so small that it lies in padding: each field must begin where
   the one before has ended. */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "livesync.h"

#define FIELD( type, name ) \
  field( #type, #name, offsetof( type, name ), sizeof ((type *)0)->name, __alignof__( ((type *)0)->name ) )
#define STRUCT( type ) structure( #type, sizeof( type ), __alignof__( type ) )
#define CONSTANT( name ) printf( #name " - - %d\n", name )

/* The end of the last field. */
static size_t end;

static size_t aligned( size_t offset, size_t alignment ) {
  return ( offset + alignment - 1 ) / alignment * alignment;
}

static void missing( const char *type, const char *before ) {
  fprintf( stderr, "%s has a field before %s that is not listed\n", type, before );
  exit( 1 );
}

static void field( const char *type, const char *name, size_t offset, size_t size, size_t alignment ) {
  if( offset != aligned( end, alignment ) ) missing( type, name );
  printf( "%s %s %zu %zu\n", type, name, offset, size );
  end = offset + size;
}

static void structure( const char *type, size_t size, size_t alignment ) {
  if( size != aligned( end, alignment ) ) missing( type, "its end" );
  printf( "%s - - %zu\n", type, size );
  end = 0;
}

int main( void ) {
#include "layouts.h"
  return 0;
}
