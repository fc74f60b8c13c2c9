//! [`Gate`]: which requests are let in, by whom they name and where they come from.

use std::net::{IpAddr, SocketAddr};

use hyper::Request;
use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;

use super::problem::Problem;

/// Tells requests of the page itself from those that another page in the same browser makes: it may
/// send them here, but not choose what the browser says of their origin, nor by which name this machine
/// was asked for. A name of its own that comes to stand for 127.0.0.1 (DNS rebinding) gives it away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate {
    /// Whether this machine alone is served, whose names are known.
    only_here: bool,
}

impl Gate {
    pub(super) fn of(address: SocketAddr) -> Self {
        Self {
            only_here: address.ip().to_canonical().is_loopback(),
        }
    }

    pub(super) fn check<B>(self, request: &Request<B>) -> Result<(), Problem> {
        let host = self.host(request)?;
        let Some(origin) = request.headers().get(ORIGIN) else {
            return Ok(());
        };
        let origin = String::from_utf8_lossy(origin.as_bytes());
        // The scheme is another one behind a proxy that encrypts.
        match origin.split_once("://") {
            Some((_, from)) if from.eq_ignore_ascii_case(host.as_str()) => Ok(()),
            _ => Err(Problem::Origin(origin.into_owned())),
        }
    }

    /// Whom the request names.
    fn host<B>(self, request: &Request<B>) -> Result<Authority, Problem> {
        let mut named = request.headers().get_all(HOST).iter();
        let (Some(name), None) = (named.next(), named.next()) else {
            return Err(Problem::Host(String::new()));
        };
        let name = String::from_utf8_lossy(name.as_bytes());
        let host: Option<Authority> = name.parse().ok();
        host.filter(|host| !self.only_here || is_here(host.host()))
            // As requests to a proxy have it.
            .filter(|host| request.uri().authority().is_none_or(|other| other == host))
            .ok_or_else(|| Problem::Host(name.into_owned()))
    }
}

/// Whether a name without port is this machine's for itself.
fn is_here(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || ip
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(address: &str, target: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let gate = Gate::of(address.parse().unwrap());
        let checked = gate.check(&request.body(()).unwrap());
        checked.map_err(|problem| problem.to_string())
    }

    const HERE: &str = "127.0.0.1:8080";

    #[test]
    fn this_machine_is_asked_for_by_its_own_names() {
        for host in [
            "localhost:8080",
            "LocalHost",
            "127.0.0.1:9000",
            "127.8.9.1",
            "[::1]:80",
        ] {
            assert_eq!(checked(HERE, "/", &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.7",
            "0.0.0.0",
            "[::2]",
            "evil@localhost:80:80",
            "",
            "a b",
        ] {
            let refused = checked(HERE, "/", &[("host", host)]).unwrap_err();
            assert!(refused.contains(&format!("not `{host}`")), "{refused}");
        }
        assert!(checked(HERE, "/", &[]).is_err());
        assert!(checked(HERE, "/", &[("host", "localhost"), ("host", "localhost")]).is_err());
        let target = "http://evil.example/";
        assert!(checked(HERE, target, &[("host", "localhost")]).is_err());
    }

    #[test]
    fn who_listens_for_others_may_have_any_name() {
        for host in ["box.lan:8080", "192.168.1.7:8080"] {
            assert_eq!(checked("0.0.0.0:8080", "/", &[("host", host)]), Ok(()));
        }
        assert!(checked("0.0.0.0:8080", "/", &[]).is_err());
    }

    #[test]
    fn other_pages_are_refused() {
        for address in [HERE, "0.0.0.0:8080"] {
            let from = |origin: &str| {
                checked(
                    address,
                    "/predict",
                    &[("host", "localhost:8080"), ("origin", origin)],
                )
            };
            assert_eq!(from("http://localhost:8080"), Ok(()));
            assert_eq!(from("https://localhost:8080"), Ok(()));
            for origin in [
                "http://evil.example",
                "null",
                "http://localhost:3000",
                "http://localhost",
                "",
            ] {
                let refused = from(origin).unwrap_err();
                assert!(refused.contains(&format!("`{origin}`")), "{refused}");
            }
        }
    }
}
