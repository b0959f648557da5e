//! The functions of livesync.h, called in any order with whatever arguments the header
//! allows: NULL, lengths of structs of other versions, texts that are none, packets of
//! anybody. On 127.0.0.1, and without a thread: the handle polls. A panic inside of the
//! library ends the run, as every other crash; and nothing is left behind.

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
        // No function may say that there was an error inside of the library.
        assert_ne!(program.call(&call), E_TRIPPED, "{call:?}");
    }
    program.close();
    leaks::look(&WORLD.inbox);
});
