//! What most programs need, by one line: `use scarlet::prelude::*;`.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use scarlet::prelude::*;
//!
//! let device = Device::flex();
//! let network = ScarletA::new().with_classes(10).init(&device);
//! let logits = network.forward(Tensor::zeros([1, 3, 64, 64], &device));
//! let best: Vec<Vec<Prediction>> = top_k(logits, 1);
//! assert_eq!(best.len(), 1);
//! # }
//! ```

pub use burn::module::Module;
pub use burn::tensor::{Device, Tensor};

pub use crate::weights::{Fetcher, LoadOptions, StateDict};
pub use crate::zoo::builders::*;
pub use crate::{
    Architecture, DeployOptions, Deployed, ModelCard, Prediction, Scarlet, ScarletConfig,
    device_by_name, top_k,
};
