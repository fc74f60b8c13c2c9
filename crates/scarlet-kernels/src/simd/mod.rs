//! Eight floats at a time, and the choice of how at run time; without `std`, as the compiler was told.
//!
//! Kernels are written once, generic over [`Vector`], and run through [`InstructionSet::run`],
//! which compiles them for each instruction set. A new one needs a type that implements
//! [`Vector`] and a line in each `match` here.
//!
//! Every set but the portable one of old processors and that of WebAssembly rounds a multiply-add once,
//! and all add in the same order: they agree to the last bit, but for products of bfloat16 where there
//! is an instruction for them.

mod bf16;
mod byte_sums;
mod logistic;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pair;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
mod quads;
mod sums;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use pair::Pair;

pub(crate) use bf16::{Bf16Kernel, Bf16Sums, Bf16Vector, PAIR, to_bf16};
pub(crate) use byte_sums::{ByteKernel, ByteVector, QUAD};
pub(crate) use logistic::{logistic, swish};
pub(crate) use quads::{QuadKernel, QuadSums, QuadVector};
pub(crate) use sums::{Sums, WORD};

/// What runs where no other set is known: plain Rust, or, where the compiler was told of it, WebAssembly's
/// SIMD. A module of that has no choice at run time: another set would only be most of it once more.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
type Plain = portable::Portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
type Plain = wasm::Wasm;

/// The set of [`Plain`].
const PLAIN: InstructionSet = match cfg!(all(target_arch = "wasm32", target_feature = "simd128")) {
    true => InstructionSet::WasmSimd128,
    false => InstructionSet::Portable,
};

/// Channels in a vector, and in a block of the tensor layout.
pub(crate) const LANES: usize = 8;

/// How kernels compute on this processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionSet {
    /// Plain Rust, for any processor. What the compiler makes of it: SSE2 on x86-64, NEON on
    /// aarch64, where fused multiply-adds are part of the baseline.
    Portable,
    /// NEON, on aarch64.
    Neon,
    /// AVX2 and FMA, on x86-64.
    Avx2,
    /// AVX-512 (F, VL, DQ and BW), on x86-64: 512 bits wide in matrix products, where neighbouring
    /// channels fill them, and 256 elsewhere. Gives AVX2's results to the last bit.
    Avx512,
    /// AVX-512 with VNNI and VBMI2, on x86-64: adds four products of bytes at a time. Gives AVX2's
    /// results to the last bit.
    Avx512Vnni,
    /// The same with BF16: adds two products of bfloat16 at a time. Gives AVX2's results to the last
    /// bit, but for networks in bfloat16: there a processor may round sums otherwise than by fused
    /// multiply-adds, and takes numbers below the smallest normal one for 0. Their results depend
    /// on the processor, not on threads or batches.
    Avx512Bf16,
    /// 128-bit SIMD of WebAssembly, where a multiply-add is rounded twice; gives what [`Self::Portable`]
    /// gives there, to the last bit.
    WasmSimd128,
}

impl core::fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Neon => "NEON",
            Self::Avx2 => "AVX2 and FMA",
            Self::Avx512 => "AVX-512",
            Self::Avx512Vnni => "AVX-512 with VNNI",
            Self::Avx512Bf16 => "AVX-512 with VNNI and BF16",
            Self::WasmSimd128 => "WebAssembly SIMD",
        })
    }
}

/// Whether the processor has something: by asking it, or, without `std`, by what the compiler was told.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! has {
    ($detected:ident, $feature:tt) => {{
        #[cfg(feature = "std")]
        let has = std::arch::$detected!($feature);
        #[cfg(not(feature = "std"))]
        let has = cfg!(target_feature = $feature);
        has
    }};
}

/// Work that [`InstructionSet::run`] compiles for each instruction set. `run` and all it calls
/// must be `#[inline(always)]`: only what is inlined is compiled for the set.
pub(crate) trait Kernel {
    fn run<V: Vector>(self);
}

impl InstructionSet {
    /// From the plainest to the best.
    const ALL: [Self; 7] = [
        Self::Portable,
        Self::Neon,
        Self::Avx2,
        Self::Avx512,
        Self::Avx512Vnni,
        Self::Avx512Bf16,
        Self::WasmSimd128,
    ];

    /// The best one of this processor.
    pub fn detect() -> Self {
        let best = Self::ALL.into_iter().rev().find(|set| set.is_available());
        best.unwrap_or(PLAIN)
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            plain if plain == PLAIN => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => has!(is_aarch64_feature_detected, "neon"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                has!(is_x86_feature_detected, "avx2") && has!(is_x86_feature_detected, "fma")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && has!(is_x86_feature_detected, "avx512f")
                    && has!(is_x86_feature_detected, "avx512vl")
                    && has!(is_x86_feature_detected, "avx512dq")
                    && has!(is_x86_feature_detected, "avx512bw")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                Self::Avx512.is_available()
                    && has!(is_x86_feature_detected, "avx512vnni")
                    && has!(is_x86_feature_detected, "avx512vbmi2")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => {
                Self::Avx512Vnni.is_available() && has!(is_x86_feature_detected, "avx512bf16")
            }
            // Those of other architectures.
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// All that this processor has, the best one last.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|set| set.is_available())
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
            Self::Avx2 => unsafe { x86::run_avx2(kernel) },
            // With floats, nothing is done otherwise where there is more.
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller vouches for AVX-512.
            Self::Avx512 | Self::Avx512Vnni | Self::Avx512Bf16 => unsafe {
                x86::run_avx512(kernel)
            },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the caller vouches for NEON.
            Self::Neon => unsafe { neon::run(kernel) },
            _ => kernel.run::<Plain>(),
        }
    }
}

impl InstructionSet {
    /// Runs the kernel as compiled for this instruction set.
    ///
    /// # Safety
    ///
    /// The instruction set must be available on this processor.
    pub(crate) unsafe fn run_bytes<K: ByteKernel>(self, kernel: K) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller vouches for AVX2 and FMA.
            Self::Avx2 => unsafe { x86::run_bytes_avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller vouches for AVX-512 with VNNI and VBMI2.
            Self::Avx512Vnni | Self::Avx512Bf16 if const { K::IS_FOR_VNNI } => unsafe {
                x86::run_bytes_vnni(kernel)
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller vouches for AVX-512.
            Self::Avx512 | Self::Avx512Vnni | Self::Avx512Bf16 => unsafe {
                x86::run_bytes_avx512(kernel)
            },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the caller vouches for NEON.
            Self::Neon => unsafe { neon::run_bytes(kernel) },
            _ => kernel.run::<Plain>(),
        }
    }

    /// Whether it can [`run_quads`](Self::run_quads).
    pub(crate) fn has_quads(self) -> bool {
        matches!(self, Self::Avx512Vnni | Self::Avx512Bf16)
    }

    /// Runs the kernel as compiled for this instruction set.
    ///
    /// # Safety
    ///
    /// The instruction set must be available on this processor, and have quads.
    pub(crate) unsafe fn run_quads(self, kernel: impl QuadKernel) {
        debug_assert!(self.has_quads());
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller vouches for AVX-512 with VNNI and VBMI2.
        unsafe {
            x86::run_quads(kernel);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = kernel;
    }

    /// Whether it can [`run_bf16_products`](Self::run_bf16_products).
    pub(crate) fn has_bf16_products(self) -> bool {
        self == Self::Avx512Bf16
    }

    /// As [`run_bf16`](Self::run_bf16), for a kernel that is compiled for no other set.
    ///
    /// # Safety
    ///
    /// The instruction set must be available on this processor, and have products of bfloat16.
    pub(crate) unsafe fn run_bf16_products(self, kernel: impl Bf16Kernel) {
        debug_assert!(self.has_bf16_products());
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller vouches for AVX-512 with VNNI, VBMI2 and BF16.
        unsafe {
            x86::run_bf16(kernel);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = kernel;
    }

    /// Runs the kernel as compiled for this instruction set.
    ///
    /// # Safety
    ///
    /// The instruction set must be available on this processor.
    pub(crate) unsafe fn run_bf16(self, kernel: impl Bf16Kernel) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller vouches for AVX2 and FMA.
            Self::Avx2 => unsafe { x86::run_bf16_avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller vouches for AVX-512.
            Self::Avx512 | Self::Avx512Vnni => unsafe { x86::run_bf16_avx512(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller vouches for AVX-512 with VNNI, VBMI2 and BF16.
            Self::Avx512Bf16 => unsafe { x86::run_bf16(kernel) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the caller vouches for NEON.
            Self::Neon => unsafe { neon::run_bf16(kernel) },
            _ => kernel.run::<Plain>(),
        }
    }
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

/// Eight floats: one block of channels, or any eight neighbours.
///
/// The methods, and those of [`Floats`], are safe to call only from code that
/// [`InstructionSet::run`] compiled; nothing else in the crate names the types that implement this.
pub(crate) trait Vector: Floats {
    /// Whether there are too few registers for the sums of two blocks: then convolutions compute one after
    /// the other.
    const IS_NARROW: bool = false;

    /// Two blocks, in as few registers as they fit.
    type Pair: Floats;

    /// A block, or a half of it where that leaves registers for more pixels of a depthwise convolution.
    type Part: Floats;

    /// Runs a part of a kernel that is not inlined, but compiled once and called.
    ///
    /// # Safety
    ///
    /// As the part demands of its pointers.
    unsafe fn call(part: impl Kernel);

    /// Eight signed bytes as floats.
    ///
    /// # Safety
    ///
    /// Eight bytes must be readable at the pointer.
    unsafe fn load_bytes(from: *const i8) -> Self;

    /// Rounds floats between 0 and 255 to the nearest bytes, ties to the even one.
    ///
    /// # Safety
    ///
    /// Eight bytes must be writable at the pointer.
    unsafe fn store_bytes(self, to: *mut u8);

    /// Eight numbers of bfloat16 as floats.
    ///
    /// # Safety
    ///
    /// They must be readable at the pointer.
    unsafe fn load_bf16(from: *const u16) -> Self;

    /// Rounds floats to the nearest numbers of bfloat16, ties to the even one; a NaN stays one.
    ///
    /// # Safety
    ///
    /// Eight numbers must be writable at the pointer.
    unsafe fn store_bf16(self, to: *mut u16);
}

/// The floats of one or two blocks.
pub(crate) trait Floats: Arithmetic {
    /// 1 or 2; of a part of a block, 1.
    const BLOCKS: usize;

    /// How many there are.
    const LENGTH: usize = Self::BLOCKS * LANES;

    /// How many sums of a matrix product stay in registers, beside its factors.
    const SUMS: usize;

    /// # Safety
    ///
    /// All floats must be readable at the pointer, which may have any alignment of a float.
    unsafe fn load(from: *const f32) -> Self;

    /// # Safety
    ///
    /// All floats must be writable at the pointer, which may have any alignment of a float.
    unsafe fn store(self, to: *mut f32);

    /// As [`load`](Self::load), with a second block at a distance from the first.
    ///
    /// # Safety
    ///
    /// Each block must be readable where it is.
    #[inline(always)]
    unsafe fn load_blocks(from: *const f32, _distance: usize) -> Self {
        // SAFETY: the caller vouches for the block.
        unsafe { Self::load(from) }
    }

    /// As [`store`](Self::store), with a second block at a distance from the first.
    ///
    /// # Safety
    ///
    /// Each block must be writable where it is.
    #[inline(always)]
    unsafe fn store_blocks(self, to: *mut f32, _distance: usize) {
        // SAFETY: the caller vouches for the block.
        unsafe { self.store(to) }
    }

    /// The larger one; of a NaN and a number the number, if that is `other`.
    fn max(self, other: Self) -> Self;
    /// The smaller one; as [`max`](Self::max) with a NaN.
    fn min(self, other: Self) -> Self;
}

/// Numbers that formulas can be written for: floats of one or two blocks, or a single float.
pub(crate) trait Arithmetic: Copy {
    fn splat(value: f32) -> Self;
    /// `self · factor + addend`; of vectors rounded once where the processor has it.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// The number or `low`, whichever is larger; a NaN stays one.
    fn at_least(self, low: f32) -> Self;
    /// The number or `high`, whichever is smaller; a NaN stays one.
    fn at_most(self, high: f32) -> Self;
    /// The float whose sign and exponent are the lowest nine bits of this one, and whose other bits
    /// are 0.
    fn exponent(self) -> Self;
}

/// Never fused, so that it is the same with every instruction set.
impl Arithmetic for f32 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self / other
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> Self {
        if low > self { low } else { self }
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> Self {
        if high < self { high } else { self }
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        f32::from_bits(self.to_bits() << EXPONENT)
    }
}

/// The bits of a float behind its exponent.
const EXPONENT: u32 = f32::MANTISSA_DIGITS - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_set_is_available_and_the_last_of_those() {
        let best = InstructionSet::detect();
        assert!(best.is_available());
        assert_eq!(InstructionSet::available().last(), Some(best));
    }

    /// Numbers that need no rounding, a NaN, and blocks at a distance.
    #[test]
    fn every_set_computes_what_the_methods_say() {
        const DISTANCE: usize = 3 * LANES;

        struct Compute<'a> {
            input: &'a [f32; DISTANCE + LANES],
            output: &'a mut [f32; DISTANCE + LANES],
        }

        #[inline(always)]
        fn compute<V: Floats>(job: Compute<'_>) {
            // SAFETY: both arrays have a block at the start and one at the distance.
            unsafe {
                let x = V::load_blocks(job.input.as_ptr(), DISTANCE);
                let limited = x.max(V::splat(-2.0)).min(V::splat(2.0));
                let square = limited.mul(limited).add(V::splat(1.0));
                let result = square.mul_add(V::splat(0.5), V::load(job.input.as_ptr()));
                result.store_blocks(job.output.as_mut_ptr(), DISTANCE);
            }
        }

        struct Single<'a>(Compute<'a>);
        impl Kernel for Single<'_> {
            #[inline(always)]
            fn run<V: Vector>(self) {
                compute::<V>(self.0);
            }
        }

        struct Paired<'a>(Compute<'a>);
        impl Kernel for Paired<'_> {
            #[inline(always)]
            fn run<V: Vector>(self) {
                compute::<V::Pair>(self.0);
            }
        }

        let mut input: [f32; DISTANCE + LANES] = core::array::from_fn(|i| i as f32 / 4.0 - 3.0);
        input[DISTANCE + 1] = f32::NAN;
        let expect = |at: usize, plain: usize| {
            let x = match input[at] {
                x if x.is_nan() => -2.0,
                x => x.clamp(-2.0, 2.0),
            };
            (x * x + 1.0) * 0.5 + input[plain]
        };
        for set in InstructionSet::available() {
            for blocks in [1, 2] {
                let mut output = [0.0; DISTANCE + LANES];
                let job = Compute {
                    input: &input,
                    output: &mut output,
                };
                // SAFETY: the set is available.
                unsafe {
                    match blocks {
                        1 => set.run(Single(job)),
                        _ => set.run(Paired(job)),
                    }
                }
                for (at, &value) in output.iter().enumerate() {
                    let expected = match at {
                        0..LANES => expect(at, at),
                        DISTANCE.. if blocks == 2 => expect(at, at - DISTANCE + LANES),
                        _ => 0.0,
                    };
                    assert_eq!(value, expected, "{set}, {blocks} blocks, value {at}");
                }
            }
        }
    }
}
