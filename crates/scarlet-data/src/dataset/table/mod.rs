//! CSV files that list photographs, each with any number of labels.

mod parts;
mod rows;

pub use self::parts::JudgedTable;

#[cfg(test)]
mod tests;
