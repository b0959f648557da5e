//! The wait before a NAK. It is random, so that of many receivers that miss the same packet hardly
//! more than one sends a NAK.

use std::time::Duration;

use fastrand::Rng;

/// The shortest wait. A packet that was only overtaken on its way arrives within it.
const MIN_WAIT: Duration = Duration::from_millis(5);

/// The difference between the longest and the shortest wait. With ten receivers that miss the same
/// packet, on a network that takes 5 ms, 1.4 of them send a NAK on average.
const WAIT_SPREAD: Duration = Duration::from_millis(60);

/// Draws the wait of one of `nodes` receivers that may miss the same packet.
///
/// The density rises exponentially: most receivers wait long, a few send their NAK early, and the
/// others hear it. With λ = ln(nodes) + 1 it is the distribution that Nonnenmacher and Biersack
/// found to be optimal, which Aeron uses, too.
pub(super) fn backoff(rng: &mut Rng, nodes: usize) -> Duration {
    let lambda = (nodes.max(1) as f64).ln() + 1.0;
    let part = (1.0 + rng.f64() * lambda.exp_m1()).ln() / lambda;
    MIN_WAIT + WAIT_SPREAD.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_wait_long_and_nobody_too_long() {
        let mut rng = Rng::with_seed(1);
        let waits: Vec<_> = (0..10_000).map(|_| backoff(&mut rng, 10)).collect();
        let possible = MIN_WAIT..=MIN_WAIT + WAIT_SPREAD;
        assert!(waits.iter().all(|wait| possible.contains(wait)));
        let middle = MIN_WAIT + WAIT_SPREAD / 2;
        let early = waits.iter().filter(|wait| **wait < middle).count();
        assert!((1_000..2_000).contains(&early), "{early}");
    }
}
