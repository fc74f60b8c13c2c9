//! The page as one file, with the network inside it.

use std::fs;

use serde_json::{Value, json};

use crate::browser::{self, Page};
use crate::common::{copy_photograph, root, scarlet, scarlet_tiny};

#[test]
fn a_page_without_an_engine_says_where_one_is_had() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (page, engine) = (at("demo.html"), at("engine"));
    let command = ["demo", "--html", &page, "--engine", &engine];
    let failed = scarlet_tiny(10, &command);
    assert_eq!(failed.code, 1);
    let missing = format!("{} cannot be read: ", at("engine/package.json"));
    assert!(failed.stderr.contains(&missing), "{}", failed.stderr);
    assert!(failed.stderr.contains("web/build.sh"), "{}", failed.stderr);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let both = scarlet(["demo", "--html", &page, "--port", "0"]);
    assert_eq!(both.code, 2, "{}", both.stderr);
}

/// What the page says about a photograph, by its name.
fn answers(page: &mut Page, name: &str) -> Value {
    page.value(&format!(
        "[...document.querySelectorAll('article[aria-label=\"{name}\"] li')].map((it) =>
            [...it.querySelectorAll('span.name, span.share')].map((it) => it.textContent))"
    ))
}

#[test]
#[ignore = "needs the engine for browsers, which web/build.sh makes"]
fn a_page_by_itself_answers_as_predict_does() {
    let Some(browser) = browser::find() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).display().to_string();
    // Names that would end a script, or a text in one.
    let names: Vec<String> = (0..10)
        .map(|class| format!("</script> \"{class}\" <!--\n"))
        .collect();
    fs::write(at("names.txt"), names.concat()).unwrap();
    let (network, names) = (text("tiny.scarlet"), text("names.txt"));
    let deployed = scarlet_tiny(10, &["deploy", &network, "--seed", "3"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    for photo in ["coffee.png", "chelsea.png"] {
        copy_photograph(photo, &at(photo));
    }
    fs::write(at("notes.txt"), "hello").unwrap();
    let engine = root().join("web").display().to_string();
    let html = text("demo.html");
    let subject = ["--weights", &network, "--classes", &names, "--top-k", "3"];
    let command = ["demo", "--html", &html, "--engine", &engine];
    let written = scarlet(command.iter().chain(&subject));
    assert_eq!(written.code, 0, "{}", written.stderr);

    let mut page = Page::open(&browser, &format!("file://{html}"));
    page.wait_for("document.querySelector('#classes')?.hidden === false");
    let paths = ["coffee.png", "chelsea.png", "notes.txt"].map(at);
    page.choose("#files", &paths.each_ref().map(|path| path.as_path()));
    page.wait_for("document.querySelectorAll('.done, .refused').length === 3");
    for photo in ["coffee.png", "chelsea.png"] {
        let path = text(photo);
        let predict = ["predict", &path, "--json"];
        let predicted = scarlet(predict.iter().chain(&subject)).json();
        let predictions = predicted["photographs"][0]["predictions"].as_array();
        let expected: Vec<Value> = predictions
            .unwrap()
            .iter()
            .map(|it| {
                let share = 100.0 * it["probability"].as_f64().unwrap();
                json!([it["name"], format!("{share:.1} %")])
            })
            .collect();
        assert_eq!(expected.len(), 3);
        assert_eq!(answers(&mut page, photo), json!(expected));
    }
    assert_eq!(answers(&mut page, "notes.txt"), json!([]));
    let refused = page.value("document.querySelector('.refused p').textContent");
    assert!(
        refused
            .as_str()
            .unwrap()
            .contains("cannot show notes.txt as a picture")
    );
    for width in [400, 1400] {
        assert_eq!(page.wider_than(width), json!([width]));
    }
    // Neither the page's own rules nor its scripts had anything to complain of, and nothing was asked for.
    assert_eq!(page.complaints, Vec::<Value>::new());
    let asked =
        page.value("performance.getEntriesByType('resource').map((it) => it.name.slice(0, 5))");
    let outside = asked
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| *it != "data:" && *it != "blob:");
    assert_eq!(outside.count(), 0, "{asked}");
}
