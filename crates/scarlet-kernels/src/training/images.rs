//! [`Images`]: a view of a batch.

/// A batch of images `[batch, channels, height, width]` whose planes are contiguous, at any
/// distance from each other.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    values: &'a [f32],
    shape: [usize; 4],
    strides: [usize; 2],
}

/// How many values images of these sides, none of them 0, reach over.
fn length([batch, channels, height, width]: [usize; 4], strides: [usize; 2]) -> Option<usize> {
    let images = (batch - 1).checked_mul(strides[0])?;
    let planes = (channels - 1).checked_mul(strides[1])?;
    let plane = height.checked_mul(width)?;
    images.checked_add(planes)?.checked_add(plane)
}

impl<'a> Images<'a> {
    /// A view of `values`. `strides` are the distances from one image and from one channel to
    /// the next.
    ///
    /// # Panics
    ///
    /// If `values` is too short.
    pub fn new(values: &'a [f32], shape: [usize; 4], strides: [usize; 2]) -> Self {
        if shape.iter().all(|&side| side > 0) {
            // What overflows is too long as well.
            assert!(
                length(shape, strides).is_some_and(|length| length <= values.len()),
                "{shape:?} with strides {strides:?} do not fit into {} values",
                values.len()
            );
        }
        Self {
            values,
            shape,
            strides,
        }
    }

    /// A view of values that lie `[channel][image][row][column]`, as this module's results do.
    ///
    /// # Panics
    ///
    /// If `values` has another length than the shape says.
    pub fn channels_first(values: &'a [f32], shape: [usize; 4]) -> Self {
        let mut sides = shape.iter();
        let length = sides.try_fold(1usize, |length, &side| length.checked_mul(side));
        assert_eq!(Some(values.len()), length, "{shape:?}");
        Self::new(values, shape, Self::channels_first_strides(shape))
    }

    /// The distances from one image and from one channel to the next of
    /// `[channel][image][row][column]`.
    pub fn channels_first_strides([batch, _, height, width]: [usize; 4]) -> [usize; 2] {
        [height * width, batch * height * width]
    }

    /// `[batch, channels, height, width]`.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    pub(super) fn batch(&self) -> usize {
        self.shape[0]
    }

    pub(super) fn channels(&self) -> usize {
        self.shape[1]
    }

    /// Pixels of a plane.
    pub(super) fn pixels(&self) -> usize {
        self.shape[2] * self.shape[3]
    }

    /// Values of a channel in all images.
    pub(super) fn channel_values(&self) -> usize {
        self.batch() * self.pixels()
    }

    pub(super) fn values(&self) -> &'a [f32] {
        self.values
    }

    pub(super) fn strides(&self) -> [usize; 2] {
        self.strides
    }

    /// Whether a channel's planes follow each other without a gap.
    pub(super) fn planes_adjoin(&self) -> bool {
        self.batch() == 1 || self.strides[0] == self.pixels()
    }

    pub(super) fn plane(&self, image: usize, channel: usize) -> &'a [f32] {
        let start = image * self.strides[0] + channel * self.strides[1];
        &self.values[start..start + self.pixels()]
    }

    /// How many values of a channel lie next to each other in both: those of all images, or a
    /// plane's. Kernels take so many at a time.
    pub(super) fn common_piece(&self, other: &Self) -> usize {
        if self.planes_adjoin() && other.planes_adjoin() {
            self.channel_values()
        } else {
            self.pixels()
        }
    }

    /// As [`common_piece`](Self::common_piece), of these images alone.
    pub(super) fn piece(&self) -> usize {
        self.common_piece(self)
    }

    /// The values of a channel from the pixel at `start` on, counted through all images; `length`
    /// of them, which must lie next to each other.
    pub(super) fn part(&self, channel: usize, start: usize, length: usize) -> &'a [f32] {
        let (image, pixel) = (start / self.pixels(), start % self.pixels());
        let start = image * self.strides[0] + pixel + channel * self.strides[1];
        &self.values[start..start + length]
    }

    /// A channel of some images, one after the other; in `buffer` if they lie apart.
    pub(super) fn gather<'b>(
        &self,
        channel: usize,
        images: std::ops::Range<usize>,
        buffer: &'b mut Vec<f32>,
    ) -> &'b [f32]
    where
        'a: 'b,
    {
        if images.len() <= 1 || self.planes_adjoin() {
            let start = images.start * self.strides[0] + channel * self.strides[1];
            return &self.values[start..start + images.len() * self.pixels()];
        }
        buffer.clear();
        for image in images {
            buffer.extend_from_slice(self.plane(image, channel));
        }
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_of_enough_values() {
        let values = [0.0; 12];
        assert_eq!(Images::new(&values, [2, 3, 1, 2], [6, 2]).pixels(), 2);
        assert!(Images::new(&values, [2, 3, 1, 2], [2, 4]).planes_adjoin());
    }

    #[test]
    #[should_panic(expected = "do not fit into 12 values")]
    fn too_few_values_are_refused() {
        Images::new(&[0.0; 12], [2, 3, 1, 3], [6, 2]);
    }

    #[test]
    #[should_panic(expected = "do not fit into 600 values")]
    fn strides_that_overflow_are_refused() {
        // Three strides come to 2, modulo the largest number.
        let stride = usize::MAX / 3 + 1;
        Images::new(&[0.0; 600], [1, 4, 16, 16], [0, stride]);
    }
}
