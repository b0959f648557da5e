//! The symbols of the tracker.
//!
//! The references are weak, so the library links into any program. All of them are in this file
//! and used in one function, because a reference is weak only in the object file that contains its
//! `.weak` directive.

#[cfg(feature = "want_sync_scrape")]
use std::ffi::c_void;
use std::ffi::{c_char, c_int};
use std::hint::black_box;

use super::layout::{ot_hash, ot_peer};
#[cfg(feature = "want_sync_scrape")]
use super::layout::{ot_torrent, ot_vector, time_t};

macro_rules! weak {
    (
        functions { $($(#[$on:meta])? fn $function:ident($($argument:ty),*) $(-> $result:ty)?;)* }
        variables { $($(#[$data_on:meta])? $data:ident: $type:ty;)* }
    ) => {
        $($(#[$on])? std::arch::global_asm!(concat!(".weak ", stringify!($function)));)*
        $($(#[$data_on])? std::arch::global_asm!(concat!(".weak ", stringify!($data)));)*

        unsafe extern "C" {
            $($(#[$on])? fn $function($(_: $argument),*) $(-> $result)?;)*
            $($(#[$data_on])? static mut $data: $type;)*
        }

        /// The symbols that the program defines, which this library is linked into.
        #[derive(Clone, Copy)]
        pub(super) struct Symbols {
            $($(#[$on])? pub(super) $function:
                Option<unsafe extern "C" fn($($argument),*) $(-> $result)?>,)*
            $($(#[$data_on])? pub(super) $data: Option<*mut $type>,)*
        }

        impl Symbols {
            /// Finds out which symbols are defined. The compiler assumes that no address of a
            /// symbol is null, so `black_box` hides what is compared with null.
            #[inline(never)]
            pub(super) fn look() -> Self {
                Self {
                    $($(#[$on])? $function:
                        (!black_box($function as *const ()).is_null()).then_some($function),)*
                    $($(#[$data_on])? $data:
                        Some(black_box(&raw mut $data)).filter(|data| !data.is_null()),)*
                }
            }
        }
    };
}

weak! {
    functions {
        fn exerr(*mut c_char);
        fn accesslist_isblessed(*mut c_char, c_int) -> c_int;
        fn add_peer_to_torrent_and_return_peers(*mut ot_hash, *mut ot_peer, c_int, usize, *mut c_char) -> usize;
        fn remove_peer_from_torrent(*mut ot_hash, *mut ot_peer, *mut c_char, c_int) -> usize;
        fn stats_issue_event(c_int, c_int, usize);
        fn handle_udp6();
        fn load_state();
        fn accesslist_is_blessed();
        #[cfg(feature = "want_sync_scrape")]
        fn accesslist_hashisvalid(*mut ot_hash) -> c_int;
        #[cfg(feature = "want_sync_scrape")]
        fn mutex_get_torrent_count() -> usize;
        #[cfg(feature = "want_sync_scrape")]
        fn mutex_bucket_lock(c_int) -> *mut ot_vector;
        #[cfg(feature = "want_sync_scrape")]
        fn mutex_bucket_lock_by_hash(*mut ot_hash) -> *mut ot_vector;
        #[cfg(feature = "want_sync_scrape")]
        fn mutex_bucket_unlock(c_int, c_int);
        #[cfg(feature = "want_sync_scrape")]
        fn mutex_bucket_unlock_by_hash(*mut ot_hash, c_int);
        #[cfg(feature = "want_sync_scrape")]
        fn vector_find_or_insert(*mut ot_vector, *mut c_void, usize, usize, *mut c_int) -> *mut c_void;
        #[cfg(feature = "want_sync_scrape")]
        fn vector_remove_torrent(*mut ot_vector, *mut ot_torrent);
    }
    variables {
        g_opentracker_running: c_int;
        g_tracker_id: u32;
        #[cfg(feature = "want_sync_scrape")]
        g_now_seconds: time_t;
    }
}

/// Returns the named fields of [`Symbols`] as a struct with the same names, or the names of the
/// undefined ones if there are any.
macro_rules! need {
    ($symbols:expr, $wanted:ident { $($name:ident),* $(,)? }) => {{
        let symbols = $symbols;
        match ($(symbols.$name,)*) {
            ($(Some($name),)*) => Ok($wanted { $($name,)* }),
            _ => Err([$((stringify!($name), symbols.$name.is_none())),*]
                .into_iter()
                .filter_map(|(name, missing)| missing.then_some(name))
                .collect::<Vec<&'static str>>()),
        }
    }};
}
pub(super) use need;
