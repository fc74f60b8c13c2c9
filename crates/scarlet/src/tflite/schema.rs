//! Tables of the TensorFlow Lite format, with the numbers of its public definition (`schema.fbs`,
//! version 3). What a network does not need is left out; readers do not miss it.

use super::flat::{Field, Table};

/// What a file begins with, after the place of its root.
pub(super) const IDENTIFIER: &str = "TFL3";
/// The version of the format.
const VERSION: u32 = 3;

/// Numbers of the fields that are read again.
pub(super) mod number {
    pub(in crate::tflite) const MODEL_SUBGRAPHS: u16 = 2;
    pub(in crate::tflite) const MODEL_BUFFERS: u16 = 4;
    pub(in crate::tflite) const MODEL_METADATA: u16 = 6;
    pub(in crate::tflite) const SUBGRAPH_TENSORS: u16 = 0;
    pub(in crate::tflite) const TENSOR_SHAPE: u16 = 0;
    pub(in crate::tflite) const TENSOR_ELEMENT: u16 = 1;
    pub(in crate::tflite) const TENSOR_BUFFER: u16 = 2;
    pub(in crate::tflite) const TENSOR_NAME: u16 = 3;
    pub(in crate::tflite) const BUFFER_DATA: u16 = 0;
    pub(in crate::tflite) const METADATA_NAME: u16 = 0;
    pub(in crate::tflite) const METADATA_BUFFER: u16 = 1;
}

/// A whole file.
pub(super) struct Model {
    pub(super) codes: Vec<(Operator, i32)>,
    pub(super) subgraph: Table,
    pub(super) buffers: Vec<Vec<u8>>,
    /// Names of what is said of the model, each with the index of a buffer.
    pub(super) metadata: Vec<(String, u32)>,
    /// Indices of the images' and the logits' tensors.
    pub(super) ends: [u32; 2],
}

impl Model {
    pub(super) fn table(self) -> Table {
        let codes = self.codes.iter().map(|&(operator, version)| {
            let code = operator as i32;
            Table(vec![
                // Where readers from before there were 127 operators look.
                (0, Field::Byte(i8::try_from(code).unwrap_or(i8::MAX))),
                (2, Field::Int(version)),
                (3, Field::Int(code)),
            ])
        });
        let buffers = self
            .buffers
            .into_iter()
            .map(|bytes| match bytes.is_empty() {
                true => Table::default(),
                false => Table(vec![(number::BUFFER_DATA, Field::Bytes(bytes))]),
            });
        let metadata = self.metadata.into_iter().map(|(name, buffer)| {
            Table(vec![
                (number::METADATA_NAME, Field::Text(name)),
                (number::METADATA_BUFFER, Field::UnsignedInt(buffer)),
            ])
        });
        let end = |name: &str, tensor| {
            let fields = vec![(0, text(name)), (1, Field::UnsignedInt(tensor))];
            Field::Tables(vec![Table(fields)])
        };
        let signature = Table(vec![
            (0, end(super::INPUT, self.ends[0])),
            (1, end(super::OUTPUT, self.ends[1])),
            (2, text("serving_default")),
            (4, Field::UnsignedInt(0)),
        ]);
        Table(vec![
            (0, Field::UnsignedInt(VERSION)),
            (1, Field::Tables(codes.collect())),
            (number::MODEL_SUBGRAPHS, Field::Tables(vec![self.subgraph])),
            (3, text(concat!("scarlet ", env!("CARGO_PKG_VERSION")))),
            (number::MODEL_BUFFERS, Field::Tables(buffers.collect())),
            (number::MODEL_METADATA, Field::Tables(metadata.collect())),
            (7, Field::Tables(vec![signature])),
        ])
    }
}

/// What is computed: tensors, indices of the input's and the output's, and operations.
pub(super) fn subgraph(
    tensors: Vec<Table>,
    [input, output]: [i32; 2],
    operators: Vec<Table>,
    name: &str,
) -> Table {
    Table(vec![
        (0, Field::Tables(tensors)),
        (1, Field::Ints(vec![input])),
        (2, Field::Ints(vec![output])),
        (3, Field::Tables(operators)),
        (4, text(name)),
    ])
}

/// What the numbers of a tensor are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum Element {
    Float = 0,
    Int = 2,
    Byte = 9,
}

/// A tensor: a constant, or a value that is made for this many images or for any number.
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) shape: Vec<i32>,
    pub(super) element: Element,
    /// Index of its buffer; that of an empty one where the value is made.
    pub(super) buffer: u32,
    /// Whether the first of `shape` is only an example.
    pub(super) any_batch: bool,
    pub(super) quantisation: Option<Quantised>,
}

/// What the integers of a tensor stand for: `(integer - zero) · step`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantised {
    /// One, or one for each index of the dimension.
    pub(super) steps: Vec<f32>,
    pub(super) zero: i64,
    pub(super) dimension: i32,
}

impl Tensor {
    pub(super) fn table(self) -> Table {
        let mut fields = vec![
            (1, Field::Byte(self.element as i8)),
            (2, Field::UnsignedInt(self.buffer)),
            (3, Field::Text(self.name)),
        ];
        if let Some(quantised) = self.quantisation {
            let zeros = vec![quantised.zero; quantised.steps.len()];
            let table = Table(vec![
                (2, Field::Floats(quantised.steps)),
                (3, Field::Longs(zeros)),
                (6, Field::Int(quantised.dimension)),
            ]);
            fields.push((4, Field::Table(table)));
        }
        if self.any_batch {
            let mut signature = self.shape.clone();
            signature[0] = -1;
            fields.push((7, Field::Ints(signature)));
        }
        fields.push((0, Field::Ints(self.shape)));
        Table(fields)
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Operator {
    Add = 0,
    Conv2d = 3,
    DepthwiseConv2d = 4,
    Dequantize = 6,
    FullyConnected = 9,
    Logistic = 14,
    Mul = 18,
    Reshape = 22,
    Pad = 34,
    Mean = 40,
    Quantize = 114,
    HardSwish = 117,
}

/// What is done to every value at the end of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum Fused {
    None = 0,
    Relu = 1,
    Relu6 = 3,
}

/// How an operation does it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Options {
    None,
    /// Where zeros are added, as many as "same" says; else none. The same step in both directions.
    Conv2d(bool, i32, Fused),
    DepthwiseConv2d(bool, i32, Fused),
    FullyConnected(Fused),
    Add(Fused),
    Mul,
    /// Whether the dimensions that it is taken over stay, with one index.
    Mean(bool),
}

impl Options {
    /// The number of their kind, and their fields.
    fn table(self) -> Option<(u8, Table)> {
        let padding = |is_same: bool| (0, Field::Byte(i8::from(!is_same)));
        let fused = |number, fused| (number, Field::Byte(fused as i8));
        let (kind, fields) = match self {
            Self::None => return None,
            Self::Conv2d(is_same, step, after) => (
                1,
                vec![
                    padding(is_same),
                    (1, Field::Int(step)),
                    (2, Field::Int(step)),
                    fused(3, after),
                ],
            ),
            Self::DepthwiseConv2d(is_same, step, after) => (
                2,
                vec![
                    padding(is_same),
                    (1, Field::Int(step)),
                    (2, Field::Int(step)),
                    (3, Field::Int(1)),
                    fused(4, after),
                ],
            ),
            Self::FullyConnected(after) => (8, vec![fused(0, after)]),
            Self::Add(after) => (11, vec![fused(0, after)]),
            Self::Mul => (21, vec![fused(0, Fused::None)]),
            Self::Mean(keeps) => (27, vec![(0, Field::Bool(keeps))]),
        };
        Some((kind, Table(fields)))
    }
}

/// An operation, by the index of its code.
pub(super) fn operation(code: u32, inputs: Vec<i32>, output: i32, options: Options) -> Table {
    let mut fields = vec![
        (0, Field::UnsignedInt(code)),
        (1, Field::Ints(inputs)),
        (2, Field::Ints(vec![output])),
    ];
    if let Some((kind, table)) = options.table() {
        fields.push((3, Field::UnsignedByte(kind)));
        fields.push((4, Field::Table(table)));
    }
    Table(fields)
}

pub(super) fn text(text: &str) -> Field {
    Field::Text(text.to_owned())
}
