//! How long to wait before asking, so that of many who miss the same packet hardly more
//! than one asks.

use std::time::Duration;

use fastrand::Rng;

/// The shortest wait. What was only overtaken on its way has come by then.
const SHORTEST: Duration = Duration::from_millis(5);

/// How much longer the longest is. With ten who miss the same on a network that takes 5 ms,
/// 1.4 of them ask on average.
const SPREAD: Duration = Duration::from_millis(60);

/// A random wait for one of `members` who may miss the same.
///
/// The density rises exponentially: most wait long, a few ask early, and the others hear
/// them. With λ = ln(members) + 1 it is the distribution that Nonnenmacher and Biersack
/// found to be optimal, which Aeron uses, too.
pub(super) fn backoff(rng: &mut Rng, members: usize) -> Duration {
    let lambda = (members.max(1) as f64).ln() + 1.0;
    let part = (1.0 + rng.f64() * lambda.exp_m1()).ln() / lambda;
    SHORTEST + SPREAD.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_wait_long_and_nobody_too_long() {
        let mut rng = Rng::with_seed(1);
        let waits: Vec<_> = (0..10_000).map(|_| backoff(&mut rng, 10)).collect();
        let possible = SHORTEST..=SHORTEST + SPREAD;
        assert!(waits.iter().all(|wait| possible.contains(wait)));
        let middle = SHORTEST + SPREAD / 2;
        let early = waits.iter().filter(|wait| **wait < middle).count();
        assert!((1_000..2_000).contains(&early), "{early}");
    }
}
