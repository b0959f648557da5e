//! Runs a body of threads under many schedules.

use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, MaxSteps, Runner, thread};

use super::world::WORLD;

/// Number of schedules of each kind; `LIVESYNC_TESTS_MODEL_SCHEDULES` overrides it.
const SCHEDULES: usize = 3000;

/// Runs `body`, which starts threads and checks their results, under random schedules, and
/// under schedules that starve some threads for long.
pub(super) fn check(body: fn()) {
    let schedules = std::env::var("LIVESYNC_TESTS_MODEL_SCHEDULES")
        .map_or(SCHEDULES, |number| number.parse().expect("a number"));
    run(RandomScheduler::new(schedules), body);
    run(PctScheduler::new(4, schedules), body);
}

fn run(scheduler: impl Scheduler + 'static, body: fn()) {
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(200_000);
    config.stack_size = 256 << 10;
    config.silence_warnings = true;
    Runner::new(TimeLast(scheduler), config).run(move || {
        let body = thread::spawn(body);
        while WORLD.let_time_pass() {}
        body.join().expect("no panic");
        WORLD.assert_no_faults();
    });
}

/// The first thread is the time, and continues only when no other thread can: a millisecond is
/// very long. So when a wait is over, all other threads have done what they could do.
struct TimeLast<S>(S);

const TIME: usize = 0;

impl<S: Scheduler> Scheduler for TimeLast<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.0.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let time = TaskId::from(TIME);
        let others: Vec<&Task> = runnable
            .iter()
            .copied()
            .filter(|task| task.id() != time)
            .collect();
        if others.is_empty() {
            return Some(time);
        }
        self.0.next_task(&others, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// Waits until all other threads have done what they can do in this time.
pub(super) fn sleep(duration: Duration) {
    WORLD.sleep(duration);
}
