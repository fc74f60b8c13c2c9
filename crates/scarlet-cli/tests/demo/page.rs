//! The page in a browser.

use std::path::Path;

use serde_json::{Value, json};

use crate::browser::{self, Page};
use crate::common::{copy_photograph, scarlet, write_damaged_photograph};
use crate::served::{Served, random};

/// What the page says about a photograph, by its name.
fn card(page: &mut Page, name: &str) -> Value {
    page.value(&format!(
        "(() => {{
            const card = document.querySelector('article[aria-label=\"{name}\"]');
            return {{
                kind: card.className,
                answers: [...card.querySelectorAll('li')].map((it) =>
                    [...it.querySelectorAll('span.name, span.share')].map((it) => it.textContent)),
                widths: [...card.querySelectorAll('.bar i')].map((it) => it.style.width),
                side: card.querySelector('img')?.naturalWidth,
                note: card.querySelector('p')?.textContent,
            }};
        }})()"
    ))
}

/// The most probable class as the page is to have it.
fn expected(photo: &Path) -> [String; 2] {
    let photo = photo.to_str().unwrap();
    let arguments = ["predict", photo, "--json"].into_iter().chain(random(1000));
    let json = scarlet(arguments).json();
    let best = &json["photographs"][0]["predictions"][0];
    let share = 100.0 * best["probability"].as_f64().unwrap();
    [
        best["name"].as_str().unwrap().to_owned(),
        format!("{share:.1} %"),
    ]
}

#[test]
fn photographs_are_answered_on_the_page() {
    let Some(browser) = browser::find() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}.png", "a-name-without-a-blank".repeat(8));
    let [coffee, cat, damaged] =
        ["coffee.png", &long, "damaged.jpg"].map(|name| folder.path().join(name));
    copy_photograph("coffee.png", &coffee);
    copy_photograph("chelsea.png", &cat);
    write_damaged_photograph(&damaged);
    let served = Served::start(&random(1000));
    let address = format!("http://{}/", served.address);
    let mut page = Page::open(&browser, &address);
    page.wait_for("document.querySelector('#classes')?.hidden === false");
    let about = page.value("document.querySelector('#about').textContent");
    assert!(
        about
            .as_str()
            .unwrap()
            .starts_with("Knows 1,000 classes, sees 64×64 pixels"),
        "{about}"
    );

    page.choose("#files", &[&coffee, &cat, &damaged]);
    page.wait_for("document.querySelectorAll('.done, .refused').length === 3");
    let seen = card(&mut page, "coffee.png");
    assert_eq!(seen["kind"], "done");
    assert_eq!(seen["answers"].as_array().unwrap().len(), 5);
    assert_eq!(seen["answers"][0], json!(expected(&coffee)));
    assert_eq!(seen["side"], 64);
    let width = seen["widths"][0].as_str().unwrap().trim_end_matches('%');
    let share = seen["answers"][0][1]
        .as_str()
        .unwrap()
        .trim_end_matches(" %");
    let [width, share] = [width, share].map(|it| it.parse::<f64>().unwrap());
    assert!((width - share).abs() < 0.051, "{width} {share}");
    // Where it saw that, and then another class.
    let canvas = "document.querySelector('article[aria-label=\"coffee.png\"] canvas')";
    page.wait_for(&format!("{canvas} !== null"));
    let second = "document.querySelectorAll('article[aria-label=\"coffee.png\"] .answer')[1]";
    page.value(&format!("{canvas}.remove(), {second}.click()"));
    page.wait_for(&format!("{canvas} !== null"));
    let pressed = page.value(&format!("{second}.getAttribute('aria-pressed')"));
    assert_eq!(pressed, "true");
    let caption = page.value("document.querySelector('.place figcaption').textContent");
    let second = seen["answers"][1][0].as_str().unwrap();
    assert!(caption.as_str().unwrap().ends_with(second), "{caption}");
    let note = seen["note"].as_str().unwrap();
    assert!(note.ends_with("to read and crop 600×400 pixels"), "{note}");
    let refused = card(&mut page, "damaged.jpg");
    assert_eq!(refused["kind"], "refused");
    assert!(refused["note"].as_str().unwrap().contains("is damaged"));
    for width in [400, 1400] {
        assert_eq!(page.wider_than(width), json!([width]));
    }

    // What is dropped goes the same way, be it what it may; so does the camera.
    page.value(
        "(() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(['hello'], 'notes.txt'));
            dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
        })()",
    );
    page.value("document.querySelector('#camera-open').click()");
    page.wait_for("!document.querySelector('#camera').hidden");
    page.value("document.querySelector('#camera-take').click()");
    page.wait_for("document.querySelectorAll('.done, .refused').length === 5");
    let refused = card(&mut page, "notes.txt");
    assert!(
        refused["note"]
            .as_str()
            .unwrap()
            .contains("is not an image")
    );
    assert_eq!(card(&mut page, "camera 1")["kind"], "done");
    // 422 is an answer to the page, and an error to the browser's log.
    page.complaints.retain(|it| {
        !it["entry"]["text"]
            .as_str()
            .unwrap_or_default()
            .contains("422")
    });
    assert_eq!(page.complaints, Vec::<Value>::new());
}

#[test]
fn the_page_waits_for_a_program_that_has_gone() {
    let Some(browser) = browser::find() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let coffee = folder.path().join("coffee.png");
    copy_photograph("coffee.png", &coffee);
    let mut served = Served::start(&random(1000));
    let address = served.address.clone();
    let mut page = Page::open(&browser, &format!("http://{address}/"));
    page.wait_for("document.querySelector('#classes')?.hidden === false");
    assert_eq!(served.interrupt().0, 0);

    page.choose("#files", &[&coffee]);
    page.wait_for("!document.querySelector('#gone').hidden");
    assert_eq!(card(&mut page, "coffee.png")["kind"], "working");
    let again = "document.querySelector('#again').click()";
    page.value(again);
    page.wait_for("document.querySelector('#said').textContent.includes('still does not')");

    let _served = Served::start_at(address.rsplit(':').next().unwrap(), &random(1000));
    page.value(again);
    page.wait_for("document.querySelector('.done') !== null");
    assert_eq!(page.value("document.querySelector('#gone').hidden"), true);
    assert_eq!(
        card(&mut page, "coffee.png")["answers"][0],
        json!(expected(&coffee))
    );
}
