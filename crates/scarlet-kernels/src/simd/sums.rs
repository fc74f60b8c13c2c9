//! Sums of products of numbers that are narrower than floats.

use super::{
    LANES,
    pair::Pair,
    vector::{Arithmetic, Floats},
};

/// Bytes of a word.
pub(crate) const WORD: usize = size_of::<f32>();

/// Sums of products of an input and a weight, one sum for each channel of one or two blocks.
///
/// Factors come in words of 32 bits for each channel: as many neighbouring inputs, or their weights, as
/// have room in one.
///
/// As with [`Vector`](super::vector::Vector), the methods are safe to call only from code that
/// [`InstructionSet::run`](super::instruction_set::InstructionSet::run) compiled.
pub(crate) trait Sums: Copy {
    /// 1 or 2.
    const BLOCKS: usize;

    /// Pixels of a matrix product whose sums stay in registers, beside its factors.
    const TILE: usize;

    /// Whether the registers hold the sums of so many pixels of two panels.
    const IS_WIDE: bool = false;

    /// As many floats as sums.
    type Floats: Floats;

    /// A word for each channel.
    type Words: Copy;

    fn zero() -> Self;

    /// What sums in floats start from, given their biases; those in integers from 0.
    #[inline(always)]
    fn start(_bias: Self::Floats) -> Self {
        Self::zero()
    }

    /// The same word for all channels.
    ///
    /// # Safety
    ///
    /// Its bytes must be readable at the pointer.
    unsafe fn spread(from: *const u8) -> Self::Words;

    /// Words `[channel][factor]`.
    ///
    /// # Safety
    ///
    /// All of them must be readable at the pointer.
    unsafe fn load_words(from: *const u8) -> Self::Words;

    /// Adds the products of a word to each sum.
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self;

    /// The nearest floats.
    fn to_floats(self) -> Self::Floats;

    /// What sums that [started](Self::start) from these biases stand for: those in integers times a scale,
    /// and with a bias.
    #[inline(always)]
    fn finish(self, scale: Self::Floats, bias: Self::Floats) -> Self::Floats {
        // Rounded twice on every processor, so that all give the same.
        self.to_floats().mul(scale).add(bias)
    }
}

/// Two blocks in two vectors.
impl<S: Sums> Sums for Pair<S> {
    const BLOCKS: usize = 2;
    const TILE: usize = S::TILE / 2;

    type Floats = Pair<S::Floats>;
    type Words = [S::Words; 2];

    #[inline(always)]
    fn zero() -> Self {
        Self::new(S::zero(), S::zero())
    }

    #[inline(always)]
    fn start(bias: Self::Floats) -> Self {
        let [first, second] = bias.halves();
        Self::new(S::start(first), S::start(second))
    }

    #[inline(always)]
    unsafe fn spread(from: *const u8) -> Self::Words {
        // SAFETY: the caller vouches for the pointer.
        unsafe { [S::spread(from); 2] }
    }

    #[inline(always)]
    unsafe fn load_words(from: *const u8) -> Self::Words {
        // SAFETY: the caller vouches for both blocks.
        unsafe { [S::load_words(from), S::load_words(from.add(LANES * WORD))] }
    }

    #[inline(always)]
    fn add_products(self, inputs: Self::Words, weights: Self::Words) -> Self {
        let [first, second] = self.halves();
        Self::new(
            first.add_products(inputs[0], weights[0]),
            second.add_products(inputs[1], weights[1]),
        )
    }

    #[inline(always)]
    fn to_floats(self) -> Self::Floats {
        let [first, second] = self.halves();
        Pair::new(first.to_floats(), second.to_floats())
    }

    #[inline(always)]
    fn finish(self, scale: Self::Floats, bias: Self::Floats) -> Self::Floats {
        let ([first, second], [scale, next_scale]) = (self.halves(), scale.halves());
        let [bias, next_bias] = bias.halves();
        Pair::new(
            first.finish(scale, bias),
            second.finish(next_scale, next_bias),
        )
    }
}
