//! [`Problem`]: why a request gets no answer, and how the page is told.

use hyper::StatusCode;
use scarlet_data::PhotoError;
use serde_json::json;
use thiserror::Error;

/// Why a request gets no answer.
#[derive(Debug, Error)]
pub(super) enum Problem {
    #[error(
        "this page is only for the machine that it runs on, at localhost or 127.0.0.1, not `{0}`"
    )]
    Host(String),
    #[error("the request comes from a page of `{0}`, which has no access to this one")]
    Origin(String),
    #[error("there is nothing at this address; the page is at /")]
    NotFound,
    #[error("this address takes {0} only")]
    Method(&'static str),
    #[error("the photograph took longer than {0} seconds to arrive")]
    Slow(u64),
    #[error("the photograph did not arrive completely")]
    Cut,
    #[error("the photograph has more than {} MiB: make it smaller", .0 >> 20)]
    TooLarge(u64),
    #[error(transparent)]
    Image(#[from] PhotoError),
    #[error("{0} photographs are waiting already: try again in a moment")]
    Busy(usize),
    #[error("{0}")]
    Class(String),
    #[error(
        "a deployed file can only be run: to see where the network looks, use the weights that it was made from"
    )]
    NoPlaces,
    /// The network's own.
    #[error("{0}")]
    Network(String),
    #[error("the program failed on this photograph unexpectedly; others can still be tried")]
    Failed,
}

impl Problem {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Host(_) | Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoPlaces => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Cut | Self::Class(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Image(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Network(_) | Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A word for programs.
    fn kind(&self) -> &'static str {
        match self {
            Self::Host(_) => "host",
            Self::Origin(_) => "origin",
            Self::NotFound => "not_found",
            Self::Method(_) => "method",
            Self::Slow(_) => "slow",
            Self::Cut => "cut",
            Self::TooLarge(_) => "too_large",
            Self::Image(_) => "image",
            Self::Busy(_) => "busy",
            Self::Class(_) => "class",
            Self::NoPlaces => "no_places",
            Self::Network(_) => "network",
            Self::Failed => "failed",
        }
    }

    pub(super) fn to_json(&self) -> String {
        json!({ "error": { "kind": self.kind(), "message": self.to_string() } }).to_string()
    }
}
