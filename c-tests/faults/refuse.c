#define _GNU_SOURCE

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "refuse.h"

enum { MOST_CALLS = 8 };

void refuse( const long *calls, size_t count, int error ) {
  struct sock_filter filter[MOST_CALLS + 3] = { BPF_STMT( BPF_LD | BPF_W | BPF_ABS, offsetof( struct seccomp_data, nr ) ) };
  struct sock_fprog program = { (unsigned short)( count + 3 ), filter };
  size_t i;
  if( count > MOST_CALLS ) fail( "too many system calls to refuse" );
  for( i = 0; i < count; ++i ) {
    struct sock_filter is = BPF_JUMP( BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], (unsigned char)( count - i ), 0 );
    filter[i + 1] = is;
  }
  filter[count + 1] = (struct sock_filter)BPF_STMT( BPF_RET | BPF_K, SECCOMP_RET_ALLOW );
  filter[count + 2] = (struct sock_filter)BPF_STMT( BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error );
  if( prctl( PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0 ) ||
      syscall( SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program ) )
    fail( "there are no filters of system calls here" );
}

int descriptors( void ) {
  struct stat ignored;
  int fd, count = 0;
  for( fd = FIRST_FD; fd <= LAST_FD; ++fd ) count += !fstat( fd, &ignored );
  return count;
}

void each_socket( void ( *visit )( int fd ) ) {
  struct stat status;
  int fd;
  for( fd = FIRST_FD; fd <= LAST_FD; ++fd )
    if( !fstat( fd, &status ) && S_ISSOCK( status.st_mode ) ) visit( fd );
}
