//! Activations on vectors.

use crate::{
    activation::{Activation, Gate},
    simd::{
        Kernel, LANES,
        logistic::{logistic, swish},
        pair::Pair,
        vector::{Arithmetic, Floats, Vector},
    },
};

/// What is done to a sum before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    None,
    Relu,
    Relu6,
    HSwish,
    Swish,
    /// `relu6(x + 3) / 6`.
    HSigmoid,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
}

impl From<Activation> for Finish {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::None => Self::None,
            Activation::Relu => Self::Relu,
            Activation::Relu6 => Self::Relu6,
            Activation::HSwish => Self::HSwish,
            Activation::Swish => Self::Swish,
        }
    }
}

impl From<Gate> for Finish {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::HSigmoid => Self::HSigmoid,
            Gate::Sigmoid => Self::Sigmoid,
        }
    }
}

impl Finish {
    /// Applied to sums in registers, if it is short enough: written out for each of them, and for
    /// every size of a tile, a long function would be most of a kernel, and take registers from the
    /// sums.
    #[inline(always)]
    pub(super) fn at_once<V: Floats, const N: usize, const M: usize>(
        self,
        values: &mut [[V; N]; M],
    ) {
        match self {
            Self::Relu => {
                for value in values.as_flattened_mut() {
                    *value = value.max(V::splat(0.0));
                }
            }
            Self::Relu6 => {
                for value in values.as_flattened_mut() {
                    *value = value.max(V::splat(0.0)).min(V::splat(6.0));
                }
            }
            Self::HSwish => {
                for value in values.as_flattened_mut() {
                    *value = value.mul(h_sigmoid(*value));
                }
            }
            _ => {}
        }
    }

    /// Applied to one sum in a register: a match that is the same for many is best made before them.
    #[inline(always)]
    pub(super) fn once<V: Floats>(self, value: V) -> V {
        let mut values = [[value]];
        self.at_once(&mut values);
        values[0][0]
    }

    /// Whether it is left to [`afterwards`](Self::afterwards).
    #[inline(always)]
    pub(crate) fn is_long(self) -> bool {
        !matches!(self, Self::None | Self::Relu | Self::Relu6 | Self::HSwish)
    }

    /// Applied to neighbouring blocks of sums in memory, if that is not done already: the more of
    /// them the better, since each takes long, but they need not wait for each other.
    ///
    /// # Safety
    ///
    /// So many blocks must be readable and writable at the pointer.
    #[inline(always)]
    pub(super) unsafe fn afterwards<V: Vector>(self, sums: *mut f32, blocks: usize) {
        if self.is_long() {
            let finish = self;
            // SAFETY: the caller vouches for the pointer.
            unsafe {
                V::call(InPlace {
                    finish,
                    sums,
                    blocks,
                })
            };
        }
    }
}

/// [`Finish::afterwards`].
struct InPlace {
    finish: Finish,
    sums: *mut f32,
    blocks: usize,
}

impl Kernel for InPlace {
    #[inline(always)]
    fn run<V: Vector>(self) {
        // No closures: only what is inlined is compiled for the instruction set, and with a closure
        // that is the compiler's choice.
        macro_rules! each {
            ($x:ident => $result:expr) => {{
                let mut block = 0;
                // SAFETY: the maker of this vouches for the pointer.
                unsafe {
                    // Four at a time, so that those which wait for each other are farther apart.
                    while block + 4 <= self.blocks {
                        let place = self.sums.add(block * LANES);
                        let next = place.add(2 * LANES);
                        let $x = Pair::new(V::Pair::load(place), V::Pair::load(next));
                        let [first, second] = $result.halves();
                        first.store(place);
                        second.store(next);
                        block += 4;
                    }
                    while block < self.blocks {
                        let place = self.sums.add(block * LANES);
                        let $x = V::load(place);
                        $result.store(place);
                        block += 1;
                    }
                }
            }};
        }
        match self.finish {
            Finish::None | Finish::Relu | Finish::Relu6 | Finish::HSwish => {}
            Finish::Swish => each!(x => swish(x)),
            Finish::HSigmoid => each!(x => h_sigmoid(x)),
            Finish::Sigmoid => each!(x => logistic(x)),
        }
    }
}

impl Finish {
    /// Whether [`in_registers`](Self::in_registers) does it.
    pub(crate) fn is_for_registers(self) -> bool {
        matches!(self, Self::None | Self::HSwish)
    }

    /// Applied to a sum in a register, where that is worth it: the same bits as in memory.
    #[inline(always)]
    pub(super) fn in_registers<V: Floats>(self, value: V) -> V {
        match self {
            Self::HSwish => value.mul(h_sigmoid(value)),
            _ => value,
        }
    }
}

/// `min(max(x/6 + 1/2, 0), 1)`, which is `relu6(x + 3) / 6` in fewer instructions.
#[inline(always)]
fn h_sigmoid<N: Arithmetic>(x: N) -> N {
    x.mul_add(N::splat(1.0 / 6.0), N::splat(0.5))
        .at_least(0.0)
        .at_most(1.0)
}
