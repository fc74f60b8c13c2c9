//! [`InstructionSet`]: which ones there are, which this processor has, and running a kernel with one.

#[cfg(target_arch = "aarch64")]
use super::neon;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use super::portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::wasm;
#[cfg(target_arch = "x86_64")]
use super::x86;
use super::{Kernel, bf16::Bf16Kernel, byte_sums::ByteKernel, quads::QuadKernel};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_set_is_available_and_the_last_of_those() {
        let best = InstructionSet::detect();
        assert!(best.is_available());
        assert_eq!(InstructionSet::available().last(), Some(best));
    }
}
