package livesync

// #include <livesync.h>
import "C"

import "errors"

// Error is an error number of the library.
type Error int

const (
	ErrArgument Error = C.LIVESYNC_E_ARGUMENT
	ErrConfig   Error = C.LIVESYNC_E_CONFIG
	ErrSocket   Error = C.LIVESYNC_E_SOCKET
	ErrThread   Error = C.LIVESYNC_E_THREAD
	ErrState    Error = C.LIVESYNC_E_STATE
	ErrBusy     Error = C.LIVESYNC_E_BUSY
	ErrTripped  Error = C.LIVESYNC_E_TRIPPED
	ErrSilent   Error = C.LIVESYNC_E_SILENT
	ErrForked   Error = C.LIVESYNC_E_FORKED
	ErrFull     Error = C.LIVESYNC_E_FULL
)

func (e Error) Error() string { return "livesync: " + C.GoString(C.livesync_strerror(C.int(e))) }

// ErrClosed is the error of all methods but Close after Close.
var ErrClosed = errors.New("livesync: the node is closed")

// check turns a negative result into an Error.
func check(result C.int) (int, error) {
	if result < 0 {
		return 0, Error(result)
	}
	return int(result), nil
}
