//! `scarlet eval --augment`: what several views of each image change.

use scarlet::accuracy_interval;
use scarlet::trust::mcnemar_exact;
use scarlet_train::trust::Evidence;

use super::against::agreement;
use crate::report::augmented::Augmented;
use crate::views::Views;

/// The network with several views of each image beside itself without.
pub(super) fn compare(views: &Views, with: &Evidence, without: &Evidence) -> Augmented {
    let [[both_wrong, only_without], [only_with, both_right]] = agreement(with, without);
    let images = both_wrong + only_without + only_with + both_right;
    let right = both_right + only_without;
    Augmented {
        augment: views.kinds().to_vec(),
        views: views.count(),
        text: views.text(),
        top1_without: right as f64 / images.max(1) as f64,
        top1_without_interval: accuracy_interval(right, images),
        only_with,
        only_without,
        p_value: mcnemar_exact(only_with, only_without),
    }
}
