//! Pictures of studies.
#![allow(clippy::unwrap_used)]

use scarlet_report::{
    HeatMap, Plane, PlanePoint, Scatter, Strip, heat_maps_svg, planes_svg, scatters_svg, strips_svg,
};

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

#[test]
fn planes_name_every_point_and_keep_to_one_scale() {
    let point = |label: &str, x, y| PlanePoint {
        label: label.to_owned(),
        at: [x, y],
        marked: label == "L",
    };
    let plane = |title: &str, points| Plane {
        title: title.to_owned(),
        note: "87 % of the variance".to_owned(),
        points,
    };
    let far = plane(
        "identity",
        vec![point("-", 1.0, 0.0), point("E3K3", -1.0, 0.0)],
    );
    let near = plane(
        "a < b",
        vec![point("L", 0.1, 0.0), point("E3K3", 0.1, 0.001)],
    );
    let picture = planes_svg(&[far, near]).unwrap();
    for (words, times) in [
        (">\n-\n", 1),
        (">\nL\n", 1),
        (">\nE3K3\n", 2),
        ("a &lt; b\n", 1),
        ("87 % of the variance\n", 2),
        // The scale, half of 1.3 rounded down.
        (">\n0.5\n", 2),
    ] {
        assert_eq!(picture.matches(words).count(), times, "{words:?}");
    }
    let centres: Vec<i32> = picture
        .split("<circle cx=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
        .collect();
    // A panel is 4 · 320 wide and reaches to 1.3; the second begins 4 · 340 later.
    assert_eq!(centres, [720 + 492, 720 - 492, 2080 + 49, 2080 + 49]);
    let places = |label: &str| -> Vec<&str> {
        let texts = picture.split("<text ").filter(|it| it.contains(label));
        texts.map(|it| it.split('>').next().unwrap()).collect()
    };
    // Points that lie upon each other have their names side by side.
    assert_ne!(places(">\nL\n")[0], places(">\nE3K3\n")[1]);
    assert!(planes_svg(&[]).unwrap().contains("</svg>"));
}
