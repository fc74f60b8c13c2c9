//! The names of all files that runs write, in their folder.

// Of every run.
/// All that determines the run. A folder is a run's if it is there.
pub(crate) const CONFIG: &str = "config.json";
/// The same, as the run began.
pub(crate) const BEGUN: &str = "begun.json";
/// Locked by the process that is at work in the folder.
pub(crate) const LOCK: &str = "lock";
/// What came out.
pub(crate) const RESULT: &str = "result.json";
/// What came out, for people.
pub(crate) const REPORT: &str = "report.html";

// Of a single training.
/// The weights of the best epoch.
pub(crate) const BEST: &str = "best.safetensors";
/// The weights of the last one.
pub(crate) const LAST: &str = "last.safetensors";

/// A folder for each fold of a cross-validation.
pub(crate) const FOLDS: &str = "folds";
/// In it, what its network says of its images.
pub(crate) const ANSWERS: &str = "answers.json";
/// What all folds' networks say.
pub(crate) const OUT_OF_FOLD_TABLE: &str = "out-of-fold.csv";
pub(crate) const OUT_OF_FOLD: &str = "out-of-fold.json";
/// Of any training.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";

// Of a search: a folder for each stage.
/// Checkpoint and events of the training of the network that the search starts from.
pub(crate) const WHOLE: &str = "whole";
pub(crate) const WHOLE_CHECKPOINT: &str = "whole/checkpoint.safetensors";
pub(crate) const WHOLE_EVENTS: &str = "whole/events.jsonl";
pub(crate) const WHOLE_LAST: &str = "whole/last.safetensors";
/// The networks that are searched.
pub(crate) const SPACE: &str = "space.json";
/// Checkpoint and events of the supernet's training.
pub(crate) const SUPERNET: &str = "supernet";
pub(crate) const SUPERNET_CHECKPOINT: &str = "supernet/checkpoint.safetensors";
pub(crate) const SUPERNET_EVENTS: &str = "supernet/events.jsonl";
/// In which order narrower blocks have their channels.
pub(crate) const CHANNELS: &str = "supernet/channels.json";
/// Which published supernet it is.
pub(crate) const PUBLISHED: &str = "supernet/published.json";
/// The search.
pub(crate) const SEARCH: &str = "search";
/// The search between two generations.
pub(crate) const STATE: &str = "search/state.json";
/// The scores of all candidates.
pub(crate) const SCORES: &str = "search/scores.jsonl";
/// A copy of the latency table that the run began with, as ours or as times of another device.
pub(crate) const LATENCY_TABLE: &str = "search/latency-table.json";
pub(crate) const LATENCY_TIMES: &str = "search/latency-table.csv";
/// The latencies that were measured.
pub(crate) const LATENCIES: &str = "search/latencies.jsonl";
/// The energies of candidates, measured.
pub(crate) const ENERGIES: &str = "search/energies.jsonl";
/// The front.
pub(crate) const FRONT_TABLE: &str = "front.csv";
pub(crate) const FRONT_PICTURE: &str = "front.svg";
/// The chosen network.
pub(crate) const CHOICE: &str = "choice.json";
/// Checkpoint and events of its training.
pub(crate) const TRAINING: &str = "training";
/// The finished network.
pub(crate) const NETWORK: &str = "network";
pub(crate) const WEIGHTS: &str = "network/network.safetensors";
pub(crate) const ONNX: &str = "network/network.onnx";
pub(crate) const DEPLOYED: &str = "network/network.scarlet";
pub(crate) const ARCHITECTURE: &str = "network/architecture.json";
pub(crate) const CLASSES: &str = "network/classes.txt";
