//! `scarlet serve`.

#[cfg(any(feature = "remote", test))]
use std::net::SocketAddr;

use crate::cli::ServeArgs;
use crate::error::CliError;
use crate::terminal::Terminal;

#[cfg(feature = "remote")]
pub(super) fn run(args: &ServeArgs, terminal: &Terminal) -> Result<(), CliError> {
    use std::net::TcpListener;

    use scarlet::Token;
    use scarlet::burn::server::{RemoteServer, TokenAuthorizer, WebSocketTransport};

    let failed = |reason: String| CliError::Serve {
        address: args.listen,
        reason,
    };
    let token = match &args.token_file {
        Some(path) => Some(Token::from_file(path)?),
        None => Token::from_environment()?,
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
    if let Some(warning) = exposure(address, token.is_some()) {
        terminal.warn(warning);
    }
    let mut server = RemoteServer::new([device]);
    if let Some(token) = &token {
        let authorizer = TokenAuthorizer::new(token.as_str());
        server = server.with_authorizer(authorizer.map_err(|error| failed(error.to_string()))?);
    }
    server
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

/// What others can do who reach an address, where that is not only this machine.
#[cfg(any(feature = "remote", test))]
fn exposure(address: SocketAddr, has_token: bool) -> Option<String> {
    if address.ip().to_canonical().is_loopback() {
        return None;
    }
    Some(match has_token {
        true => format!(
            "anyone who can read the traffic to {address} can read the token too, since nothing is \
             encrypted: serve a network that you trust, or 127.0.0.1 and a tunnel to it"
        ),
        false => format!(
            "anyone who can reach {address} can compute here and fill the memory, and anyone \
             who can read the traffic sees all of it: ask for a token (--token-file), or serve 127.0.0.1 and let \
             others in through a tunnel, such as ssh -L"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_no_risk() {
        for address in ["127.0.0.1:3000", "[::1]:3000", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(exposure(address.parse().unwrap(), false), None);
        }
        for address in ["0.0.0.0:3000", "[::]:3000", "192.168.1.7:3000"] {
            let warning = |has_token| exposure(address.parse().unwrap(), has_token).unwrap();
            assert!(warning(false).contains("--token-file"));
            assert!(warning(true).contains("nothing is encrypted"));
            assert!(warning(false).contains(address));
        }
    }
}
