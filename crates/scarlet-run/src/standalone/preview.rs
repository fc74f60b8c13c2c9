//! [`Preview`]: images as a run shows them to its network.

use scarlet_data::RgbImage;
use scarlet_data::dataset::Labels;
use scarlet_train::batch::{Batcher, View};
use scarlet_train::trainer::Order;

use super::Standalone;
use crate::RunError;

/// Some of a run's training images, as its network is to see them.
#[derive(Debug, Clone)]
pub struct Preview {
    /// One image each.
    pub rows: Vec<PreviewRow>,
}

/// An image, as the network is to see it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PreviewRow {
    /// Its file, or its number in its data set.
    pub name: String,
    /// The class that it is of, or the names of all, where it may have several or none.
    pub class: String,
    /// First as it would be judged, then as the first epochs show it, changed at random.
    pub images: Vec<RgbImage>,
}

impl Standalone {
    /// So many of the training images, of different classes as far as there are, each as it would be
    /// judged and as so many epochs show it. What mixes images with each other is left out.
    ///
    /// # Errors
    ///
    /// When a photograph cannot be read any more.
    pub fn preview(&self, images: usize, epochs: usize) -> Result<Preview, RunError> {
        let config = &self.record.config.train;
        let source = &self.data.train;
        let network = &self.record.architecture;
        let batcher = Batcher::new(source, network, &self.network.device())?;
        let classes = self.record.classes.len();
        let order = Order::new(config, batcher.labels(), classes).of(0);
        let rows = chosen(&order, batcher.labels(), images)
            .into_iter()
            .map(|image| {
                let mut seen = vec![batcher.pictures(&batcher.plain_values(&[image])?)];
                for epoch in 0..epochs as u64 {
                    let views = [View::first(image)];
                    let batch = batcher.augmented(&views, &config.augment, config.seed, epoch)?;
                    seen.push(batcher.pictures(&batch.values));
                }
                let labels = batcher.labels().of(image).iter();
                let names = labels.map(|&class| self.record.classes[class as usize].as_str());
                Ok(PreviewRow {
                    name: batcher.name(image),
                    class: names.collect::<Vec<_>>().join(", "),
                    images: seen.concat(),
                })
            });
        Ok(Preview {
            rows: rows.collect::<Result<_, RunError>>()?,
        })
    }
}

/// The first image of each class in an epoch's order, by class; then, where there are too few classes,
/// others.
fn chosen(order: &[View], labels: Labels<'_>, images: usize) -> Vec<usize> {
    let mut left: Vec<usize> = order
        .iter()
        .filter(|it| it.repeat == 0)
        .map(|it| it.image)
        .collect();
    let mut chosen = Vec::new();
    while chosen.len() < images && !left.is_empty() {
        let mut seen = Vec::new();
        left.retain(|&image| {
            let is_new = !seen.contains(&labels.of(image));
            if is_new {
                seen.push(labels.of(image));
                chosen.push(image);
            }
            !is_new
        });
    }
    chosen.truncate(images);
    chosen.sort_by_key(|&image| labels.of(image));
    chosen
}
