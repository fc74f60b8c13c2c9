//! Flat buffers from tables that are plain data.
//!
//! A table is a list of fields, each after the number that its place in the schema gives it. The
//! formats here need few tables of large schemas, so these lists, with the numbers in
//! [`schema`](super::schema), take the place of code that a compiler would generate.

use std::collections::HashMap;

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, UnionWIPOffset, WIPOffset};

/// Bytes that a runtime may read at once, so that arrays begin at multiples of them.
const ALIGNMENT: usize = 16;

/// The fields of a table, by number.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table(pub(super) Vec<(u16, Field)>);

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    Bool(bool),
    Byte(i8),
    UnsignedByte(u8),
    Int(i32),
    UnsignedInt(u32),
    Text(String),
    /// Aligned as weights are to be.
    Bytes(Vec<u8>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Floats(Vec<f32>),
    Table(Table),
    Tables(Vec<Table>),
}

/// What a field holds in place: a number, or the way to what was written before.
enum InPlace {
    Bool(bool),
    Byte(i8),
    UnsignedByte(u8),
    Int(i32),
    UnsignedInt(u32),
    Offset(WIPOffset<UnionWIPOffset>),
}

impl Table {
    /// The bytes of a file with this table at its root.
    pub(super) fn encode(&self, identifier: &str) -> Vec<u8> {
        let mut writer = Writer::default();
        let root = writer.table(self);
        // The place of the root and the identifier come before it.
        writer.align(8);
        writer.builder.finish(root, Some(identifier));
        writer.builder.finished_data().to_vec()
    }
}

/// A buffer that is being written, from its end.
#[derive(Default)]
struct Writer<'a> {
    builder: FlatBufferBuilder<'a>,
    /// Where lists of long numbers are: each is written once. They are zeros, as many as there are
    /// channels, and would be half as large as the weights that they belong to.
    longs: HashMap<Vec<i64>, WIPOffset<UnionWIPOffset>>,
}

impl Writer<'_> {
    fn table(&mut self, table: &Table) -> WIPOffset<TableFinishedWIPOffset> {
        // What a table points to is written before it.
        let fields = table.0.iter();
        let fields: Vec<_> = fields
            .map(|(number, field)| (number, self.field(field)))
            .collect();
        let builder = &mut self.builder;
        let table = builder.start_table();
        for (number, field) in fields {
            // A list of places begins with two sizes.
            let place = 4 + 2 * number;
            match field {
                InPlace::Bool(it) => builder.push_slot_always(place, it),
                InPlace::Byte(it) => builder.push_slot_always(place, it),
                InPlace::UnsignedByte(it) => builder.push_slot_always(place, it),
                InPlace::Int(it) => builder.push_slot_always(place, it),
                InPlace::UnsignedInt(it) => builder.push_slot_always(place, it),
                InPlace::Offset(it) => builder.push_slot_always(place, it),
            }
        }
        builder.end_table(table)
    }

    fn field(&mut self, field: &Field) -> InPlace {
        let builder = &mut self.builder;
        InPlace::Offset(match field {
            Field::Bool(it) => return InPlace::Bool(*it),
            Field::Byte(it) => return InPlace::Byte(*it),
            Field::UnsignedByte(it) => return InPlace::UnsignedByte(*it),
            Field::Int(it) => return InPlace::Int(*it),
            Field::UnsignedInt(it) => return InPlace::UnsignedInt(*it),
            Field::Text(it) => builder.create_string(it).as_union_value(),
            Field::Bytes(it) => {
                self.align(it.len());
                self.builder.create_vector(it).as_union_value()
            }
            Field::Ints(it) => builder.create_vector(it).as_union_value(),
            Field::Longs(it) => {
                let write = || builder.create_vector(it).as_union_value();
                *self.longs.entry(it.clone()).or_insert_with(write)
            }
            Field::Floats(it) => builder.create_vector(it).as_union_value(),
            Field::Table(it) => self.table(it).as_union_value(),
            Field::Tables(it) => {
                let tables: Vec<_> = it.iter().map(|table| self.table(table)).collect();
                self.builder.create_vector(&tables).as_union_value()
            }
        })
    }

    /// Fills up with zeros, so that what begins `length` bytes further on begins at a multiple of
    /// the alignment: one that is counted from the end, as the whole buffer is such a multiple too.
    fn align(&mut self, length: usize) {
        while !(self.builder.unfinished_data().len() + length).is_multiple_of(ALIGNMENT) {
            self.builder.push(0u8);
        }
    }
}
