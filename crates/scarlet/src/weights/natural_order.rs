//! [`natural_order`]: names as people count.

use std::cmp::Ordering;

/// Orders names as people count: digits by value, everything else by character. Names that
/// differ only in leading zeros are distinguished in the end, so that equal means equal.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(&x), Some(&y)) = (left.first(), right.first()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (n, m) = (take_digits(&mut left), take_digits(&mut right));
            n.len().cmp(&m.len()).then_with(|| n.cmp(m))
        } else {
            left = &left[1..];
            right = &right[1..];
            x.cmp(&y)
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Takes the leading digits off `text` and returns them without leading zeros.
fn take_digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn layers_are_in_the_order_of_their_numbers() {
        let mut names = ["b.10.x", "b.2.x", "b.2.bias", "a", "b.02.x", "b"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["a", "b", "b.2.bias", "b.02.x", "b.2.x", "b.10.x"]);
    }

    proptest! {
        #[test]
        fn natural_order_is_an_order(a in "[a.0-9]{0,6}", b in "[a.0-9]{0,6}", c in "[a.0-9]{0,6}") {
            prop_assert_eq!(natural_order(&a, &b), natural_order(&b, &a).reverse());
            prop_assert_eq!(natural_order(&a, &b).is_eq(), a == b);
            if natural_order(&a, &b).is_le() && natural_order(&b, &c).is_le() {
                prop_assert!(natural_order(&a, &c).is_le());
            }
        }
    }
}
