//! `scarlet serve`.

use crate::cli::ServeArgs;
use crate::error::CliError;
use crate::terminal::Terminal;

#[cfg(feature = "remote")]
pub(super) fn run(args: &ServeArgs, terminal: &Terminal) -> Result<(), CliError> {
    use std::net::TcpListener;

    use scarlet::burn::server::{RemoteServer, WebSocketTransport};

    let failed = |reason: String| CliError::Serve {
        address: args.listen,
        reason,
    };
    let device = crate::model::open_device(&args.compute)?;
    let listener = TcpListener::bind(args.listen).map_err(|error| failed(error.to_string()))?;
    let address = listener
        .local_addr()
        .map_err(|error| failed(error.to_string()))?;
    terminal.note(format_args!(
        "serving {} at ws://{address}; Ctrl-C ends it",
        args.compute.device
    ));
    RemoteServer::new([device])
        .serve(WebSocketTransport::from_listener(listener))
        .map_err(|error| failed(error.to_string()))
}

#[cfg(not(feature = "remote"))]
pub(super) fn run(args: &ServeArgs, _: &Terminal) -> Result<(), CliError> {
    Err(CliError::Serve {
        address: args.listen,
        reason: "this program was built without --features remote".to_owned(),
    })
}
