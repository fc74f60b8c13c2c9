//! Devices by name, for programs that let their user choose one at run time.

use burn::tensor::Device;
use thiserror::Error;

/// A device name and the Cargo feature that compiles it in.
struct Kind {
    name: &'static str,
    feature: &'static str,
    open: Option<fn(usize) -> Device>,
}

/// Wraps a constructor in `Some` where its feature is on.
macro_rules! when {
    ($feature:literal, $open:expr) => {{
        #[cfg(feature = $feature)]
        let open: Option<fn(usize) -> Device> = Some($open);
        #[cfg(not(feature = $feature))]
        let open: Option<fn(usize) -> Device> = None;
        open
    }};
}

fn kinds() -> [Kind; 7] {
    let kind = |name, feature, open| Kind {
        name,
        feature,
        open,
    };
    [
        kind("cpu", "flex", when!("flex", |_| Device::flex())),
        kind(
            "ndarray",
            "ndarray",
            // Deprecated by Burn in favour of `flex`; supported here for as long as it exists.
            when!(
                "ndarray",
                #[allow(deprecated)]
                |_| Device::ndarray()
            ),
        ),
        kind(
            "wgpu",
            "wgpu",
            when!("wgpu", |index| Device::wgpu(gpu(index))),
        ),
        kind(
            "vulkan",
            "vulkan",
            when!("vulkan", |index| Device::vulkan(gpu(index))),
        ),
        kind(
            "metal",
            "metal",
            when!("metal", |index| Device::metal(gpu(index))),
        ),
        kind("cuda", "cuda", when!("cuda", |index| Device::cuda(index))),
        kind("rocm", "rocm", when!("rocm", |index| Device::rocm(index))),
    ]
}

/// A name and the device's number after it, 0 if there is none.
fn with_index(name: &str, separator: char) -> Result<(&str, usize), DeviceError> {
    let Some((kind, index)) = name.split_once(separator) else {
        return Ok((name, 0));
    };
    let index = index.parse().map_err(|_| DeviceError::Index {
        name: name.to_owned(),
    })?;
    Ok((kind, index))
}

/// How names of other machines' devices begin.
const REMOTE: &str = "ws://";

#[cfg(feature = "remote")]
fn remote(name: &str) -> Result<Device, DeviceError> {
    use burn::tensor::remote::{ConnectError, RemoteHost};

    let (address, index) = with_index(name, '#')?;
    let mut host = RemoteHost::websocket(address);
    if let Some(token) = crate::Token::from_environment()? {
        host = host.with_credential(token.as_str());
    }
    let device = Device::remote_options(&host).device_index(index).init();
    device.map_err(|error| match error {
        ConnectError::Unauthorized => DeviceError::Unauthorized {
            name: name.to_owned(),
        },
        error => DeviceError::Unreachable {
            name: name.to_owned(),
            reason: error.to_string(),
        },
    })
}

#[cfg(not(feature = "remote"))]
fn remote(name: &str) -> Result<Device, DeviceError> {
    Err(DeviceError::NotCompiledIn {
        name: name.to_owned(),
        feature: "remote",
        available: available_devices().join(", "),
    })
}

/// The best device at index 0, any discrete GPU by a higher index.
#[cfg(any(feature = "wgpu", feature = "vulkan", feature = "metal"))]
fn gpu(index: usize) -> burn::tensor::DeviceKind {
    match index {
        0 => burn::tensor::DeviceKind::DefaultDevice,
        index => burn::tensor::DeviceKind::DiscreteGpu(index),
    }
}

/// Names of the devices that were compiled in, the CPU first.
pub fn available_devices() -> Vec<&'static str> {
    kinds()
        .iter()
        .filter(|kind| kind.open.is_some())
        .map(|kind| kind.name)
        .collect()
}

/// The device of a name such as `cpu`, `wgpu` or `cuda:1`; `cpu` is Burn's `flex`. An address such
/// as `ws://gpu:3000` is a device of another machine, where Burn's `RemoteServer` (or
/// `scarlet serve`) serves it; after `#` its number there may stand, as in `ws://gpu:3000#1`. If
/// that machine asks for a token, it is [the environment's](crate::Token::from_environment).
///
/// # Errors
///
/// [`DeviceError`] says which Cargo feature is missing, which names there are, or why another
/// machine cannot be reached.
pub fn device_by_name(name: &str) -> Result<Device, DeviceError> {
    if name.starts_with(REMOTE) {
        return remote(name);
    }
    let (kind_name, index) = with_index(name, ':')?;
    let kinds = kinds();
    let kind = kinds
        .iter()
        .find(|kind| kind.name == kind_name || kind.feature == kind_name)
        .ok_or_else(|| DeviceError::Unknown {
            name: name.to_owned(),
            known: kinds
                .iter()
                .map(|kind| kind.name)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
    let open = kind.open.ok_or_else(|| DeviceError::NotCompiledIn {
        name: kind_name.to_owned(),
        feature: kind.feature,
        available: available_devices().join(", "),
    })?;
    Ok(open(index))
}

/// A device that is not available.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceError {
    /// No such device.
    #[error(
        "there is no device `{name}`; the devices are {known}, and ws://HOST:PORT for one \
         served by another machine"
    )]
    Unknown {
        /// The name asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// The device's feature is off.
    #[error(
        "the device `{name}` was not compiled in: build with `--features {feature}`, or choose \
         one of those that were ({available})"
    )]
    NotCompiledIn {
        /// The name asked for.
        name: String,
        /// The Cargo feature that compiles it in.
        feature: &'static str,
        /// Names that would do now.
        available: String,
    },
    /// Another machine's device that is not available.
    #[error(
        "cannot reach the device {name}: {reason}; it is served by `scarlet serve`, of the same \
         version, there"
    )]
    Unreachable {
        /// The address asked for.
        name: String,
        /// What failed.
        reason: String,
    },
    /// Another machine's device that strangers may not use.
    #[error(
        "the device {name} is protected by a token: set SCARLET_TOKEN to it, or SCARLET_TOKEN_FILE \
         to a file that holds it"
    )]
    Unauthorized {
        /// The address asked for.
        name: String,
    },
    /// A [`Token`](crate::Token) that is not available.
    #[error("no token for devices of other machines can be taken from {place}: {reason}")]
    Token {
        /// The file, or the environment variable.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What stands after the colon, or an address's `#`, is not a number.
    #[error(
        "`{name}` does not name a device: its number stands at the end, as in `cuda:1` and \
         `ws://gpu:3000#1`"
    )]
    Index {
        /// The name asked for.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_device_lists_the_known_ones() {
        let message = device_by_name("tpu").unwrap_err().to_string();
        assert_eq!(
            message,
            "there is no device `tpu`; the devices are cpu, ndarray, wgpu, vulkan, metal, cuda, \
             rocm, and ws://HOST:PORT for one served by another machine"
        );
    }

    #[test]
    #[cfg(not(feature = "rocm"))]
    fn a_device_that_is_not_compiled_in_names_its_feature() {
        let message = device_by_name("rocm:1").unwrap_err().to_string();
        assert!(
            message.contains("build with `--features rocm`"),
            "{message}"
        );
    }

    #[test]
    #[cfg(not(feature = "remote"))]
    fn other_machines_need_a_feature() {
        let message = device_by_name("ws://gpu:3000").unwrap_err().to_string();
        assert!(message.contains("`--features remote`"), "{message}");
    }

    #[test]
    fn a_number_must_follow_the_colon() {
        let message = device_by_name("cpu:x").unwrap_err().to_string();
        assert!(message.contains("as in `cuda:1`"), "{message}");
    }

    #[test]
    #[cfg(feature = "flex")]
    fn the_cpu_goes_by_both_names() {
        assert_eq!(device_by_name("cpu"), device_by_name("flex"));
        assert_eq!(available_devices()[0], "cpu");
    }
}
