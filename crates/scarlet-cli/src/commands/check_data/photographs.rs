//! Photographs in folders.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use scarlet::burn::tensor::Device;
use scarlet_data::check::{
    DuplicateGroup, Looked, Picture, Sizes, duplicates, look_at_all, odd_shapes,
};
use scarlet_data::dataset::{Extent, FolderListing, Part};

use super::findings::{self, Findings, image};
use super::labels::{self, Readable};
use super::thumbnails::Pictures;
use super::{Listed, uninterrupted};
use crate::cli::CheckDataArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::report::check_data::{CheckReport, PictureFindings, UnreadableImage};
use crate::terminal::Terminal;

/// Resolution of public networks, which shrinks with the photographs.
const USUAL: usize = 224;
/// The most grey pictures, of all, that stand out.
const FEW: f64 = 0.2;

pub(super) fn findings(
    folder: &Path,
    args: &CheckDataArgs,
    device: &Device,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<Findings, CliError> {
    let FolderListing {
        classes,
        photographs,
        parts,
        notices,
        ..
    } = FolderListing::of(folder)?;
    let paths: Vec<PathBuf> = photographs.iter().map(|it| it.path.clone()).collect();
    let listed: Vec<Listed> = photographs
        .into_iter()
        .map(|it| Listed {
            path: relative(&it.path, folder),
            class: it.class,
            part: it.part,
        })
        .collect();
    let go_on = || !interrupt.is_requested();
    let progress = Mutex::new(terminal.progress("photographs", paths.len()));
    let looked = uninterrupted(look_at_all(&paths, || {
        if let Ok(mut progress) = progress.lock() {
            progress.advance(1);
        }
        go_on()
    }))?;
    drop(progress);
    let mut unreadable = Vec::new();
    let mut seen: Vec<Option<Looked>> = Vec::with_capacity(looked.len());
    for (looked, listed) in looked.into_iter().zip(&listed) {
        if let Err(error) = &looked {
            unreadable.push(UnreadableImage {
                image: image(listed, &classes),
                error: error.to_string(),
            });
        }
        seen.push(looked.ok());
    }
    let groups = uninterrupted(duplicates(&paths, &seen, go_on))?;
    let pictures = pictures(&listed, &seen, &classes);
    let labels = match readable(&listed, &paths, &seen, &groups) {
        Some(readable) => labels::check(&readable, &classes, args, device, interrupt, terminal)?,
        None => crate::report::check_data::Labels::not_checked("no image can be read"),
    };
    let mut of_classes = findings::classes(
        &listed,
        |index| seen[index].is_some(),
        &classes,
        &parts,
        args.min_images,
    );
    of_classes.doubts = notices.doubts;
    let mut report = CheckReport::new(
        &args.data,
        listed.len(),
        findings::parts(&listed, &parts),
        findings::duplicates(&groups, &listed, &classes),
        labels,
        of_classes,
    );
    report.order = notices.order;
    report.passed_over = notices.passed_over;
    report.unreadable = unreadable;
    report.pictures = pictures;
    report.judge();
    Ok(Findings {
        report,
        pictures: Pictures::Files(listed.into_iter().map(|it| it.path).zip(paths).collect()),
    })
}

/// A path as it is in the folder.
fn relative(path: &Path, folder: &Path) -> String {
    let path = path.strip_prefix(folder).unwrap_or(path);
    path.display().to_string()
}

/// What labels are checked of; none where nothing can be read.
fn readable<'a>(
    listed: &'a [Listed],
    paths: &'a [PathBuf],
    seen: &[Option<Looked>],
    groups: &[DuplicateGroup],
) -> Option<Readable<'a>> {
    let mut group_of: Vec<usize> = (0..listed.len()).collect();
    for group in groups {
        for &index in &group.images {
            group_of[index] = group.images[0];
        }
    }
    let indices: Vec<usize> = (0..listed.len()).filter(|&it| seen[it].is_some()).collect();
    let shapes: Vec<Picture> = seen.iter().flatten().map(Looked::picture).collect();
    let side = Sizes::of(&shapes)?.median.into_iter().min()?;
    Some(Readable {
        listed: indices.iter().map(|&it| &listed[it]).collect(),
        paths: indices.iter().map(|&it| paths[it].as_path()).collect(),
        groups: indices.iter().map(|&it| group_of[it]).collect(),
        side: side as usize,
    })
}

/// What is to be said of how pictures look; none where nothing can be read.
fn pictures(
    listed: &[Listed],
    seen: &[Option<Looked>],
    classes: &[String],
) -> Option<PictureFindings> {
    let found: Vec<(&Listed, Picture)> = listed
        .iter()
        .zip(seen)
        .filter_map(|(listed, looked)| Some((listed, looked.as_ref()?.picture())))
        .collect();
    let all: Vec<Picture> = found.iter().map(|&(_, picture)| picture).collect();
    let sizes = Sizes::of(&all)?;
    let coloured = all.iter().filter(|it| !it.grey).count();
    let trained = found.iter().filter(|(it, _)| it.part == Part::Train);
    let [width, height] = sizes.median.map(|side| side as usize);
    let extent = Extent {
        count: trained.count(),
        width,
        height,
        coloured: 2 * coloured > all.len(),
    };
    let networks_see = extent.resolution_from_weights(USUAL);
    let which = |is: &dyn Fn(&Picture) -> bool| -> Vec<_> {
        let such = found.iter().filter(|(_, picture)| is(picture));
        such.map(|(listed, _)| image(listed, classes)).collect()
    };
    let grey = all.len() - coloured;
    let few = grey as f64 <= FEW * all.len() as f64;
    Some(PictureFindings {
        smallest: sizes.smallest,
        median: sizes.median,
        largest: sizes.largest,
        landscape: sizes.landscape,
        portrait: sizes.portrait,
        square: sizes.square,
        turned: sizes.turned,
        grey,
        networks_see,
        blank: which(&|it| it.blank),
        small: which(&|it| 2 * it.width.min(it.height) < networks_see as u32),
        odd_shapes: odd_shapes(&all)
            .into_iter()
            .map(|index| image(found[index].0, classes))
            .collect(),
        grey_among_coloured: match few {
            true => which(&|it| it.grey && !it.blank),
            false => Vec::new(),
        },
    })
}
