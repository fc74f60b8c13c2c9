//! Damaging good input.

use fastrand::Rng;

/// Numbers at which readers go wrong.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

/// One of the seeds, damaged in a few places.
pub(crate) fn damage(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seeds[rng.usize(..seeds.len())].clone();
    // Mostly little, so that most of what follows the damage is still read.
    let doublings = rng.u32(0..5).min(rng.u32(0..5));
    for _ in 0..1 << doublings {
        damage_once(&mut bytes, seeds, rng);
    }
    bytes
}

fn damage_once(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut Rng) {
    if bytes.is_empty() {
        bytes.push(rng.u8(..));
        return;
    }
    // Headers come first, and are short beside the data.
    let reach = match rng.bool() {
        true => bytes.len().min(2_000),
        false => bytes.len(),
    };
    let at = rng.usize(..reach);
    match rng.u8(0..9) {
        0 => bytes[at] ^= 1 << rng.u8(0..8),
        1 => bytes[at] = rng.u8(..),
        2 => {
            let number = NUMBERS[rng.usize(..NUMBERS.len())].to_le_bytes();
            let width = [1, 2, 4, 8][rng.usize(..4)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&number[..width]);
        }
        3 => bytes.truncate(at),
        4 => {
            let end = (at + rng.usize(1..64)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let end = (at + rng.usize(1..64)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let times = rng.usize(1..8);
            let copies: Vec<u8> = piece
                .iter()
                .copied()
                .cycle()
                .take(piece.len() * times)
                .collect();
            bytes.splice(at..at, copies);
        }
        6 => {
            let other = &seeds[rng.usize(..seeds.len())];
            let from = rng.usize(..other.len().max(1)).min(other.len());
            let to = (from + rng.usize(1..128)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        7 => {
            // Digits of JSON and of layer texts.
            if let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
                bytes[at + digit] = rng.u8(b'0'..=b'9');
            }
        }
        _ => {
            let inserted: Vec<u8> = (0..rng.usize(1..8)).map(|_| rng.u8(..)).collect();
            bytes.splice(at..at, inserted);
        }
    }
}
