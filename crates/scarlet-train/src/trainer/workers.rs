//! [`Workers`]: threads that each do whole passes of a step.

use std::cmp::Reverse;
use std::iter;
use std::sync::{Mutex, PoisonError};

use burn::tensor::Device;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder, current_num_threads};
use scarlet::{Architecture, is_cpu};
use scarlet_arch::Cost;

/// Bytes that passes side by side may take together.
const MEMORY: u64 = 1 << 30;
/// What a forward and backward pass takes, over the sum of what the network's parts take at their
/// peaks in inference: 4.4 with EfficientNet-Lite0 at 96×96 pixels, rounded up.
const PASS_OVER_PARTS: u64 = 5;

/// The caller's threads, parted into pools for passes side by side. A pass of a supernet is often
/// too small for several threads: they would spend their time on waking each other.
pub(super) struct Workers {
    /// None where passes come one after another.
    pools: Vec<ThreadPool>,
    on_cpu: bool,
}

impl Workers {
    /// For steps of so many passes, each of `batch` images through networks like `network`, on this
    /// device.
    pub(super) fn new(
        passes: usize,
        batch: usize,
        network: &Architecture,
        device: &Device,
    ) -> Self {
        let threads = current_num_threads();
        let workers = threads.min(passes).min(side_by_side(batch, network));
        let on_cpu = is_cpu(device);
        if workers < 2 || !on_cpu {
            let pools = Vec::new();
            return Self { pools, on_cpu };
        }
        let pool = |_| {
            let builder = ThreadPoolBuilder::new().num_threads(threads / workers);
            builder.thread_name(|_| "scarlet-pass".into()).build()
        };
        let pools: Result<Vec<_>, _> = (0..workers).map(pool).collect();
        Self {
            // Where the system allows no further threads, those of the caller do it.
            pools: pools.unwrap_or_default(),
            on_cpu,
        }
    }

    /// `work` of every item, in their order. What costs most is begun first, so that all threads end
    /// about together.
    pub(super) fn map<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        cost: impl Fn(&T) -> u64,
        work: impl Fn(T) -> R + Sync,
    ) -> Vec<R> {
        if self.pools.is_empty() {
            let all = || items.into_iter().map(&work).collect();
            // On one of the pool's own threads: from elsewhere, each of a pass's many operations
            // would wake one up and wait for it.
            return match self.on_cpu {
                true => rayon::scope(|_| all()),
                false => all(),
            };
        }
        let mut items: Vec<_> = items.into_iter().enumerate().collect();
        items.sort_by_cached_key(|(_, item)| Reverse(cost(item)));
        let items = Mutex::new(items.into_iter());
        let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work_off = |pool: &ThreadPool| {
            pool.install(|| {
                let done = iter::from_fn(next).map(|(place, item)| (place, work(item)));
                done.collect::<Vec<_>>()
            })
        };
        let pools = self.pools.par_iter().with_max_len(1);
        let mut done: Vec<_> = pools.flat_map_iter(work_off).collect();
        done.sort_unstable_by_key(|&(place, _)| place);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

/// How many passes fit into the memory for them.
fn side_by_side(batch: usize, network: &Architecture) -> usize {
    let cost = Cost::of(network, network.preprocessing.resolution);
    let parts = cost.map_or(u64::MAX, |cost| {
        cost.parts
            .iter()
            .map(|part| part.peak_activation_bytes)
            .sum()
    });
    let pass = parts
        .saturating_mul(batch as u64)
        .saturating_mul(PASS_OVER_PARTS);
    (MEMORY / pass.max(1)) as usize
}

#[cfg(test)]
mod tests {
    use scarlet_arch::efficientnet_lite0;

    use super::*;

    #[test]
    fn results_are_in_the_order_of_what_they_are_of() {
        let device = Device::flex();
        let network = efficientnet_lite0().with_resolution(32);
        let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        pool.install(|| {
            for passes in [1, 2, 5] {
                let workers = Workers::new(passes, 1, &network, &device);
                let pools = if passes == 1 { 0 } else { passes.min(3) };
                assert_eq!(workers.pools.len(), pools);
                let squares = workers.map((0..20).collect(), |&it| it % 7, |it| it * it);
                let expected: Vec<u64> = (0..20).map(|it| it * it).collect();
                assert_eq!(squares, expected);
            }
        });
    }

    #[test]
    fn passes_side_by_side_fit_into_memory() {
        let fit = |batch, side| side_by_side(batch, &efficientnet_lite0().with_resolution(side));
        assert_eq!(fit(16, 96), 2);
        assert_eq!(fit(16, 192), 0);
        assert_eq!(fit(64, 96), 0);
        assert!(fit(16, 32) > 13);
    }
}
