//! [`LatencyTable`]: the time of every choice of every layer, and its file.

use std::io;
use std::path::Path;

use scarlet::Precision;
use scarlet_arch::{Activation, Genome, SearchSpace, Skip};
use scarlet_io::atomic_file;
use scarlet_io::checksum::{open_json, seal_json};
use scarlet_io::limited;
use scarlet_search::Bound;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::statistics::rounded;
use super::{LatencyError, Spread};

/// What [`LatencyTable::save`] writes. Version 1 names choices without their activation, which all
/// of a space shared.
const VERSION: u32 = 2;
/// The largest table that is read: that of a large space has a hundredth of this.
const MAX_BYTES: u64 = 64 << 20;

/// How long every choice of every layer of a search space takes on a device, and the parts that
/// all its networks have. The latency of a network is the sum of its parts.
///
/// The times are of plain networks, as they are used: skips that keep the shape take none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LatencyTable {
    version: u32,
    /// The device, as it is named on the command line.
    pub device: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// Images of a call.
    pub batch: usize,
    /// Height and width of the images, in pixels.
    pub resolution: usize,
    /// Rounds that every time is the median of.
    pub rounds: usize,
    /// The numbers that networks are deployed in. Tables that do not say so are of floats.
    #[serde(default, skip_serializing_if = "Precision::is_float32")]
    pub deploy: Precision,
    /// The networks, without what does not change their speed.
    space: SearchSpace,
    /// What all networks have, in the order of execution.
    pub fixed: Vec<FixedPart>,
    /// What whole networks take beyond the sum of their parts: the call, and the way of images and
    /// logits to the device and back; the median of the networks that the parts were measured in.
    pub overhead: Spread,
    /// For each layer, the time of each choice, in the order of the space.
    pub layers: Vec<Vec<Entry>>,
    /// How well the table predicts whole networks, if that was asked for.
    pub check: Option<TableCheck>,
}

/// A part that all networks have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedPart {
    /// Its name, as in a checkpoint. Tables of earlier versions say `separable` and `head` for
    /// `separable_conv` and `conv_before_pooling`, and count the mean with the latter.
    pub part: String,
    /// Its time.
    pub time: Spread,
}

/// What a layer may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// In its text form, such as `E3K5s`.
    pub choice: String,
    /// Its time.
    pub time: Spread,
}

/// How well the table predicts the latency of networks that were measured whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableCheck {
    /// Random networks.
    pub networks: usize,
    /// Mean absolute percentage error: the mean over the networks of |predicted − measured| /
    /// measured, as a share (0.1 is 10 %).
    pub mean_error: f64,
    /// Kendall's tau between both latencies, from −1 to 1; `None` where all are equal.
    pub kendall_tau: Option<f64>,
    /// Fastest and slowest of them as measured, in milliseconds.
    pub range_ms: (f64, f64),
}

/// What is measured of a space.
pub(super) struct Times {
    pub(super) fixed: Vec<FixedPart>,
    pub(super) layers: Vec<Vec<Spread>>,
}

/// What a table is measured on.
#[derive(Debug, Clone)]
pub(super) struct Circumstances {
    pub(super) device: String,
    pub(super) threads: usize,
    pub(super) batch: usize,
    pub(super) rounds: usize,
    pub(super) deploy: Precision,
}

impl LatencyTable {
    pub(super) fn new(
        space: &SearchSpace,
        on: Circumstances,
        times: Times,
    ) -> Result<Self, LatencyError> {
        let space = plain(space)?;
        let layers = times.layers.into_iter().enumerate();
        let layers = layers.map(|(layer, times)| {
            let choices = space.choices(layer).iter().map(ToString::to_string);
            let entry = |(choice, time)| Entry { choice, time };
            choices.zip(times).map(entry).collect()
        });
        Ok(Self {
            version: VERSION,
            device: on.device,
            threads: on.threads,
            batch: on.batch,
            resolution: space.template().preprocessing.resolution,
            rounds: on.rounds,
            deploy: on.deploy,
            layers: layers.collect(),
            fixed: times.fixed,
            overhead: Spread::of(&[]),
            check: None,
            space,
        })
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no table, is of another version, or lacks a choice.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LatencyError> {
        let path = path.as_ref();
        let mut bytes = limited::read(path, MAX_BYTES).map_err(|source| LatencyError::Read {
            path: path.to_owned(),
            source,
        })?;
        let damaged = |problem: String| LatencyError::Damaged {
            path: path.to_owned(),
            problem,
        };
        open_json(&mut bytes).map_err(|error| {
            damaged(format!(
                "{error}. Restore it; or, if the change was meant, remove its line `checksum`"
            ))
        })?;
        let tree: Value =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        // Before all else: another version may look different in any other way.
        let version = tree["version"].as_u64().and_then(|it| it.try_into().ok());
        match version {
            Some(1..=VERSION) => {}
            None => return Err(damaged("it says no `version`".to_owned())),
            Some(found) => {
                return Err(LatencyError::Version {
                    path: path.to_owned(),
                    found,
                    known: VERSION,
                });
            }
        }
        let mut table: Self =
            serde_json::from_value(tree).map_err(|error| damaged(error.to_string()))?;
        table.put_in_order(path)?;
        table.version = VERSION;
        let entries = table.layers.iter().flatten().map(|entry| entry.time.ms);
        let fixed = table.fixed.iter().map(|part| part.time.ms);
        match entries.chain(fixed).find(|&ms| ms < 0.0) {
            Some(ms) => Err(damaged(format!("a part takes {ms} ms"))),
            None => Ok(table),
        }
    }

    /// Puts the entries of each layer into the order of the space, and misses none.
    fn put_in_order(&mut self, path: &Path) -> Result<(), LatencyError> {
        self.layers.resize(self.space.layers(), Vec::new());
        for (layer, entries) in self.layers.iter_mut().enumerate() {
            let mut ordered = Vec::new();
            for operation in self.space.choices(layer) {
                let choice = operation.to_string();
                let name = match self.version {
                    1 => operation.with_activation(Activation::HSwish).to_string(),
                    _ => choice.clone(),
                };
                let Some(entry) = entries.iter().find(|entry| entry.choice == name) else {
                    return Err(LatencyError::MissingEntry {
                        path: path.to_owned(),
                        layer: layer + 1,
                        choice,
                    });
                };
                let time = entry.time;
                ordered.push(Entry { choice, time });
            }
            *entries = ordered;
        }
        Ok(())
    }

    /// Writes the table as JSON with a checksum, whole or not at all.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), LatencyError> {
        let path = path.as_ref();
        let written = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        let written = written.and_then(|mut json| {
            json.push(b'\n');
            atomic_file::write(path, |file| file.write_all(&seal_json(json)))
        });
        written.map_err(|source| LatencyError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// Refuses a table whose own check is worse than `limit`, a mean relative error such as
    /// [`LARGEST_ERROR`](super::LARGEST_ERROR): what it says of networks is not to be relied on.
    /// One that was never checked passes.
    ///
    /// # Errors
    ///
    /// [`LatencyError::Inaccurate`] says how far off it is.
    pub fn check_error(&self, limit: f64) -> Result<(), LatencyError> {
        match &self.check {
            // Written so that an error that is no number does not pass.
            Some(check) if check.mean_error.is_nan() || check.mean_error > limit => {
                Err(LatencyError::Inaccurate {
                    networks: check.networks,
                    mean_error: check.mean_error,
                    limit,
                })
            }
            _ => Ok(()),
        }
    }

    /// Refuses networks that are deployed in other numbers than those of the table.
    ///
    /// # Errors
    ///
    /// [`LatencyError::OtherNumbers`] says how to come by a table of theirs.
    pub fn check_numbers(&self, run: Precision) -> Result<(), LatencyError> {
        match self.deploy == run {
            true => Ok(()),
            false => Err(LatencyError::OtherNumbers {
                table: self.deploy,
                run,
            }),
        }
    }

    /// The networks that the table is of, without what does not change their speed.
    pub fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// Refuses a space whose networks are others than the table's. Names, normalisation of images
    /// and what is done on a skip while a supernet trains may differ.
    ///
    /// # Errors
    ///
    /// [`LatencyError::OtherSpace`] names the first difference.
    pub fn check_space(&self, space: &SearchSpace) -> Result<(), LatencyError> {
        let tree = |space| serde_json::to_value(space).unwrap_or_default();
        match difference(&tree(&self.space), &tree(&plain(space)?), "") {
            None => Ok(()),
            Some((setting, table, run)) => Err(LatencyError::OtherSpace {
                setting,
                table,
                run,
            }),
        }
    }

    /// The latency of a network of the space, in milliseconds: the sum of its parts.
    ///
    /// # Errors
    ///
    /// When the genome is not of the table's space.
    pub fn latency_ms(&self, genome: &Genome) -> Result<f64, LatencyError> {
        self.space.decode(genome)?;
        Ok(self.sum(genome))
    }

    /// Of a genome that is known to be of the space.
    fn sum(&self, genome: &Genome) -> f64 {
        let layers = self.layers.iter().zip(genome.genes());
        let layers: f64 = layers
            .map(|(entries, &gene)| entries[usize::from(gene)].time.ms)
            .sum();
        let fixed: f64 = self.fixed.iter().map(|part| part.time.ms).sum();
        rounded(fixed + self.overhead.ms + layers)
    }

    /// The fastest network (for [`Bound::AtMost`]) or the slowest, and its latency in
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// None for a table that was measured or read.
    pub fn extreme(&self, bound: Bound) -> Result<(Genome, f64), LatencyError> {
        let better = |a: f64, b: f64| match bound {
            Bound::AtMost => a < b,
            Bound::AtLeast => a > b,
        };
        let genes = self.layers.iter().map(|entries| {
            let mut best = 0;
            for (gene, entry) in entries.iter().enumerate() {
                if better(entry.time.ms, entries[best].time.ms) {
                    best = gene;
                }
            }
            best as u8
        });
        let genome = Genome::new(genes.collect())?;
        let latency = self.sum(&genome);
        Ok((genome, latency))
    }
}

/// A space with only what decides how fast its networks are.
fn plain(space: &SearchSpace) -> Result<SearchSpace, LatencyError> {
    let mut template = space.template().clone();
    let reference = scarlet_arch::scarlet_a();
    template.name = "latency".to_owned();
    template.batch_norm = reference.batch_norm;
    template.preprocessing = scarlet_arch::Preprocessing {
        resolution: template.preprocessing.resolution,
        ..scarlet_arch::Preprocessing::IMAGENET
    };
    let space_of = SearchSpace::new(template, space.choices(0).to_vec())?;
    Ok(match space.skip() {
        Some(_) => space_of.with_skip(Skip::Identity)?,
        None => space_of,
    })
}

/// The first setting in which two values differ, with its value in both.
fn difference(table: &Value, run: &Value, path: &str) -> Option<(String, String, String)> {
    if let (Value::Object(table), Value::Object(run)) = (table, run) {
        return table.iter().find_map(|(key, value)| {
            let path = match path.is_empty() {
                true => key.clone(),
                false => format!("{path}.{key}"),
            };
            difference(value, &run[key], &path)
        });
    }
    if let (Value::Array(table), Value::Array(run)) = (table, run)
        && table.len() == run.len()
    {
        let mut pairs = table.iter().zip(run).enumerate();
        return pairs
            .find_map(|(index, (table, run))| difference(table, run, &format!("{path}[{index}]")));
    }
    (table != run).then(|| (path.to_owned(), table.to_string(), run.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn space() -> SearchSpace {
        let small = SearchSpace::small_images(1, 16, 3).unwrap();
        let layers = small.template().layers()[..3].to_vec();
        let template = small.template().clone().with_layers(layers);
        let choices = ["E3K3", "E6K5s"].map(|text| text.parse().unwrap());
        SearchSpace::new(template, choices.to_vec())
            .unwrap()
            .with_skip(Skip::Linear)
            .unwrap()
    }

    fn time(ms: f64) -> Spread {
        Spread { ms, spread_ms: 0.0 }
    }

    fn table() -> LatencyTable {
        let on = Circumstances {
            device: "cpu".to_owned(),
            threads: 1,
            batch: 1,
            rounds: 1,
            deploy: Precision::Float32,
        };
        let part = |part: &str, ms| FixedPart {
            part: part.to_owned(),
            time: time(ms),
        };
        let times = Times {
            fixed: vec![part("stem", 1.0), part("classifier", 2.0)],
            layers: vec![
                vec![time(10.0), time(20.0), time(0.0)],
                vec![time(40.0), time(30.0), time(0.0)],
                vec![time(50.0), time(60.0), time(55.0)],
            ],
        };
        let mut table = LatencyTable::new(&space(), on, times).unwrap();
        table.overhead = time(-0.5);
        table
    }

    fn genome(text: &str) -> Genome {
        text.parse().unwrap()
    }

    #[test]
    fn a_latency_is_the_sum_of_the_parts() {
        let table = table();
        assert_eq!(table.latency_ms(&genome("010")).unwrap(), 92.5);
        assert_eq!(table.latency_ms(&genome("222")).unwrap(), 57.5);
        assert_eq!(table.extreme(Bound::AtMost).unwrap(), (genome("220"), 52.5));
        assert_eq!(
            table.extreme(Bound::AtLeast).unwrap(),
            (genome("101"), 122.5)
        );
        let error = table.latency_ms(&genome("03")).unwrap_err().to_string();
        assert!(error.contains("this search space has 3"), "{error}");
    }

    #[test]
    fn a_table_that_is_far_off_is_refused() {
        let mut table = table();
        table.check_error(0.0).unwrap();
        let genomes = ["010", "222"].map(genome);
        // Measured 92.5 · 1.25 and 57.5 / 1.25 ms: off by 20 and 25 %.
        table.check = table.checked(&genomes, &[115.625, 46.0]).unwrap();
        let check = table.check.as_ref().unwrap();
        assert!((check.mean_error - 0.225).abs() < 1e-12);
        assert_eq!((check.networks, check.range_ms), (2, (46.0, 115.625)));
        table.check_error(0.23).unwrap();
        let error = table.check_error(0.1).unwrap_err().to_string();
        assert!(
            error.contains(
                "off by 22.5 % on average for the 2 networks that were also measured whole, and \
                 10.0 % is the most"
            ),
            "{error}"
        );
        table.check.as_mut().unwrap().mean_error = f64::NAN;
        table.check_error(1e9).unwrap_err();
    }

    #[test]
    fn only_what_changes_the_speed_must_be_the_same() {
        let table = table();
        let mut template = space().template().clone();
        template.name = "other".to_owned();
        template.preprocessing.mean = [0.1; 3];
        let choices = space().choices(0).to_vec();
        let same = SearchSpace::new(template.clone(), choices.clone()).unwrap();
        table.check_space(&same).unwrap();
        table
            .check_space(&same.with_skip(Skip::Identity).unwrap())
            .unwrap();
        let head = template.head.conv.as_mut().unwrap();
        head.channels = 64;
        let other = SearchSpace::new(template, choices).unwrap();
        let error = table.check_space(&other).unwrap_err().to_string();
        assert!(
            error.contains(
                r#"its `template.blocks[5]` is "P320:relu6", but here it is "P64:relu6""#
            ),
            "{error}"
        );
    }

    #[test]
    fn a_table_comes_back_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.json");
        let mut table = table();
        table.layers[1][0].time.ms = 0.1 + 0.2;
        table.save(&path).unwrap();
        assert_eq!(LatencyTable::open(&path).unwrap(), table);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"ms\": 40", "\"ms\": 41")).unwrap();
        assert_eq!(LatencyTable::open(&path).unwrap(), table);
        fs::write(&path, text.replace("\"ms\": 30", "\"ms\": 31")).unwrap();
        let error = LatencyTable::open(&path).unwrap_err().to_string();
        assert!(error.contains("remove its line `checksum`"), "{error}");
        let error = table.save(folder.path()).unwrap_err().to_string();
        assert!(error.contains("what was there before is unchanged"));
    }

    #[test]
    fn a_table_is_of_networks_in_one_kind_of_numbers() {
        let floats = table();
        floats.check_numbers(Precision::Float32).unwrap();
        let tree = serde_json::to_value(&floats).unwrap();
        // As versions that know no other wrote it, and read it.
        assert!(tree.get("deploy").is_none());
        let error = floats.check_numbers(Precision::Int8).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with(
                "the latency table is of networks in f32, but those of this search are deployed in \
                 int8: measure one with `scarlet latency-table --deploy int8`"
            ),
            "{error}"
        );
        let mut int8 = table();
        int8.deploy = Precision::Int8;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("int8.json");
        int8.save(&path).unwrap();
        let opened = LatencyTable::open(&path).unwrap();
        opened.check_numbers(Precision::Int8).unwrap();
        opened.check_numbers(Precision::Float32).unwrap_err();
    }

    #[test]
    fn a_table_of_an_earlier_version_is_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/old_latency.json");
        let table = LatencyTable::open(path).unwrap();
        let parts: Vec<_> = table.fixed.iter().map(|part| &*part.part).collect();
        assert_eq!(parts, ["stem", "separable", "head", "classifier"]);
        let sum = 0.003123;
        assert!((table.latency_ms(&genome("12")).unwrap() - sum).abs() < 1e-9);

        // Its choices had the activation of its space, whatever that was.
        let folder = tempfile::tempdir().unwrap();
        let relu6 = folder.path().join("relu6.json");
        let mut tree: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        tree["space"]["template"]["activation"] = "relu6".into();
        tree.as_object_mut().unwrap().remove("checksum");
        fs::write(&relu6, tree.to_string()).unwrap();
        let relu6 = LatencyTable::open(&relu6).unwrap();
        let same = relu6.latency_ms(&genome("12")).unwrap();
        assert_eq!(same, table.latency_ms(&genome("12")).unwrap());
        let first = &relu6.layers[0][0].choice;
        assert_eq!(*first, format!("{}:relu6", table.layers[0][0].choice));
        // It is written as one of today.
        let again = folder.path().join("again.json");
        relu6.save(&again).unwrap();
        assert_eq!(LatencyTable::open(&again).unwrap(), relu6);
    }

    #[test]
    fn files_that_are_no_table_say_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.json");
        let message = |change: &dyn Fn(&mut Value)| {
            let mut tree = serde_json::to_value(table()).unwrap();
            change(&mut tree);
            fs::write(&path, tree.to_string()).unwrap();
            LatencyTable::open(&path).unwrap_err().to_string()
        };
        let error = message(&|tree| tree["layers"][2][1]["choice"] = "E9K9".into());
        assert!(error.contains("no time for E6K5s in layer 3"), "{error}");
        let error = message(&|tree| tree["layers"] = serde_json::json!([]));
        assert!(error.contains("no time for E3K3 in layer 1"), "{error}");
        let error = message(&|tree| tree["version"] = 9.into());
        assert!(error.contains("is of version 9, but"), "{error}");
        let error = message(&|tree| tree["layers"][0][0]["time"]["ms"] = (-1.0).into());
        assert!(error.contains("a part takes -1 ms"), "{error}");
        let error = message(&|tree| *tree = serde_json::json!({"version": 1}));
        assert!(error.contains("missing field"), "{error}");
        let error = message(&|tree| *tree = 3.into());
        assert!(error.contains("it says no `version`"), "{error}");
        fs::write(&path, "{\"version\": 1, \"dev").unwrap();
        let error = LatencyTable::open(&path).unwrap_err().to_string();
        assert!(error.contains("is no latency table: EOF"), "{error}");
        fs::remove_file(&path).unwrap();
        let error = LatencyTable::open(&path).unwrap_err().to_string();
        assert!(error.contains("cannot read the latency table"), "{error}");
    }
}
