//! Calls the functions of livesync.h in any order, with any arguments that the header allows:
//! NULL, lengths of structs of other versions, texts that are not UTF-8, packets of any sender.
//! The handle polls on 127.0.0.1, without a thread. A panic inside the library ends the run,
//! like any other crash, and no memory or descriptor may be left behind.

#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use livesync_fuzz::callbacks::Host;
use livesync_fuzz::counting::Counting;
use livesync_fuzz::header::E_TRIPPED;
use livesync_fuzz::leaks;
use livesync_fuzz::program::{Call, Program};
use livesync_fuzz::world::WORLD;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MOST_CALLS: usize = 128;

fuzz_target!(|data: &[u8]| {
    let mut data = Unstructured::new(data);
    let Ok((answer, draft)) = Arbitrary::arbitrary(&mut data) else {
        return;
    };
    let host = Host::new(answer);
    let mut program = Program::open(&host, &draft);
    for _ in 0..MOST_CALLS {
        if data.is_empty() {
            break;
        }
        let Ok(call) = Call::arbitrary(&mut data) else {
            break;
        };
        // No function may report an internal error.
        assert_ne!(program.call(&call), E_TRIPPED, "{call:?}");
    }
    program.close();
    leaks::look(&WORLD.inbox);
});
