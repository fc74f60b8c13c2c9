//! Pointwise (1×1) convolutions: one matrix product over the pixels of all images.

use rayon::prelude::*;

use super::buffers::{give_buffer, take_buffer};
use super::fewest_tasks;
use super::images::Images;
use super::matrix::{Matrix, Shared, multiply};

/// Floats of input and output that a task works on: about what a second-level cache holds.
const TASK: usize = 96 * 1024;

/// Pixels that a task has at least, and a multiple of which it has.
const PIXELS: usize = 64;

/// Tasks that a product is cut into at least, if each has `PRODUCTS` products.
const TASKS: usize = 8;
const PRODUCTS: usize = 512 * 1024;

/// Pixels of a plane that is a matrix of its own where planes lie apart.
const LARGE_PLANE: usize = 256;

/// Pixels whose products one task sums up for the weights' gradient.
const SUMMED: usize = 1024;

/// Weights whose gradient one task computes.
const PART: usize = 32 * 1024;

/// Products of a matrix that take about as long as a value of a simpler operation.
const PRODUCTS_A_VALUE: usize = 8;

/// Tasks that a thread gets at least, each of so many products.
fn fewest_products(products: usize) -> usize {
    fewest_tasks(products / PRODUCTS_A_VALUE)
}

/// Pixels that lie next to each other in every channel.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Where they start in each channel of the input.
    input: usize,
    /// Where they start in each channel of a tensor that lies channels first.
    pixel: usize,
    length: usize,
}

/// Cuts the pixels of all images into spans of at most `longest`.
fn spans(images: &Images<'_>, longest: usize) -> Vec<Span> {
    let (runs, length) = if images.planes_adjoin() {
        (1, images.channel_values())
    } else {
        (images.batch(), images.pixels())
    };
    let pieces = length.div_ceil(longest).max(1);
    let piece = length.div_ceil(pieces).next_multiple_of(16).max(1);
    (0..runs)
        .flat_map(|run| (0..length).step_by(piece).map(move |at| (run, at)))
        .map(|(run, at)| Span {
            input: run * images.strides()[0] + at,
            pixel: run * length + at,
            length: piece.min(length - at),
        })
        .collect()
}

/// The pixels of a span, `[channels, pixels]`.
fn span_matrix<'a>(images: &Images<'a>, span: Span) -> Matrix<'a> {
    Matrix::new(
        &images.values()[span.input..],
        images.channels(),
        span.length,
        [images.strides()[1], 1],
    )
}

/// The images themselves if their planes adjoin or are large, else a copy in which they adjoin:
/// a matrix product of a few pixels at a time is slow.
fn adjoined<'a>(images: Images<'a>, copy: &'a mut Vec<f32>) -> Images<'a> {
    if images.planes_adjoin() || images.pixels() >= LARGE_PLANE {
        return images;
    }
    *copy = take_buffer(images.shape().iter().product());
    let values = images.channel_values().max(1);
    let channels = copy.par_chunks_mut(values).enumerate();
    let channels = channels.with_min_len(fewest_tasks(values));
    channels.for_each(|(channel, copy)| {
        for (image, copy) in copy.chunks_mut(images.pixels().max(1)).enumerate() {
            copy.copy_from_slice(images.plane(image, channel));
        }
    });
    Images::channels_first(copy, images.shape())
}

/// `left · [channels, pixels]`, channels first.
fn multiply_pixels(left: Matrix<'_>, rows: usize, images: Images<'_>) -> Vec<f32> {
    let mut copy = Vec::new();
    let images = adjoined(images, &mut copy);
    let pixels = images.channel_values();
    let mut output = take_buffer(rows * pixels);
    let wanted = TASK / (rows + images.channels()).max(1);
    let longest = wanted.next_multiple_of(PIXELS).max(PIXELS);
    let shared = Shared::new(&mut output);
    let spans = spans(&images, longest);
    // Where few pixels are left, rows too are cut, as far as the products are worth a task.
    let products = rows * images.channels() * pixels;
    let wanted = (TASKS / spans.len().max(1)).min(products / PRODUCTS);
    let part = rows.div_ceil(wanted.max(1)).next_multiple_of(16).max(16);
    let tasks: Vec<_> = (0..rows)
        .step_by(part)
        .flat_map(|row| spans.iter().map(move |&span| (row, span)))
        .collect();
    let fewest = fewest_products(products / tasks.len().max(1));
    let tasks = tasks.into_par_iter().with_min_len(fewest);
    tasks.for_each(|(row, span)| {
        let left = left.rows(row, part.min(rows - row));
        let start = row * pixels + span.pixel;
        // SAFETY: `output` lives on, and neither the spans' columns nor the parts' rows overlap.
        unsafe { multiply(shared, start, pixels, left, span_matrix(&images, span)) }
    });
    give_buffer(copy);
    output
}

/// The convolution with `weight`, `[channels_out, channels_in]`. The result lies channels first.
///
/// # Panics
///
/// If `weight` is too short.
pub fn pointwise(input: Images<'_>, weight: &[f32], channels_out: usize) -> Vec<f32> {
    let weight = Matrix::row_major(weight, channels_out, input.channels());
    multiply_pixels(weight, channels_out, input)
}

/// The gradient by the input, channels first, from the gradient by the output.
pub fn pointwise_input_gradient(
    output_gradient: Images<'_>,
    weight: &[f32],
    channels_in: usize,
) -> Vec<f32> {
    let weight = Matrix::row_major(weight, output_gradient.channels(), channels_in);
    multiply_pixels(weight.transposed(), channels_in, output_gradient)
}

/// The gradient by the weight, `[channels_out, channels_in]`.
///
/// # Panics
///
/// If the two have different numbers of images or pixels.
pub fn pointwise_weight_gradient(input: Images<'_>, output_gradient: Images<'_>) -> Vec<f32> {
    assert_eq!(input.batch(), output_gradient.batch());
    assert_eq!(input.pixels(), output_gradient.pixels());
    let mut copies = [Vec::new(), Vec::new()];
    let [input_copy, gradient_copy] = &mut copies;
    let input = adjoined(input, input_copy);
    let output_gradient = adjoined(output_gradient, gradient_copy);
    let (rows, columns) = (output_gradient.channels(), input.channels());
    // Both must be cut in the same places.
    let spans: Vec<[Span; 2]> = if input.planes_adjoin() == output_gradient.planes_adjoin() {
        let [inputs, gradients] = [&input, &output_gradient].map(|images| spans(images, SUMMED));
        let pairs = inputs.into_iter().zip(gradients);
        pairs.map(|(input, gradient)| [input, gradient]).collect()
    } else {
        (0..input.batch())
            .map(|image| {
                [&input, &output_gradient].map(|images| Span {
                    input: image * images.strides()[0],
                    pixel: image * images.pixels(),
                    length: images.pixels(),
                })
            })
            .collect()
    };
    // Large matrices are cut by rows too: few pixels are left where channels are many.
    let row_parts = (rows * columns).div_ceil(PART).min(rows).max(1);
    let part = rows.div_ceil(row_parts).next_multiple_of(8);
    let tasks: Vec<_> = (0..spans.len())
        .flat_map(|span| (0..rows).step_by(part).map(move |row| (span, row)))
        .collect();
    // The first span's products go straight into the result.
    let size = rows * columns;
    let mut weight = vec![0.0; size];
    let mut others = take_buffer((spans.len().max(1) - 1) * size);
    let [first, rest] = [&mut weight, &mut others].map(|values| Shared::new(values));
    let products = size * input.channel_values();
    let fewest = fewest_products(products / tasks.len().max(1));
    let tasks = tasks.into_par_iter().with_min_len(fewest);
    tasks.for_each(|(index, row)| {
        let [at_input, at_gradient] = spans[index];
        let gradient = Matrix::new(
            &output_gradient.values()[at_gradient.input + row * output_gradient.strides()[1]..],
            part.min(rows - row),
            at_gradient.length,
            [output_gradient.strides()[1], 1],
        );
        let (output, start) = match index.checked_sub(1) {
            None => (first, 0),
            Some(index) => (rest, index * size),
        };
        let input = span_matrix(&input, at_input).transposed();
        // SAFETY: `weight` and `others` live on, and each task has rows of its own.
        unsafe { multiply(output, start + row * columns, columns, gradient, input) }
    });
    for part in others.chunks(size.max(1)) {
        for (total, part) in weight.iter_mut().zip(part) {
            *total += part;
        }
    }
    give_buffer(others);
    copies.into_iter().for_each(give_buffer);
    weight
}
