//! [`Answer`]: what a network answers for one image, and whether it is right.

use scarlet_engine::largest;

use super::Temperature;

/// What a network answers for an image of a known class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The class that it finds the most probable; of equals, the first.
    pub class: usize,
    /// The probability that it gives that class, from 0 to 1.
    pub confidence: f64,
    /// Whether it is the image's class.
    pub right: bool,
}

impl Answer {
    /// The answer in an image's logits, one for each class, divided by the temperature if there is
    /// one. The temperature changes the confidence and never the class.
    ///
    /// Without logits the answer is class 0, of confidence 0.
    pub fn of(logits: &[f32], label: usize, temperature: Option<Temperature>) -> Self {
        let Some(class) = largest(logits) else {
            return Self {
                class: 0,
                confidence: 0.0,
                right: false,
            };
        };
        let scale = 1.0 / temperature.map_or(1.0, Temperature::get);
        let top = f64::from(logits[class]);
        let sum: f64 = logits
            .iter()
            .map(|&logit| ((f64::from(logit) - top) * scale).exp())
            .sum();
        Self {
            class,
            confidence: 1.0 / sum,
            right: class == label,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_largest_logit_and_its_softmax() {
        let logits = [0.5, 2.0, -1.0];
        let found = Answer::of(&logits, 1, None);
        // scipy.special.softmax
        assert!((found.confidence - 0.785_597_034_589_275_9).abs() < 1e-12);
        assert_eq!((found.class, found.right), (1, true));
        let cooled = Answer::of(&logits, 0, Some(Temperature::new(2.0).unwrap()));
        assert!((cooled.confidence - 0.589_797_663_656_812_5).abs() < 1e-12);
        assert_eq!((cooled.class, cooled.right), (1, false));
    }

    #[test]
    fn of_equal_logits_the_first_class_is_the_answer() {
        let found = Answer::of(&[1.0, 3.0, 3.0, 0.0], 2, None);
        assert_eq!((found.class, found.right), (1, false));
        assert_eq!(Answer::of(&[], 0, None).confidence, 0.0);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let found = Answer::of(&[3.0e38, -3.0e38], 0, None);
        assert_eq!(found.confidence, 1.0);
    }
}
