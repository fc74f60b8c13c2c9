//! What a network sees on a photograph: `open FILE PHOTO`, where FILE is a deployed network (.scarlet) or
//! weights that scarlet wrote (.safetensors).

use std::error::Error;

use scarlet_engine::{Classifier, DeployOptions, predictions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, photo] = arguments.as_slice() else {
        return Err("usage: open FILE PHOTO".into());
    };
    let mut classifier = Classifier::open(file, &DeployOptions::new())?;
    let logits = classifier.classify_file(photo)?.to_vec();
    for best in predictions(&logits, classifier.temperature(), 5) {
        let number = best.class.to_string();
        let name = classifier.class_name(best.class).unwrap_or(&number);
        println!("{:6.2} %  {name}", 100.0 * best.probability);
    }
    Ok(())
}
