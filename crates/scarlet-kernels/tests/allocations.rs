//! Once an engine stands, running it takes no memory from the system.
#![allow(unsafe_code, reason = "an allocator is unsafe to write")]
#![allow(clippy::unwrap_used)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use scarlet_kernels::{Calibration, Engine, EngineSettings, PackedNetwork, Precision};

/// The system's allocator, and how often any thread asked it for memory.
struct Counting;

static REQUESTS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_run_allocates_nothing() {
    let size = 64;
    let architecture = scarlet_arch::scarlet_a();
    let network = common::formula_network(&architecture);
    for precision in [Precision::Float32, Precision::Bfloat16, Precision::Int8] {
        for (batch, threads) in [(1, 1), (1, 2), (3, 2)] {
            let settings = EngineSettings::new(size)
                .with_batch(batch)
                .with_threads(threads);
            let input = common::signal("input", batch * network.input_channels * size * size);
            let mut packed = PackedNetwork::pack(&network).unwrap();
            if precision == Precision::Bfloat16 {
                packed = packed.to_bf16().unwrap();
            } else if precision == Precision::Int8 {
                let mut calibration = Calibration::new(packed.clone(), settings.clone()).unwrap();
                calibration.observe(&input).unwrap();
                packed = packed.quantise(&calibration.finish().unwrap()).unwrap();
            }
            let before = REQUESTS.load(Ordering::SeqCst);
            let mut engine = Engine::with_packed(packed, settings).unwrap();
            let built = REQUESTS.load(Ordering::SeqCst);
            assert!(built > before, "requests are counted");
            // Threads have started once all of them have worked.
            engine.run(&input).unwrap();
            let started = REQUESTS.load(Ordering::SeqCst);
            for _ in 0..5 {
                engine.run(&input).unwrap();
            }
            let requests = REQUESTS.load(Ordering::SeqCst) - started;
            assert_eq!(requests, 0, "batch {batch}, {threads} threads, {precision}");
        }
    }
}
