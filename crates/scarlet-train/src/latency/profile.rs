//! What LiteRT's `benchmark_model` prints with `--enable_op_profiling=true`.

use std::path::Path;

use scarlet_arch::{Architecture, TimedPart};
use scarlet_io::limited;

use super::measured::MAX_BYTES;
use super::{LatencyError, MeasuredTimes};

/// What stands above the rows of all operations in their order.
const SECTION: &str = "= Run Order =";
/// What stands before the time of a whole run, in microseconds.
const WHOLE: &str = "Inference (avg):";
/// Names of the columns that are read, as text and in CSV.
const COLUMNS: [&[&str]; 3] = [&["node type"], &["avg ms", "avg_ms"], &["name"]];

impl MeasuredTimes {
    /// Adds what `benchmark_model` printed of a network, as text or with
    /// `--op_profiling_output_mode=csv`; of the file that [`tflite`](scarlet::tflite) writes of it, as
    /// its tensors have the names of the network's parts.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has no such rows, or a row is of no part of the network; among
    /// them those of a delegate, which do not say what they are of.
    pub fn with_profile(
        mut self,
        path: impl AsRef<Path>,
        network: &Architecture,
    ) -> Result<Self, LatencyError> {
        let path = path.as_ref();
        let text =
            limited::read_to_string(path, MAX_BYTES).map_err(|source| LatencyError::Read {
                path: path.to_owned(),
                source,
            })?;
        let error = |line: usize, column: &str, problem: String| LatencyError::Cell {
            path: path.to_owned(),
            line: line as u64 + 1,
            column: column.to_owned(),
            problem,
        };
        let lines: Vec<&str> = text.lines().collect();
        // The first of two is of the start of the program.
        let section = lines.iter().rposition(|line| line.contains(SECTION));
        let section = section.ok_or_else(|| {
            let problem = "there is no list of operations in their order: run benchmark_model with \
                           --enable_op_profiling=true";
            error(0, "Run Order", problem.to_owned())
        })?;
        let header = section + 1;
        let mut places = [0; 3];
        let heading = lines.get(header).copied().unwrap_or_default();
        // In CSV a name may hold tabs, which stand for the commas between several tensors.
        let is_csv = !heading.contains('\t');
        let names = fields(heading, is_csv);
        for (place, known) in places.iter_mut().zip(COLUMNS) {
            let found = names.iter().position(|name| {
                let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
                known.contains(&name.as_str())
            });
            let missing = || error(header, known[0], "there is no such column".to_owned());
            *place = found.ok_or_else(missing)?;
        }
        let parts = TimedPart::all_of(network, network.preprocessing.resolution);
        let mut times = vec![None; parts.len()];
        let rows = lines.iter().enumerate().skip(header + 1);
        for (line, row) in rows.take_while(|(_, row)| !row.trim().is_empty()) {
            let cells = fields(row, is_csv);
            let cell = |index: usize| {
                let cell = cells
                    .get(places[index])
                    .copied()
                    .filter(|it| !it.is_empty());
                cell.ok_or_else(|| error(line, COLUMNS[index][0], "it is empty".to_owned()))
            };
            let (kind, time, name) = (cell(0)?, cell(1)?, cell(2)?);
            if kind.contains("elegate") {
                let problem = format!(
                    "`{kind}` is a delegate, whose rows do not say which part of the network they are \
                     of: run benchmark_model with --use_xnnpack=false and without other delegates"
                );
                return Err(error(line, COLUMNS[0][0], problem));
            }
            let time: f64 = match time.parse() {
                Ok(ms) if f64::is_finite(ms) && ms >= 0.0 => ms,
                _ => {
                    let problem = format!("`{time}` is no time in milliseconds");
                    return Err(error(line, COLUMNS[1][0], problem));
                }
            };
            let part = part_of(name, &parts).ok_or_else(|| {
                let problem = format!(
                    "`{name}` is no tensor of a part of `{}`: give the .tflite file that was profiled",
                    network.name
                );
                error(line, COLUMNS[2][0], problem)
            })?;
            *times[part].get_or_insert(0.0) += time;
        }
        for (part, time) in parts.into_iter().zip(times) {
            if let Some(time) = time {
                self.add_part(part.operation, part.shape, time);
            }
        }
        let whole = lines.iter().rev().find_map(|line| {
            let (_, time) = line.split_once(WHOLE)?;
            time.split_whitespace().next()?.parse::<f64>().ok()
        });
        if let Some(microseconds) = whole.filter(|it| it.is_finite() && *it > 0.0) {
            self.add_profiled(network.clone(), microseconds / 1e3);
        }
        Ok(self)
    }
}

/// The cells of a row: between commas, or between tabs with one before the first.
fn fields(row: &str, is_csv: bool) -> Vec<&str> {
    match is_csv {
        true => row.split(',').map(str::trim).collect(),
        false => row.split('\t').skip(1).map(str::trim).collect(),
    }
}

/// The part whose tensor an operation makes: `[mb_module.0.conv1/conv]:3`.
fn part_of(name: &str, parts: &[TimedPart]) -> Option<usize> {
    let tensor = name
        .split(['[', ']', ',', '\t'])
        .map(str::trim)
        .find(|it| !it.is_empty())?;
    match tensor.split(['/', '.']).next() {
        // What becomes of the images before the first part, and of the logits behind the last.
        Some("images") => return Some(0),
        Some("logits") => return parts.len().checked_sub(1),
        _ => {}
    }
    parts.iter().position(|part| {
        let rest = tensor.strip_prefix(&part.part);
        rest.is_some_and(|rest| rest.starts_with(['.', '/']))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn network() -> Architecture {
        let text = "[relu6] C3@8/2 E1K3@8 E3K3@16/2 E3K3@16 P32";
        let network: Architecture = text.parse().unwrap();
        network.with_classes(4).with_resolution(32)
    }

    /// As the program prints it, of two runs.
    const HEAD: &str = "\
INFO: Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 14462.3, Inference (avg): 2500.5
============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t         AllocateTensors\t    0.500\t   77.000\t100.000%\t100.000%\t     0.000\t        1\tAllocateTensors/0

============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
";
    const ROWS: &str = "\
\t                CONV_2D\t    0.031\t    0.250\t  1.000%\t  1.000%\t     0.000\t        1\t[stem.0/conv]:0
\t      DEPTHWISE_CONV_2D\t    0.031\t    0.125\t  1.000%\t  1.000%\t     0.000\t        1\t[mb_module.0.conv2/conv]:1
\t                CONV_2D\t    0.031\t    0.500\t  1.000%\t  1.000%\t     0.000\t        1\t[mb_module.0.conv3/conv]:2
\t             DEQUANTIZE\t    0.031\t    0.001\t  1.000%\t  1.000%\t     0.000\t        1\t[logits]:3

============================== Top by Computation Time ==============================
\t             [node type]\t
";

    fn read(text: &str) -> Result<MeasuredTimes, LatencyError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pixel.txt");
        fs::write(&path, text).unwrap();
        MeasuredTimes::none(&path).with_profile(&path, &network())
    }

    #[test]
    fn operations_are_added_up_by_part() {
        let text = read(&format!("{HEAD}{ROWS}")).unwrap();
        assert_eq!(text.part("stem@8/2", "3x32x32"), Some(0.25));
        assert_eq!(text.part("E3K3@16/2:relu6", "8x16x16"), Some(0.625));
        assert_eq!(text.part("classifier@4", "32x8x8"), Some(0.001));
        assert_eq!(text.part("E3K3@16:relu6", "16x8x8"), None);
        assert_eq!(text.whole(), [2.5005]);
        // The same in CSV.
        let csv = "\
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 0.1, 0.25, 1%, 1%, 0, 1, [stem.0/conv]:0
CONV_2D, 0.1, 0.625, 1%, 1%, 0, 1, [mb_module.0.conv3/conv\tmb_module.0/sum]:0
DEQUANTIZE, 0.1, 0.001, 1%, 1%, 0, 1, [logits]:3
";
        let csv = read(csv).unwrap();
        assert_eq!(csv.part("E3K3@16/2:relu6", "8x16x16"), Some(0.625));
        assert!(csv.whole().is_empty());
    }

    #[test]
    fn rows_of_no_part_are_named_by_line_and_column() {
        let message = |rows: &str| read(&format!("{HEAD}{rows}\n")).unwrap_err().to_string();
        let row = |kind: &str, time: &str, name: &str| {
            message(&format!("\t{kind}\t0.1\t{time}\t1%\t1%\t0.0\t1\t{name}"))
        };
        for (error, expected) in [
            (
                row("CONV_2D", "0.1", "[other/conv]:0"),
                "line 8, column `name`: `[other/conv]:0`",
            ),
            (
                row("CONV_2D", "x", "[stem.0/conv]:0"),
                "line 8, column `avg ms`: `x` is no time",
            ),
            (
                row("TfLiteXNNPackDelegate", "0.1", "[logits]:9"),
                "line 8, column `node type`: `TfLiteXNNPackDelegate` is a delegate",
            ),
            (
                message("\tCONV_2D\t0.1"),
                "line 8, column `avg ms`: it is empty",
            ),
            (
                read("nothing").unwrap_err().to_string(),
                "--enable_op_profiling=true",
            ),
            (
                read("= Run Order =\nnode type, name")
                    .unwrap_err()
                    .to_string(),
                "line 2, column `avg ms`: there is no such column",
            ),
        ] {
            assert!(error.contains(expected), "{error}");
        }
        let missing = MeasuredTimes::none("x").with_profile("no-such-file.txt", &network());
        assert!(missing.unwrap_err().to_string().contains("cannot read"));
    }
}
