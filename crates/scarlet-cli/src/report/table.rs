//! Plain, aligned tables.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use scarlet_io::printable::shortened;

use super::name::on_one_line;

/// How a column is set.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    /// Words.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Left(heading) | Self::Right(heading) => heading,
        }
    }
}

/// Sets `rows` under the headings of `columns`, without lines, so that it can be cut and sorted.
pub(super) fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|column| column.heading()))
        .add_rows(rows.into_iter().map(shortened_cells));
    for (index, column) in columns.iter().enumerate() {
        if let Some(set) = table.column_mut(index) {
            set.set_padding((u16::from(index > 0), 1));
            if let Column::Right(_) = column {
                set.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table.trim_fmt()
}

/// One overlong name would make all rows as wide, and a line break in one spoil them.
fn shortened_cells(row: Vec<String>) -> Vec<String> {
    const WIDEST: usize = 120;
    let cells = row.iter();
    cells
        .map(|cell| shortened(&on_one_line(cell), WIDEST).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlong_name_does_not_widen_the_table() {
        let rows = ["x".repeat(1 << 20), "rose".to_owned()].map(|name| vec![name]);
        let table = table(&[Column::Left("class")], rows);
        assert!(table.len() < 1000, "{}", table.len());
        assert!(table.contains("x…x") && table.ends_with("rose"), "{table}");
    }

    #[test]
    fn words_go_left_and_numbers_right() {
        let columns = [Column::Left("part"), Column::Right("weights")];
        let rows = [["stem", "928"], ["classifier", "1,281,000"]]
            .map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&columns, rows),
            "part          weights\nstem              928\nclassifier  1,281,000"
        );
    }
}
