//! What a part has of a whole tensor.

/// A tensor of a supernet, in row-major order.
pub(super) struct Whole {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// What kernels are multiplied by once they are cut, `[outputs, inputs]` of places in the kernel.
pub(super) struct Transforms<'a> {
    pub(super) seven_to_five: Option<&'a [f32]>,
    pub(super) five_to_three: Option<&'a [f32]>,
}

impl Whole {
    pub(super) fn new(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { shape, values }
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// A part of this shape: the first channels of both dimensions that have them, and of each kernel
    /// what the transforms make of it. No dimension may be larger than here.
    pub(super) fn cut(&self, shape: &[usize], transforms: &Transforms<'_>) -> Vec<f32> {
        let sizes = |shape: &[usize]| {
            let size = |dimension: usize| shape.get(dimension).copied().unwrap_or(1);
            (size(0), size(1), size(2))
        };
        let (_, columns, from) = sizes(&self.shape);
        let (rows, kept, to) = sizes(shape);
        let area = from * from;
        let rows = self.values.chunks_exact(columns * area).take(rows);
        let cut = rows.map(|row| &row[..kept * area]);
        match from == to {
            true => cut.flatten().copied().collect(),
            false => {
                let kernels = cut.flat_map(|row| row.chunks_exact(area));
                kernels
                    .flat_map(|kernel| transforms.kernel(kernel, from, to))
                    .collect()
            }
        }
    }
}

impl Transforms<'_> {
    /// A smaller kernel: the middle of the next larger one, multiplied, step after step.
    fn kernel(&self, kernel: &[f32], from: usize, to: usize) -> Vec<f32> {
        let (mut kernel, mut side) = (kernel.to_vec(), from);
        while side > to {
            let matrix = match side {
                7 => self.seven_to_five,
                5 => self.five_to_three,
                _ => None,
            };
            let middle = middle(&kernel, side);
            kernel = match matrix {
                Some(matrix) => product(matrix, &middle),
                None => middle,
            };
            side -= 2;
        }
        kernel
    }
}

/// A kernel without its border.
fn middle(kernel: &[f32], side: usize) -> Vec<f32> {
    let rows = kernel.chunks_exact(side).skip(1).take(side - 2);
    rows.flat_map(|row| row[1..side - 1].iter().copied())
        .collect()
}

fn product(matrix: &[f32], vector: &[f32]) -> Vec<f32> {
    let rows = matrix.chunks_exact(vector.len());
    rows.map(|row| {
        let products = row.iter().zip(vector);
        let sum: f64 = products.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        sum as f32
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_channels_and_middles_of_kernels_are_kept() {
        let none = Transforms {
            seven_to_five: None,
            five_to_three: None,
        };
        let vector = Whole::new(vec![4], vec![1.0, 2.0, 3.0, 4.0]);
        assert_eq!(vector.cut(&[3], &none), [1.0, 2.0, 3.0]);
        let matrix = Whole::new(vec![2, 3, 1, 1], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(matrix.cut(&[2, 2, 1, 1], &none), [1.0, 2.0, 4.0, 5.0]);
        assert_eq!(matrix.cut(&[1, 3, 1, 1], &none), [1.0, 2.0, 3.0]);

        let values: Vec<f32> = (0..98).map(|it| it as f32).collect();
        let kernels = Whole::new(vec![2, 1, 7, 7], values);
        let middle = [16.0, 17.0, 18.0, 23.0, 24.0, 25.0, 30.0, 31.0, 32.0];
        assert_eq!(kernels.cut(&[1, 1, 3, 3], &none), middle);
        // The first row of the smaller kernel: the sum of the middle; the others nothing.
        let mut sum = vec![0.0; 81];
        sum[..9].fill(1.0);
        // A step before turns the kernel upside down.
        let mut turned = vec![0.0; 625];
        (0..25).for_each(|place| turned[place * 25 + 24 - place] = 2.0);
        let transforms = Transforms {
            seven_to_five: Some(&turned),
            five_to_three: Some(&sum),
        };
        let cut = kernels.cut(&[2, 1, 5, 5], &transforms);
        assert_eq!((cut[0], cut[24], cut[25]), (80.0, 16.0, 178.0));
        let cut = kernels.cut(&[1, 1, 3, 3], &transforms);
        assert_eq!((cut[0], cut[1]), (2.0 * 9.0 * 24.0, 0.0));
    }
}
