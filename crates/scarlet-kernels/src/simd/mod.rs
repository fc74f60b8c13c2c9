//! Eight floats at a time, and the choice of how at run time.
//!
//! Kernels are written once, generic over [`Vector`], and run through [`InstructionSet::run`],
//! which compiles them for each instruction set. A new one needs a type that implements
//! [`Vector`] and a line in each `match` here.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

/// Channels in a vector, and in a block of the tensor layout.
pub(crate) const LANES: usize = 8;

/// How kernels compute on this processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionSet {
    /// Plain Rust, for any processor. What the compiler makes of it: SSE2 on x86-64, NEON on
    /// aarch64, where fused multiply-adds are part of the baseline.
    Portable,
    /// AVX2 and FMA, on x86-64.
    Avx2,
}

impl std::fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2 and FMA",
        })
    }
}

/// Work that [`InstructionSet::run`] compiles for each instruction set. `run` and all it calls
/// must be `#[inline(always)]`: only what is inlined is compiled for the set.
pub(crate) trait Kernel {
    fn run<V: Vector>(self);
}

impl InstructionSet {
    /// The best one of this processor.
    pub fn detect() -> Self {
        if Self::Avx2.is_available() {
            Self::Avx2
        } else {
            Self::Portable
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 => false,
        }
    }

    /// All that this processor has.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Portable, Self::Avx2]
            .into_iter()
            .filter(|set| set.is_available())
    }

    /// Runs the kernel as compiled for this instruction set.
    ///
    /// # Safety
    ///
    /// The instruction set must be available on this processor.
    pub(crate) unsafe fn run(self, kernel: impl Kernel) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller vouches for AVX2 and FMA.
            Self::Avx2 => unsafe { avx2::run(kernel) },
            _ => kernel.run::<portable::Portable>(),
        }
    }
}

/// Asks for the cache line of this address, which need not exist. It may do nothing.
#[inline(always)]
pub(crate) fn prefetch(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of the architecture, and a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Eight floats.
///
/// The methods are safe to call only from code that [`InstructionSet::run`] compiled; nothing
/// else in the crate names the types that implement this.
pub(crate) trait Vector: Copy {
    fn splat(value: f32) -> Self;

    /// # Safety
    ///
    /// Eight floats must be readable at the pointer, which may have any alignment of a float.
    unsafe fn load(from: *const f32) -> Self;

    /// # Safety
    ///
    /// Eight floats must be writable at the pointer, which may have any alignment of a float.
    unsafe fn store(self, to: *mut f32);

    /// `self · factor + addend`; rounded once where the processor has it.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
}
