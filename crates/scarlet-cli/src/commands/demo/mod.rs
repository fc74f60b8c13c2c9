//! `scarlet demo`: a page to try a network in the browser.

mod alone;
mod answer;
mod connection;
mod gate;
mod look;
mod network;
mod problem;
mod server;
mod site;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use crate::cli::DemoArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::Model;
use crate::terminal::Terminal;

use answer::Answerer;
use gate::Gate;
use network::Network;
use site::Site;

pub(super) fn run(args: &DemoArgs, terminal: &Terminal) -> Result<(), CliError> {
    match &args.html {
        Some(path) => alone::write(args, path, terminal),
        None => serve(args, terminal),
    }
}

fn serve(args: &DemoArgs, terminal: &Terminal) -> Result<(), CliError> {
    let asked = SocketAddr::new(args.listen, args.port);
    // Before anything is downloaded for a port that is taken.
    let listener = bind(asked)?;
    let failed = |error: io::Error| CliError::Page {
        address: asked,
        reason: error.to_string(),
    };
    let address = listener.local_addr().map_err(failed)?;

    // One at a time, as they come.
    let model = Model::open_with_network(&args.subject(), &args.compute, 1, terminal)?;
    model.require_one_label("the demo")?;
    let names = model.class_names(args.classes.as_deref(), terminal)?;
    let network = Network::of(&model, &names);
    let answerer = Answerer::new(model, names, args.top_k);
    let interrupt = Interrupt::listen()?;
    let (jobs, worker) = answerer.start().map_err(failed)?;
    let site = Site::new(Gate::of(address), &network, jobs, args.patience);

    terminal.note(format_args!(
        "{network}: open this address in a browser; Ctrl-C ends it"
    ));
    if let Some(warning) = exposure(address) {
        terminal.warn(warning);
    }
    terminal.print(&format!("http://{}/", reachable(address)))?;
    server::serve(listener, site, args.patience, &interrupt).map_err(failed)?;
    // It has no more to do, since the site is gone, and catches its panics.
    let _ = worker.join();
    Ok(())
}

fn bind(asked: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(asked).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => CliError::PortTaken(asked),
        ErrorKind::AddrNotAvailable => CliError::NoSuchAddress(asked),
        _ => CliError::Page {
            address: asked,
            reason: error.to_string(),
        },
    })
}

/// What others can do who reach an address, where that is not only this machine.
fn exposure(address: SocketAddr) -> Option<String> {
    if address.ip().to_canonical().is_loopback() {
        return None;
    }
    Some(format!(
        "anyone who can reach {address} can use the network, and anyone who can read the traffic \
         sees the photographs: leave out --listen, and let others in through a tunnel, such as ssh -L. Browsers \
         allow the camera on localhost only"
    ))
}

/// Where a browser on this machine finds what listens there.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_no_risk() {
        for address in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(exposure(address.parse().unwrap()), None);
        }
        for address in ["0.0.0.0:80", "[::]:80", "192.168.1.7:80"] {
            let warning = exposure(address.parse().unwrap()).unwrap();
            assert!(
                warning.starts_with(&format!("anyone who can reach {address} ")),
                "{warning}"
            );
        }
    }

    #[test]
    fn an_address_of_all_is_reached_by_this_machines_own() {
        let reached = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reached("[::]:80"), "[::1]:80");
        assert_eq!(reached("192.168.1.7:80"), "192.168.1.7:80");
    }
}
