//! [`MeasuredTimes`]: times that another program measured, and tables made of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};
use scarlet::Precision;
use scarlet_arch::{Architecture, Genome, SearchSpace, TimedPart, TimingPlan};
use scarlet_io::limited;

use super::measure::{PartRounds, designed, random};
use super::statistics::{Spread, median};
use super::table::Circumstances;
use super::{LatencyError, LatencyTable};
use crate::supernet::plain_architecture;

/// The largest file that is read.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// What the rows of whole networks have for an operation.
const NETWORK: &str = "network";
/// Names of the columns.
const COLUMNS: [&str; 3] = ["operation", "shape", "milliseconds"];

/// Times of parts and of whole networks, as they were measured on some device.
///
/// The file is a CSV with the columns `operation`, `shape` and `milliseconds`, in any order; others
/// are not read.
///
/// | operation | shape | milliseconds |
/// |---|---|---|
/// | a layer's word in the text of its network, `E6K3@24/2:relu6` | its input, `16x112x112` | of the part alone |
/// | the name of another part with its output channels, and its stride where that is not 1, `stem@32/2` | its input | of the part alone |
/// | `network` | the network's genome, `27c0…` | of the whole network |
///
/// Several rows of the same part or network count as their median. `scarlet-latency` writes such a file,
/// and [`TimedPart`] says what the parts of a network are called.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredTimes {
    path: PathBuf,
    parts: HashMap<(String, String), Vec<f64>>,
    /// With the line of each.
    networks: Vec<(u64, Genome, f64)>,
    /// Networks that were profiled, with the time of each as a whole.
    profiled: Vec<(Architecture, f64)>,
}

impl MeasuredTimes {
    /// No times yet, with a name for what is said to be missing.
    pub fn none(name: impl AsRef<Path>) -> Self {
        Self {
            path: name.as_ref().to_owned(),
            parts: HashMap::new(),
            networks: Vec::new(),
            profiled: Vec::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, lacks a column, or a cell is empty or not what belongs there; the error
    /// names line and column.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, LatencyError> {
        let path = path.as_ref();
        let bytes = limited::read(path, MAX_BYTES).map_err(|source| LatencyError::Read {
            path: path.to_owned(),
            source,
        })?;
        let cell = |line, column: &str, problem: String| LatencyError::Cell {
            path: path.to_owned(),
            line,
            column: column.to_owned(),
            problem,
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
            cell(line, "", "it is no text in UTF-8".to_owned())
        })?;
        // Line by line: a reader of the whole counts a record from the remarks above it.
        let rows = (1..)
            .zip(text.lines())
            .map(|(line, text)| (line, text.trim()));
        let rows = rows.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
        let (mut places, mut measured) = (None, Self::none(path));
        for (line, text) in rows {
            let record = record(text).map_err(|error| cell(line, "", error.to_string()))?;
            match &places {
                Some(places) => measured.add(&record, places, line, &cell)?,
                None => places = Some(columns(&record, &|name, text| cell(line, name, text))?),
            }
        }
        if places.is_none() {
            columns(&StringRecord::new(), &|name, text| cell(1, name, text))?;
        }
        Ok(measured)
    }

    fn add(
        &mut self,
        record: &StringRecord,
        places: &[usize; 3],
        line: u64,
        error: &dyn Fn(u64, &str, String) -> LatencyError,
    ) -> Result<(), LatencyError> {
        let mut cells = [""; 3];
        for ((cell, place), name) in cells.iter_mut().zip(places).zip(COLUMNS) {
            *cell = record.get(*place).unwrap_or_default();
            if cell.is_empty() {
                return Err(error(line, name, "it is empty".to_owned()));
            }
        }
        let [operation, shape, time] = cells;
        let milliseconds = match time.parse::<f64>() {
            Ok(ms) if ms.is_finite() && ms >= 0.0 => ms,
            _ => {
                let problem = format!("`{time}` is no time in milliseconds, such as 1.25");
                return Err(error(line, COLUMNS[2], problem));
            }
        };
        if operation == NETWORK {
            let genome = shape
                .parse()
                .map_err(|problem| error(line, COLUMNS[1], format!("{problem}")))?;
            if milliseconds == 0.0 {
                let problem = "no network takes 0 ms".to_owned();
                return Err(error(line, COLUMNS[2], problem));
            }
            self.networks.push((line, genome, milliseconds));
            return Ok(());
        }
        let sizes: Vec<_> = shape.split('x').map(str::parse::<usize>).collect();
        if !matches!(sizes.as_slice(), [Ok(1..), Ok(1..), Ok(1..)]) {
            let problem = format!(
                "`{shape}` is no shape: write channels, height and width of the input, such as \
                 16x112x112"
            );
            return Err(error(line, COLUMNS[1], problem));
        }
        self.add_part(operation.to_owned(), shape.to_owned(), milliseconds);
        Ok(())
    }

    pub(super) fn add_part(&mut self, operation: String, shape: String, milliseconds: f64) {
        let times = self.parts.entry((operation, shape)).or_default();
        times.push(milliseconds);
    }

    pub(super) fn add_profiled(&mut self, network: Architecture, milliseconds: f64) {
        self.profiled.push((network, milliseconds));
    }

    #[cfg(test)]
    pub(super) fn part(&self, operation: &str, shape: &str) -> Option<f64> {
        let times = self.parts.get(&(operation.to_owned(), shape.to_owned()))?;
        Some(median(times))
    }

    #[cfg(test)]
    pub(super) fn whole(&self) -> Vec<f64> {
        self.profiled.iter().map(|(_, ms)| *ms).collect()
    }

    /// The time of a part of a network.
    fn time(&self, part: &TimedPart, genome: &Genome) -> Result<f64, LatencyError> {
        let key = (part.operation.clone(), part.shape.clone());
        let times = self.parts.get(&key);
        times
            .map(|times| median(times))
            .ok_or_else(|| LatencyError::MissingRow {
                path: self.path.clone(),
                operation: key.0,
                shape: key.1,
                genome: genome.to_string(),
            })
    }
}

/// The cells of a line.
fn record(line: &str) -> Result<StringRecord, csv::Error> {
    let mut reader = ReaderBuilder::new()
        .trim(Trim::All)
        .has_headers(false)
        .from_reader(line.as_bytes());
    let mut record = StringRecord::new();
    reader.read_record(&mut record)?;
    Ok(record)
}

/// Where a header has the columns.
fn columns(
    header: &StringRecord,
    error: &dyn Fn(&str, String) -> LatencyError,
) -> Result<[usize; 3], LatencyError> {
    let mut places = [0; 3];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|it| it.eq_ignore_ascii_case(name));
        *place = found.ok_or_else(|| {
            let problem = "there is no such column: the first line names operation, shape and \
                           milliseconds";
            error(name, problem.to_owned())
        })?;
    }
    Ok(places)
}

impl LatencyTable {
    /// The networks that a table of this space needs the times of, as another device has to measure
    /// them: part by part, and whole; `check` random ones among them, by which the table is checked.
    ///
    /// # Errors
    ///
    /// None for a space whose networks are valid.
    pub fn plan(space: &SearchSpace, check: usize) -> Result<TimingPlan, LatencyError> {
        let mut networks = Vec::new();
        for genome in designed(space)?.into_iter().chain(random(space, check)?) {
            let network = plain_architecture(space, &genome)?;
            networks.push((genome, network));
        }
        Ok(TimingPlan::new(networks))
    }

    /// The table of a space, of times that were measured on another device: on so many threads of it,
    /// for so many images a call, of networks in such numbers.
    ///
    /// Whole networks among the times say what a call takes beyond its parts, and how good the table
    /// is; without them it is not [checked](Self::check).
    ///
    /// # Errors
    ///
    /// When a part of a network that is needed has no time, or a network is none of the space's.
    pub fn of_measured(
        space: &SearchSpace,
        measured: &MeasuredTimes,
        device: &str,
        (threads, batch): (usize, usize),
        deploy: Precision,
    ) -> Result<Self, LatencyError> {
        let resolution = space.template().preprocessing.resolution;
        let designed = designed(space)?;
        let mut parts = PartRounds::new(space);
        for genome in &designed {
            let network = plain_architecture(space, genome)?;
            for part in TimedPart::all_of(&network, resolution) {
                let time = measured.time(&part, genome)?;
                parts.push(genome, part.layer, part.part, time);
            }
        }
        let on = Circumstances {
            device: device.to_owned(),
            threads,
            batch,
            rounds: 1,
            deploy,
        };
        let mut table = Self::new(space, on, parts.finish())?;
        // One from which a stabilizer was removed is the space's no more, and checks nothing.
        let profiled = measured.profiled.iter();
        let profiled =
            profiled.filter_map(|(network, ms)| Some((space.encode(network).ok()?, *ms)));
        let profiled: Vec<_> = profiled.collect();
        let mut whole: Vec<(&Genome, Vec<f64>)> = Vec::new();
        for (genome, time) in &profiled {
            whole.push((genome, vec![*time]));
        }
        for (line, genome, time) in &measured.networks {
            space.decode(genome).map_err(|problem| LatencyError::Cell {
                path: measured.path.clone(),
                line: *line,
                column: COLUMNS[1].to_owned(),
                problem: problem.to_string(),
            })?;
            match whole.iter_mut().find(|(known, _)| *known == genome) {
                Some((_, times)) => times.push(*time),
                None => whole.push((genome, vec![*time])),
            }
        }
        let (of_designed, of_others): (Vec<_>, Vec<_>) = whole
            .into_iter()
            .map(|(genome, times)| (genome, median(&times)))
            .partition(|(genome, _)| designed.contains(genome));
        let mut beyond = Vec::new();
        for (genome, whole) in of_designed {
            beyond.push(whole - table.latency_ms(genome)?);
        }
        table.overhead = Spread::of(&beyond);
        let (genomes, times): (Vec<_>, Vec<_>) = of_others
            .into_iter()
            .map(|(it, ms)| (it.clone(), ms))
            .unzip();
        table.check = table.checked(&genomes, &times)?;
        Ok(table)
    }

    /// Opens a table of this space: as [`open`](Self::open) does, or of a file of measured times, whose
    /// name ends in `.csv` and says the device; those are taken for times of networks in floats.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), [`MeasuredTimes::read`] and [`of_measured`](Self::of_measured).
    pub fn open_for(path: impl AsRef<Path>, space: &SearchSpace) -> Result<Self, LatencyError> {
        let path = path.as_ref();
        match is_times(path) {
            true => {
                let measured = MeasuredTimes::read(path)?;
                let (device, deploy) = (device_of(path), Precision::Float32);
                Self::of_measured(space, &measured, &device, (1, 1), deploy)
            }
            false => Self::open(path),
        }
    }
}

/// Whether a file's name says that it holds measured times.
pub fn is_times(path: &Path) -> bool {
    path.extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("csv"))
}

/// What a file of measured times calls its device: its name.
pub fn device_of(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use scarlet_arch::Skip;

    use super::*;

    fn space() -> SearchSpace {
        let small = SearchSpace::small_images(1, 8, 3).unwrap();
        let layers = small.template().layers()[..4].to_vec();
        let template = small.template().clone().with_layers(layers);
        let choices = ["E3K3", "E6K5s(swish,sigmoid)"].map(|text| text.parse().unwrap());
        SearchSpace::new(template, choices.to_vec())
            .unwrap()
            .with_skip(Skip::Linear)
            .unwrap()
    }

    /// Some time of a part, and what a call takes beyond all parts.
    fn time(part: &TimedPart) -> f64 {
        let text = format!("{}{}", part.operation, part.shape);
        0.1 + text.bytes().map(f64::from).sum::<f64>() / 1e4
    }
    const CALL: f64 = 0.25;

    /// The rows of all networks of a plan, one by one.
    fn rows(space: &SearchSpace, check: usize) -> Vec<[String; 3]> {
        let side = space.template().preprocessing.resolution;
        let mut rows = Vec::new();
        for planned in LatencyTable::plan(space, check).unwrap().networks {
            let parts = TimedPart::all_of(&planned.network, side);
            let whole = CALL + parts.iter().map(time).sum::<f64>();
            rows.extend(parts.into_iter().map(|part| {
                let time = time(&part).to_string();
                [part.operation, part.shape, time]
            }));
            rows.push([
                "network".into(),
                planned.genome.to_string(),
                whole.to_string(),
            ]);
        }
        rows
    }

    fn written(path: &Path, rows: &[[String; 3]]) {
        let mut writer = csv::Writer::from_path(path).unwrap();
        writer.write_record(COLUMNS).unwrap();
        rows.iter()
            .for_each(|row| writer.write_record(row).unwrap());
        writer.flush().unwrap();
    }

    #[test]
    fn times_of_parts_predict_networks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pixel.csv");
        let space = space();
        let rows = rows(&space, 20);
        written(&path, &rows);
        let table = LatencyTable::open_for(&path, &space).unwrap();
        assert_eq!(
            (&*table.device, table.threads, table.batch),
            ("pixel", 1, 1)
        );
        table.check_space(&space).unwrap();
        assert!(
            (table.overhead.ms - CALL).abs() < 1e-6,
            "{:?}",
            table.overhead
        );
        let check = table.check.as_ref().unwrap();
        assert!(check.networks >= 10);
        // What is removed between two layers changes their neighbours by a little.
        assert!(check.mean_error < 0.03, "{check:?}");
        assert!(check.kendall_tau.unwrap() > 0.9, "{check:?}");
        // Both forms of a table are the same to a search.
        let json = folder.path().join("pixel.json");
        table.save(&json).unwrap();
        assert_eq!(LatencyTable::open_for(&json, &space).unwrap(), table);

        // Without whole networks there is nothing to check by.
        let parts: Vec<_> = rows
            .iter()
            .filter(|row| row[0] != NETWORK)
            .cloned()
            .collect();
        written(&path, &parts);
        let unchecked = LatencyTable::open_for(&path, &space).unwrap();
        assert_eq!((unchecked.check, unchecked.overhead.ms), (None, 0.0));
        // The median of the same part's rows counts.
        let mut thrice = parts.clone();
        for (factor, row) in (0..2).flat_map(|it| parts.iter().map(move |row| (it, row))) {
            let mut row = row.clone();
            row[2] = [0.0, 99.0][factor].to_string();
            thrice.push(row);
        }
        written(&path, &thrice);
        let median = LatencyTable::open_for(&path, &space).unwrap();
        assert_eq!(median.layers, unchecked.layers);
        // A device that is slow now and then is no device to rely on.
        let mut busy = rows.clone();
        for (index, row) in busy.iter_mut().filter(|row| row[0] == NETWORK).enumerate() {
            if index >= 3 {
                row[2] = (row[2].parse::<f64>().unwrap() * 1.5).to_string();
            }
        }
        written(&path, &busy);
        let busy = LatencyTable::open_for(&path, &space).unwrap();
        let error = busy.check_error(0.1).unwrap_err().to_string();
        assert!(error.contains("is off by 3"), "{error}");
    }

    #[test]
    fn holes_are_named_by_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pixel.csv");
        let message = |text: &[u8]| {
            fs::write(&path, text).unwrap();
            let error = LatencyTable::open_for(&path, &space()).unwrap_err();
            error.to_string()
        };
        let begin = "operation,shape,milliseconds\nstem@16,3x32x32,1\n# a remark\n";
        let line = |line: &str| message(format!("{begin}{line}\n").as_bytes());
        for (row, expected) in [
            (
                "stem@16,3x32x32,",
                "line 4, column `milliseconds`: it is empty",
            ),
            (
                "stem@16,3x32x32",
                "line 4, column `milliseconds`: it is empty",
            ),
            ("stem@16,,2", "line 4, column `shape`: it is empty"),
            (",3x32x32,2", "line 4, column `operation`: it is empty"),
            ("stem@16,3x32x32,fast", "`fast` is no time in milliseconds"),
            ("stem@16,3x32x32,-1", "`-1` is no time"),
            ("stem@16,3x32x32,inf", "`inf` is no time"),
            ("stem@16,3x32,1", "`3x32` is no shape"),
            ("stem@16,3x0x32,1", "`3x0x32` is no shape"),
            ("network,0.1,1", "line 4, column `shape`: genome"),
            (
                "network,0000,0",
                "line 4, column `milliseconds`: no network takes 0 ms",
            ),
        ] {
            let error = line(row);
            assert!(error.contains(expected), "{row}: {error}");
        }
        let error = message(b"operation,milliseconds\na,1\n");
        assert!(
            error.contains("line 1, column `shape`: there is no such column"),
            "{error}"
        );
        assert!(message(b"").contains("no such column"));
        let error = message(&[begin.as_bytes(), b"\xff,3x3x3,1"].concat());
        assert!(error.contains("it is no text in UTF-8"), "{error}");
        // A part that no row is of, and networks of other spaces.
        let mut all = rows(&space(), 3);
        all.push(["network".into(), "99999".into(), "1".into()]);
        written(&path, &all);
        let error = LatencyTable::open_for(&path, &space()).unwrap_err();
        let last = format!("line {}, column `shape`", all.len() + 1);
        assert!(error.to_string().contains(&last), "{error}");
        all.retain(|row| !row[0].starts_with("classifier"));
        written(&path, &all);
        let error = LatencyTable::open_for(&path, &space())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no row of operation `classifier@3` and shape"),
            "{error}"
        );
        assert!(
            error.contains("which network 0120 of the search space has"),
            "{error}"
        );
        fs::remove_file(&path).unwrap();
        let error = LatencyTable::open_for(&path, &space())
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot read the latency table"), "{error}");
    }
}
