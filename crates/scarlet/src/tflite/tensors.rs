//! The tensors and operations of a file as they are written one after the other.

use super::graph::Writer;
use super::schema::{Element, Operator, Options, Quantised, Tensor, operation};
use crate::elementary::Range;

/// Half of the bytes: what is unsigned elsewhere is signed here, less by so much.
pub(super) const HALF: i64 = 128;

impl Writer<'_> {
    /// A tensor that is computed, rounded within a range if there is one.
    pub(super) fn made(&mut self, name: &str, shape: Vec<i32>, range: Option<Range>) -> i32 {
        let (element, quantisation) = match range {
            None => (Element::Float, None),
            Some(range) => {
                let quantised = Quantised {
                    steps: vec![range.step],
                    zero: i64::from(range.zero) - HALF,
                    dimension: 0,
                };
                (Element::Byte, Some(quantised))
            }
        };
        self.tensor(Tensor {
            name: name.to_owned(),
            shape,
            element,
            buffer: 0,
            any_batch: self.batch.is_none(),
            quantisation,
        })
    }

    pub(super) fn constant(
        &mut self,
        name: &str,
        shape: Vec<i32>,
        element: Element,
        bytes: Vec<u8>,
    ) -> i32 {
        self.stored(name, (shape, element), bytes, None)
    }

    pub(super) fn quantised_constant(
        &mut self,
        name: &str,
        kind: (Vec<i32>, Element),
        bytes: Vec<u8>,
        quantised: Quantised,
    ) -> i32 {
        self.stored(name, kind, bytes, Some(quantised))
    }

    pub(super) fn stored(
        &mut self,
        name: &str,
        (shape, element): (Vec<i32>, Element),
        bytes: Vec<u8>,
        quantisation: Option<Quantised>,
    ) -> i32 {
        let buffer = self.nodes.buffers.len() as u32;
        self.nodes.buffers.push(bytes);
        self.tensor(Tensor {
            name: name.to_owned(),
            shape,
            element,
            buffer,
            any_batch: false,
            quantisation,
        })
    }

    pub(super) fn integers(&mut self, name: &str, shape: Vec<i32>, values: &[i32]) -> i32 {
        let bytes = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.constant(name, shape, Element::Int, bytes)
    }

    /// A positive number that is added to every value, or multiplied with it.
    pub(super) fn scalar(&mut self, name: &str, value: f32) -> i32 {
        if self.rounding.is_none() {
            let bytes = value.to_le_bytes().to_vec();
            return self.constant(name, vec![1], Element::Float, bytes);
        }
        let largest = i8::MAX;
        let quantised = Quantised {
            steps: vec![value / f32::from(largest)],
            zero: 0,
            dimension: 0,
        };
        let kind = (vec![1], Element::Byte);
        self.quantised_constant(name, kind, vec![largest as u8], quantised)
    }

    pub(super) fn tensor(&mut self, tensor: Tensor) -> i32 {
        self.nodes.tensors.push(tensor.table());
        self.nodes.tensors.len() as i32 - 1
    }

    pub(super) fn push(
        &mut self,
        code: (Operator, i32),
        inputs: Vec<i32>,
        output: i32,
        options: Options,
    ) {
        let codes = &mut self.nodes.codes;
        let index = codes.iter().position(|it| *it == code).unwrap_or_else(|| {
            codes.push(code);
            codes.len() - 1
        });
        let operation = operation(index as u32, inputs, output, options);
        self.nodes.operators.push(operation);
    }
}
