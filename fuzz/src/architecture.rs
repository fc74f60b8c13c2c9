//! Texts that name or describe something.

use std::path::Path;

use scarlet::Architecture;
use scarlet::arch;
use scarlet::weights::Source;
use scarlet::zoo;

use crate::Target;

pub(crate) fn target() -> Target {
    let mut seeds: Vec<Vec<u8>> = [
        "E3K7 E6K5 | E3K5 E3K7s E6K3s E3K5s | E6K3s E3K3 E3K7s E3K7 | E3K5 - L E3K7s | \
         E6K3s E6K5s E3K3s E6K3s | E6K7s",
        "E3K3@24/2 E6K5s@24 - L@40/2 H288K7@96/2",
        "-",
        "[swish, se swish sigmoid] C3@8/2 E1K3s2an@8 H24K5s(relu,h-sigmoid)@12/2:relu6 C1@12 P24 F12n",
        "hf:owner/repo@v1/dir/file.safetensors",
        "pip:package==0.1.0/inner/path.pth",
        "https://host/file#sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for network in zoo::networks() {
        seeds.push(network.name().as_bytes().to_vec());
        let network = network.architecture();
        seeds.push(network.to_json().into_bytes());
        seeds.push(network.to_string().into_bytes());
    }
    Target {
        seeds,
        wrap: |bytes, _| bytes,
        feed,
    }
}

fn feed(path: &Path) -> bool {
    let mut accepted = false;
    let bytes = std::fs::read(path).expect("the input can be read");
    let text = String::from_utf8_lossy(&bytes);
    match text.parse::<Architecture>() {
        Ok(network) => {
            let again: Architecture = network.to_string().parse().expect("what is printed parses");
            assert_eq!(
                (again.blocks, again.head),
                (network.blocks.clone(), network.head)
            );
            check(&network);
            accepted = true;
        }
        Err(error) => drop(error.to_string()),
    }
    match Architecture::from_json(&text) {
        Ok(network) => {
            let again =
                Architecture::from_json(&network.to_json()).expect("what is printed parses");
            assert_eq!(again, network);
            check(&network);
            accepted = true;
        }
        Err(error) => drop(error.to_string()),
    }
    if let Err(error) = zoo::by_name(&text) {
        drop(error.to_string());
    }
    match text.parse::<Source>() {
        Ok(source) => assert_eq!(source.to_string().parse::<Source>().ok(), Some(source)),
        Err(error) => drop(error.to_string()),
    }
    accepted
}

/// Whatever is valid can be priced and laid out.
fn check(network: &Architecture) {
    let resolution = network.preprocessing.resolution;
    let cost = arch::Cost::of(network, resolution).expect("a valid network has a cost");
    let learned: usize = scarlet::weights::reference_entries(network)
        .iter()
        .filter(|(name, _)| !name.contains(".running_"))
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum();
    assert_eq!(cost.parameters, learned as u64);
}
