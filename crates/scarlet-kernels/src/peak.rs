//! What the machine can do at best, measured.

use std::{hint::black_box, sync::Mutex, time::Instant};

use crate::{
    error::EngineError,
    memory::Buffer,
    pool::Pool,
    simd::{
        Kernel, LANES,
        bf16::{Bf16Kernel, Bf16Vector, PAIR},
        byte_sums::{ByteKernel, ByteVector, QUAD},
        instruction_set::InstructionSet,
        sums::{Sums, WORD},
        vector::{Floats, Vector},
    },
};

/// Bytes that all threads together read from memory: more than processors have of caches.
const MEMORY_BYTES: usize = 256 << 20;

/// Bytes that each thread reads from its second-level cache.
const CACHE_BYTES: usize = 128 << 10;

/// Sums that do not wait for each other: enough for two multiply-adds a cycle that take four or
/// five.
const SUMS: usize = 12;

/// The most that some threads of this machine achieve at once, for rooflines (Williams, Waterman
/// and Patterson, *Roofline: an insightful visual performance model for multicore architectures*,
/// 2009).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Floating-point operations in a second, of multiply-adds in registers; one counts as two.
    pub flops: f64,
    /// Operations in a second of multiply-adds of bytes, as networks of eight bits have them; one counts
    /// as two.
    pub byte_ops: f64,
    /// Operations in a second of multiply-adds of bfloat16, as networks in that have them; one counts as
    /// two.
    pub bf16_ops: f64,
    /// Bytes read from memory in a second.
    pub memory: f64,
    /// Bytes read from the second-level caches in a second.
    pub cache: f64,
}

impl Peak {
    /// Measures within about a second.
    ///
    /// # Errors
    ///
    /// When there are no threads asked for, or no memory, or the processor does
    /// not have these instructions.
    pub fn measure(threads: usize, instructions: InstructionSet) -> Result<Self, EngineError> {
        if threads == 0 {
            return Err(EngineError::ZeroSetting {
                setting: "number of threads",
            });
        }
        if !instructions.is_available() {
            return Err(EngineError::MissingInstructionSet(instructions));
        }
        let pool = Pool::new(threads);
        let threads = pool.threads();
        let mut machine = Machine { pool, instructions };
        let multiply_adds = 1 << 19;
        let flops = (threads * multiply_adds * SUMS * LANES * 2) as f64;
        let single = machine.best(20, &|_| {
            machine_run(instructions, MultiplyAdds(multiply_adds));
        });
        let paired = machine.best(20, &|_| {
            machine_run(instructions, PairedMultiplyAdds(multiply_adds));
        });
        // Fewer, as plain Rust takes long for them.
        let share = 32;
        let bytes = machine.best(20, &|_| {
            // SAFETY: the instruction set is available.
            unsafe { instructions.run_bytes(Products(multiply_adds / share)) }
        });
        let bf16 = machine.best(20, &|_| {
            // SAFETY: the instruction set is available.
            unsafe { instructions.run_bf16(Products(multiply_adds / share)) }
        });
        // Of two blocks, one of floats to a sum.
        let products = 2.0 * flops / share as f64;
        Ok(Self {
            flops: (flops / single).max(2.0 * flops / paired),
            byte_ops: QUAD as f64 * products / bytes,
            bf16_ops: PAIR as f64 * products / bf16,
            memory: machine.read(MEMORY_BYTES / threads, 1)?,
            cache: machine.read(CACHE_BYTES, 2000)?,
        })
    }
}

struct Machine {
    pool: Pool,
    instructions: InstructionSet,
}

impl Machine {
    /// Shortest seconds of some runs of a job on all threads, after one that does not count.
    fn best(&mut self, runs: usize, job: &(dyn Fn(usize) + Sync)) -> f64 {
        let mut best = f64::INFINITY;
        for run in 0..=runs {
            let start = Instant::now();
            self.pool.run(job);
            if run > 0 {
                best = best.min(start.elapsed().as_secs_f64());
            }
        }
        best
    }

    /// Bytes a second of all threads that each read so many bytes of their own, some times.
    fn read(&mut self, bytes: usize, times: usize) -> Result<f64, EngineError> {
        let threads = self.pool.threads();
        let floats = bytes / size_of::<f32>();
        let buffers: Vec<_> = (0..threads)
            .map(|_| Buffer::zeroed(floats).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        let instructions = self.instructions;
        // Each thread writes its own first: memory that was never written is all the same page.
        self.pool.run(&|thread| {
            if let Ok(mut buffer) = buffers[thread].lock() {
                buffer.as_mut_slice().fill(1.0);
            }
        });
        let seconds = self.best(4, &|thread| {
            if let Ok(buffer) = buffers[thread].lock() {
                for _ in 0..times {
                    machine_run(instructions, Read(black_box(buffer.as_slice())));
                }
            }
        });
        Ok((threads * floats * size_of::<f32>() * times) as f64 / seconds)
    }
}

fn machine_run(instructions: InstructionSet, kernel: impl Kernel) {
    // SAFETY: `Peak::measure` checked that the instruction set is available.
    unsafe { instructions.run(kernel) }
}

/// So many multiply-adds in each of the sums.
struct MultiplyAdds(usize);

impl Kernel for MultiplyAdds {
    #[inline(always)]
    fn run<V: Vector>(self) {
        multiply_adds::<V>(self.0);
    }
}

/// So many multiply-adds in each of twice the sums: the peak where a pair is one register.
struct PairedMultiplyAdds(usize);

impl Kernel for PairedMultiplyAdds {
    #[inline(always)]
    fn run<V: Vector>(self) {
        multiply_adds::<V::Pair>(self.0);
    }
}

#[inline(always)]
fn multiply_adds<V: Floats>(times: usize) {
    // Both unknown to the compiler, and such that the sums stay where they are.
    let (factor, addend) = (V::splat(black_box(0.5)), V::splat(black_box(0.5)));
    let mut sums = [V::splat(1.0); SUMS];
    for _ in 0..times {
        for sum in &mut sums {
            *sum = sum.mul_add(factor, addend);
        }
    }
    keep(sums);
}

/// So many products of words of bytes, or of bfloat16, added to each of the sums of two blocks.
struct Products(usize);

impl ByteKernel for Products {
    #[inline(always)]
    fn run<V: ByteVector>(self) {
        products::<V::PairSums>(self.0);
    }
}

impl Bf16Kernel for Products {
    #[inline(always)]
    fn run<V: Bf16Vector>(self) {
        products::<V::PairBf16>(self.0);
    }
}

#[inline(always)]
fn products<S: Sums>(times: usize) {
    const BYTES: usize = 2 * LANES * WORD;
    // Two of weights, and one of inputs for each two sums; such that no read takes two cache lines.
    #[repr(align(64))]
    struct Lines([u8; (2 + SUMS / 2) * BYTES]);

    // 63, or 0.75 in bfloat16.
    let lines = Lines([0x3f; (2 + SUMS / 2) * BYTES]);
    let mut sums = [S::zero(); SUMS];
    for _ in 0..times {
        // Read anew each time, or the compiler would take products out of the loop.
        let from = black_box(lines.0.as_ptr());
        // SAFETY: the array has words of two blocks, the most there are, so many times.
        unsafe {
            let weights = [S::load_words(from), S::load_words(from.add(BYTES))];
            for (index, sums) in sums.chunks_mut(2).enumerate() {
                let inputs = S::load_words(from.add((index + 2) * BYTES));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = sum.add_products(inputs, weights);
                }
            }
        }
    }
    keep(sums.map(S::to_floats));
}

/// The sum of all floats, of which there is a multiple of a cache line.
struct Read<'a>(&'a [f32]);

impl Kernel for Read<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let mut sums = [V::splat(0.0); SUMS];
        for floats in self.0.chunks_exact(SUMS * LANES) {
            for (index, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the chunk has so many vectors.
                let vector = unsafe { V::load(floats.as_ptr().add(index * LANES)) };
                *sum = sum.add(vector);
            }
        }
        keep(sums);
    }
}

/// Makes the compiler compute the sums.
#[inline(always)]
fn keep<V: Floats>(sums: [V; SUMS]) {
    let mut floats = [0.0; 2 * LANES];
    for sum in sums {
        // SAFETY: the array has room for two blocks, the most there are.
        unsafe { sum.store(floats.as_mut_ptr()) };
        black_box(&floats);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_has_a_peak() {
        for instructions in InstructionSet::available() {
            let peak = Peak::measure(2, instructions).unwrap();
            for value in [
                peak.flops,
                peak.byte_ops,
                peak.bf16_ops,
                peak.memory,
                peak.cache,
            ] {
                assert!(value.is_finite() && value > 0.0, "{peak:?}");
            }
        }
    }

    #[test]
    fn no_threads_have_no_peak() {
        let error = Peak::measure(0, InstructionSet::detect()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the engine's number of threads is 0; it must be at least 1"
        );
    }
}
