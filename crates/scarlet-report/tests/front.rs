//! The picture and the table of the front.
#![allow(clippy::unwrap_used)]

use scarlet_report::{front_csv, front_svg};

mod common;

#[test]
fn the_picture_has_a_mark_for_every_network() {
    let run = common::run();
    let picture = front_svg(&run).unwrap();
    let measured = run.search.candidates.iter();
    let measured = measured.filter(|it| it.values[0].is_some()).count();
    // Besides them: two in the legend, and the ring around the chosen one.
    assert_eq!(picture.matches("<circle").count(), measured + 3);
    for words in [
        "Accuracy (%)",
        "Mult-adds (M)",
        "budget 12.00 M",
        "chosen: ",
        "front",
    ] {
        assert!(picture.contains(words), "no `{words}`");
    }
    assert!(picture.contains("prefers-color-scheme:dark"));
    assert!(picture.trim_end().ends_with("</svg>"));
}

#[test]
fn units_suit_what_is_within_the_bounds() {
    let mut run = common::run();
    let over = run.search.candidates.iter_mut().find(|it| !it.feasible);
    over.unwrap().values[1] = Some(5e9);
    assert!(front_svg(&run).unwrap().contains("Mult-adds (M)"));
}

#[test]
fn published_networks_are_drawn_where_they_compare() {
    let mut run = common::run();
    assert!(!front_svg(&run).unwrap().contains("scarlet-a"));
    for reference in &mut run.references {
        reference.comparable = true;
    }
    assert!(front_svg(&run).unwrap().contains("scarlet-a"));
}

#[test]
fn an_empty_search_has_a_picture_too() {
    let mut run = common::run();
    run.search.candidates.clear();
    run.chosen = None;
    let picture = front_svg(&run).unwrap();
    assert!(picture.contains("0 networks"));
}

#[test]
fn the_table_has_a_line_for_every_candidate() {
    let mut run = common::run();
    run.search.candidates[0].values[0] = None;
    let table = front_csv(&run).unwrap();
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some("genome,accuracy,mult_adds,parameters,generation,feasible,on_front,chosen,layers")
    );
    let first = &run.search.candidates[0];
    let start = format!("{},,{},", first.genome, first.values[1].unwrap());
    assert!(lines.next().unwrap().starts_with(&start));
    assert_eq!(table.lines().count(), 1 + run.search.candidates.len());
    assert_eq!(table.matches(",true,true,true,").count(), 1);
}
