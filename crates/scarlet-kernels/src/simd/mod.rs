//! Eight floats at a time, and the choice of how at run time; without `std`, as the compiler was told.
//!
//! Kernels are written once, generic over [`Vector`], and run through
//! [`InstructionSet::run`](instruction_set::InstructionSet::run), which compiles them for each instruction
//! set that does something else with them: those of floats once for all of AVX-512. A new set needs a type that
//! implements [`Vector`] and a line in each `match` of `instruction_set`.
//!
//! Every set but the portable one of old processors and that of WebAssembly rounds a multiply-add once,
//! and all add in the same order: they agree to the last bit, but for products of bfloat16 where there
//! is an instruction for them.

pub(crate) mod bf16;
pub(crate) mod byte_sums;
pub(crate) mod instruction_set;
pub(crate) mod logistic;
#[cfg(target_arch = "aarch64")]
mod neon;
pub(crate) mod pair;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
pub(crate) mod quads;
pub(crate) mod sums;
pub(crate) mod vector;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_bf16;

use vector::Vector;

/// Channels in a vector, and in a block of the tensor layout.
pub(crate) const LANES: usize = 8;

/// Work that [`InstructionSet::run`](instruction_set::InstructionSet::run) compiles for each instruction set. `run` and all it calls
/// must be `#[inline(always)]`: only what is inlined is compiled for the set.
pub(crate) trait Kernel {
    fn run<V: Vector>(self);
}

/// Asks for the cache line of this address, which need not exist. It may do nothing.
#[inline(always)]
pub(crate) fn prefetch(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of the architecture, and a prefetch never faults.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
