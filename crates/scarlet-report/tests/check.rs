//! The page about a data set.
#![allow(clippy::unwrap_used)]

use scarlet_report::{
    ClassImages, DataCheck, Fact, Finding, PictureGroup, ShownPicture, check_html,
};

fn finding(heading: &str, spoils: bool) -> Finding {
    let picture = |path: &str, thumbnail: Option<&str>| ShownPicture {
        thumbnail: thumbnail.map(str::to_owned),
        path: path.to_owned(),
        note: "cat, train".to_owned(),
    };
    Finding {
        heading: heading.to_owned(),
        meaning: "What it means.".to_owned(),
        spoils,
        sentences: vec!["a <sentence>".to_owned()],
        groups: vec![PictureGroup {
            note: "the same pixels".to_owned(),
            pictures: vec![
                picture("train/cat/1.jpg", Some("data:image/png;base64,AAAA")),
                picture("train/<dog>/2.jpg", Some("javascript:alert(1)")),
                picture("train/none.jpg", None),
            ],
            more: 4,
        }],
        more: 7,
        paths: vec!["x/train/cat/1.jpg".to_owned(), "x/a&b.jpg".to_owned()],
    }
}

fn check() -> DataCheck {
    DataCheck {
        title: "flowers <3".to_owned(),
        lead: "Something was found.".to_owned(),
        figures: vec![Fact::new("images", "2,062")],
        findings: vec![
            finding("3 grey pictures", false),
            finding("2 pictures in several classes", true),
        ],
        parts: vec!["train".to_owned(), "test".to_owned()],
        classes: vec![ClassImages {
            name: "a & b".to_owned(),
            images: vec![150, 57],
        }],
        facts: vec![Fact::new("sizes", "100×100")],
    }
}

#[test]
fn what_spoils_comes_first_and_everything_is_there() {
    let page = check_html(&check());
    let place = |words: &str| {
        let place = page.find(words);
        place.unwrap_or_else(|| panic!("no {words}"))
    };
    assert!(place("2 pictures in several classes") < place("3 grey pictures"));
    assert!(place("Spoils training or evaluation") < place("Worth a look"));
    for words in [
        "<title>flowers &lt;3 – scarlet</title>",
        "a &lt;sentence&gt;",
        "src=\"data:image/png;base64,AAAA\"",
        "and 4 more of the same",
        "and 7 more",
        "The 2 files, to be copied",
        "x/train/cat/1.jpg\nx/a&amp;b.jpg</pre>",
        "<td>a &amp; b</td><td class=\"number\">150</td><td class=\"number\">57</td>",
        "100×100",
    ] {
        place(words);
    }
}

#[test]
fn nothing_runs_and_nothing_is_fetched() {
    let page = check_html(&check());
    for needle in ["<script", "javascript:", "http", "href=", "@import", "url("] {
        assert!(!page.contains(needle), "{needle}");
    }
    assert_eq!(page.matches("src=").count(), 2);
    assert_eq!(page.matches("no picture").count(), 4);
    let nothing = DataCheck {
        findings: Vec::new(),
        ..check()
    };
    assert!(!check_html(&nothing).contains("Worth a look"));
}
