//! Pictures of studies.
#![allow(clippy::unwrap_used)]

use scarlet_report::{HeatMap, Scatter, Strip, heat_maps_svg, scatters_svg, strips_svg};

#[test]
fn heat_maps_write_every_value() {
    let map = |title: &str, other| HeatMap {
        title: title.to_owned(),
        labels: vec!["E3K3".to_owned(), "-".to_owned()],
        values: vec![vec![1.0, other], vec![other, 1.0]],
    };
    let picture = heat_maps_svg(&[map("stabilizer", 0.71), map("a < b", -0.25)]).unwrap();
    for (words, times) in [
        (">\n0.71\n", 2),
        (">\n-0.25\n", 2),
        (">\n1.00\n", 4),
        ("a &lt; b\n", 1),
    ] {
        assert_eq!(picture.matches(words).count(), times, "{words:?}");
    }
    // Ground and shade of 8 cells, and the paper.
    assert_eq!(picture.matches("<rect").count(), 17);
    assert!(heat_maps_svg(&[]).unwrap().contains("</svg>"));
}

#[test]
fn strips_have_a_dot_per_value() {
    let strip = |title: &str, values: &[f64]| Strip {
        title: title.to_owned(),
        values: values.to_vec(),
    };
    let strips = [
        strip("stabilizer\nfair", &[80.0, 81.0, 83.0]),
        strip("identity", &[79.0]),
    ];
    let picture = strips_svg("Accuracy (%)", &strips).unwrap();
    assert_eq!(picture.matches("<circle").count(), 4);
    for words in ["stabilizer\n", "fair\n", "identity\n", "Accuracy (%)\n"] {
        assert!(picture.contains(words), "{words:?}");
    }
    assert!(strips_svg("none", &[]).unwrap().contains("</svg>"));
}

#[test]
fn scatters_have_a_dot_per_point_and_say_their_figure() {
    let scatter = |title: &str| Scatter {
        title: title.to_owned(),
        note: "tau 0.71".to_owned(),
        points: vec![(1.0, 2.0), (2.0, 4.0), (3.0, 3.0)],
    };
    let panels = ["a", "b", "c"].map(scatter);
    let picture = scatters_svg("one-shot (%)", "alone (%)", 2, &panels).unwrap();
    assert_eq!(picture.matches("<circle").count(), 9);
    assert_eq!(picture.matches("tau 0.71\n").count(), 3);
    assert!(picture.contains("viewBox=\"0 0 2400 2160\""));
    assert!(scatters_svg("x", "y", 0, &[]).unwrap().contains("</svg>"));
}
