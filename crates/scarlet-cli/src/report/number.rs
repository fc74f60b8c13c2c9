//! Numbers for people.

use scarlet::accuracy_interval;

/// `50,000`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 epoch`, `2,000 epochs`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        thousands(number),
        if number == 1 { one } else { many }
    )
}

/// `326.9 M`, `4,338.6 M`.
pub(crate) fn millions(number: u64) -> String {
    let tenths = number.saturating_add(50_000) / 100_000;
    format!("{}.{} M", thousands(tenths / 10), tenths % 10)
}

/// `26.1 MB`, in millions of bytes.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// `75.12 %` of a number from 0 to 1.
pub(crate) fn percent(ratio: f64) -> String {
    format!("{:.2} %", 100.0 * ratio)
}

/// `87.12 to 90.98 %` of an interval between numbers from 0 to 1.
pub(crate) fn interval([low, high]: [f64; 2]) -> String {
    format!("{:.2} to {}", 100.0 * low, percent(high))
}

/// `89.20 % (892 of 1,000 images, 95 % interval 87.12 to 90.98 %)`.
pub(crate) fn accuracy(right: u64, images: u64) -> String {
    format!(
        "{} ({} of {}, 95 % interval {})",
        percent(right as f64 / images.max(1) as f64),
        thousands(right),
        counted(images, "image", "images"),
        interval(accuracy_interval(right, images))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (365_307_392, "365,307,392"),
        ] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!(counted(1, "class", "classes"), "1 class");
        assert_eq!(counted(0, "class", "classes"), "0 classes");
        assert_eq!(counted(2_000, "step", "steps"), "2,000 steps");
    }

    #[test]
    fn large_numbers_are_rounded() {
        assert_eq!(millions(326_853_440), "326.9 M");
        assert_eq!(millions(4_338_550_000), "4,338.6 M");
        assert_eq!(millions(0), "0.0 M");
        assert_eq!(megabytes(26_126_224), "26.1 MB");
        assert_eq!(percent(0.75123), "75.12 %");
        assert_eq!(
            accuracy(8_920, 10_000),
            "89.20 % (8,920 of 10,000 images, 95 % interval 88.58 to 89.79 %)"
        );
        assert_eq!(
            accuracy(0, 0),
            "0.00 % (0 of 0 images, 95 % interval 0.00 to 100.00 %)"
        );
    }
}
