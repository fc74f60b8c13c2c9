//! How large pictures are, and which way they stand.

use super::Picture;

/// How many times wider or higher than most a picture is that stands out.
const ODD: f64 = 3.0;

/// Sizes of pictures, by their area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Width and height of the smallest.
    pub smallest: [u32; 2],
    /// Of one of middling size.
    pub median: [u32; 2],
    /// Of the largest.
    pub largest: [u32; 2],
    /// How many are wider than high.
    pub landscape: usize,
    /// How many are higher than wide.
    pub portrait: usize,
    /// How many are square.
    pub square: usize,
    /// How many are to be turned or mirrored as their files say.
    pub turned: usize,
}

impl Sizes {
    /// Of pictures; none of none.
    pub fn of(pictures: &[Picture]) -> Option<Self> {
        let mut sizes: Vec<[u32; 2]> = pictures.iter().map(|it| [it.width, it.height]).collect();
        sizes.sort_by_key(|&[width, height]| (u64::from(width) * u64::from(height), width, height));
        let count = |is: fn(&Picture) -> bool| pictures.iter().filter(|it| is(it)).count();
        Some(Self {
            smallest: *sizes.first()?,
            median: *sizes.get(sizes.len() / 2)?,
            largest: *sizes.last()?,
            landscape: count(|it| it.width > it.height),
            portrait: count(|it| it.width < it.height),
            square: count(|it| it.width == it.height),
            turned: count(|it| it.turned),
        })
    }
}

/// Which pictures are so much wider or higher than most that a square hardly shows them.
pub fn odd_shapes(pictures: &[Picture]) -> Vec<usize> {
    let ratio = |it: &Picture| f64::from(it.width) / f64::from(it.height.max(1));
    let mut ratios: Vec<f64> = pictures.iter().map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let Some(&middle) = ratios.get(ratios.len() / 2) else {
        return Vec::new();
    };
    let is_odd = |it: &Picture| {
        let times = ratio(it) / middle;
        times >= ODD || times <= 1.0 / ODD
    };
    let all = pictures.iter().enumerate();
    all.filter(|(_, it)| is_odd(it))
        .map(|(index, _)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Picture {
        Picture {
            width,
            height,
            turned: width == 30,
            grey: false,
            blank: false,
        }
    }

    #[test]
    fn sizes_are_those_of_areas() {
        assert_eq!(Sizes::of(&[]), None);
        let pictures = [(40, 30), (30, 40), (100, 5), (20, 20), (90, 80)];
        let pictures = pictures.map(|(width, height)| picture(width, height));
        let sizes = Sizes::of(&pictures).unwrap();
        assert_eq!(
            [sizes.smallest, sizes.median, sizes.largest],
            [[20, 20], [30, 40], [90, 80]]
        );
        assert_eq!(
            [sizes.landscape, sizes.portrait, sizes.square, sizes.turned],
            [3, 1, 1, 1]
        );
    }

    #[test]
    fn shapes_are_odd_beside_most() {
        let shapes = [(40, 30), (30, 40), (1, 10_000), (10_000, 1), (40, 30)];
        let pictures = shapes.map(|(width, height)| picture(width, height));
        assert_eq!(odd_shapes(&pictures), [2, 3]);
        // Where all are panoramas, none stands out.
        let panoramas = vec![picture(400, 100); 5];
        assert!(odd_shapes(&panoramas).is_empty());
        assert!(odd_shapes(&[]).is_empty());
    }
}
