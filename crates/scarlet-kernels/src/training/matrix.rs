//! Matrix products, by the `gemm` crate.

/// A matrix in a slice: element `(row, column)` lies at `row · strides[0] + column · strides[1]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// # Panics
    ///
    /// If `values` is too short.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize, strides: [usize; 2]) -> Self {
        assert!(
            rows == 0
                || columns == 0
                || last(rows, columns, strides).is_some_and(|last| last < values.len()),
            "{rows}×{columns} with strides {strides:?} in {} values",
            values.len()
        );
        Self {
            values,
            rows,
            columns,
            strides,
        }
    }

    /// Rows one after the other.
    pub(super) fn row_major(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::new(values, rows, columns, [columns, 1])
    }

    /// Some of its rows.
    ///
    /// # Panics
    ///
    /// If it has fewer.
    pub(super) fn rows(self, first: usize, count: usize) -> Self {
        assert!(first + count <= self.rows);
        let values = &self.values[first * self.strides[0]..];
        Self::new(values, count, self.columns, self.strides)
    }

    pub(super) fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            strides: [self.strides[1], self.strides[0]],
        }
    }
}

/// Where the last element lies; `None` beyond all numbers.
fn last(rows: usize, columns: usize, strides: [usize; 2]) -> Option<usize> {
    let rows = (rows - 1).checked_mul(strides[0])?;
    rows.checked_add((columns - 1).checked_mul(strides[1])?)
}

/// A slice of floats that several threads fill, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    pointer: *mut f32,
    length: usize,
}

// SAFETY: made from a slice of which no more than the parts that a thread was given are written
// by it; see `multiply`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(super) fn new(values: &mut [f32]) -> Self {
        Self {
            pointer: values.as_mut_ptr(),
            length: values.len(),
        }
    }
}

/// `output = left · right`, on this thread.
///
/// The output's element `(row, column)` lies at `offset + row · row_stride + column`.
///
/// # Safety
///
/// The slice behind `output` must still be borrowed, and no other thread may use these elements
/// at the time.
///
/// # Panics
///
/// If the sizes do not fit each other or `output`.
pub(super) unsafe fn multiply(
    output: Shared,
    offset: usize,
    row_stride: usize,
    left: Matrix<'_>,
    right: Matrix<'_>,
) {
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    assert_eq!(inner, right.rows, "the matrices do not fit");
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(columns <= row_stride || rows == 1);
    let last = last(rows, columns, [row_stride, 1]).and_then(|last| last.checked_add(offset));
    assert!(
        last.is_some_and(|last| last < output.length),
        "the product does not fit"
    );
    // SAFETY: all three matrices were checked against their slices; the output's elements are
    // this thread's alone, as the caller vouches, and distinct, as rows do not overlap.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.pointer.add(offset),
            1,
            row_stride as isize,
            false,
            left.values.as_ptr(),
            left.strides[1] as isize,
            left.strides[0] as isize,
            right.values.as_ptr(),
            right.strides[1] as isize,
            right.strides[0] as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
