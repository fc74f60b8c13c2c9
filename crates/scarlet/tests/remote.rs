//! A device of another machine: `cargo test --release -p scarlet-nas --features flex,wgpu,remote
//! --test remote`.
#![allow(clippy::unwrap_used, unreachable_pub)]

use std::net::TcpListener;
use std::thread;

use scarlet::burn::server::{RemoteServer, WebSocketTransport};
use scarlet::burn::tensor::{Device, Tensor};
use scarlet::weights::formula;
use scarlet::{DeployOptions, DeviceError, ScarletC, device_by_name};

/// Serves this machine's CPU for as long as the tests run.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(|| {
        RemoteServer::new([Device::flex()])
            .serve(WebSocketTransport::from_listener(listener))
            .unwrap();
    });
    address
}

#[test]
fn a_network_computes_the_same_there() {
    let address = serve();
    let config = ScarletC::new();
    let logits = |device: &Device| {
        let network = config
            .init(device)
            .load(&formula::state_dict(config.architecture()))
            .unwrap();
        let pixels = (0..3 * 32 * 32).map(|i| (i % 255) as f32 / 127.0 - 1.0);
        let pixels: Vec<f32> = pixels.collect();
        let images = Tensor::<1>::from_floats(pixels.as_slice(), device).reshape([1, 3, 32, 32]);
        let plain: Vec<f32> = network.forward(images).into_data().iter().collect();
        let options = DeployOptions::new().with_size(32, 32);
        let mut deployed = network.deploy(&options).unwrap();
        (plain, deployed.run(&pixels).unwrap().to_vec())
    };
    let there = device_by_name(&address).unwrap();
    let (plain_there, deployed_there) = logits(&there);
    let (plain_here, deployed_here) = logits(&Device::flex());
    for (there, here) in [(plain_there, plain_here), (deployed_there, deployed_here)] {
        assert_eq!(there.len(), 1000);
        for (there, here) in there.iter().zip(&here) {
            assert!((there - here).abs() < 1e-4, "{there} {here}");
        }
    }

    let message = device_by_name(&format!("{address}#1")).unwrap_err();
    assert!(
        matches!(message, DeviceError::Unreachable { .. }),
        "{message}"
    );
    let message = device_by_name(&format!("{address}#one")).unwrap_err();
    assert!(matches!(message, DeviceError::Index { .. }), "{message}");
}

#[test]
fn where_nobody_serves_the_address_is_named() {
    // Bound and let go: a port that nobody listens on.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let message = device_by_name(&format!("ws://{}", free.unwrap()));
    let message = message.unwrap_err().to_string();
    assert!(
        message.starts_with("cannot reach the device ws://127"),
        "{message}"
    );
}
