use std::fs;
use std::path::Path;

use crate::ClassOrder;
use crate::dataset::{JudgedTable, LabelSets, Labels, Location, PhotographList, PhotographParts};

/// A folder with photographs that are never decoded and these CSV files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for photograph in ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "sub/f.jpg"] {
        let path = root.path().join(photograph);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, photograph).unwrap();
    }
    for (name, text) in files {
        fs::write(root.path().join(name), text).unwrap();
    }
    root
}

fn parts(root: &Path, name: &str) -> Result<PhotographParts, String> {
    let parts = PhotographParts::of_table(&root.join(name), ClassOrder::Natural);
    parts.map_err(|error| error.to_string())
}

fn sets(list: &PhotographList) -> Vec<&[u32]> {
    match list.labels() {
        Labels::Several(sets) => sets.iter().collect(),
        Labels::One(_) => panic!("labels are sets"),
    }
}

/// What is said of a file that is refused.
fn refused(text: &str) -> String {
    let root = folder(&[("labels.csv", text)]);
    let error = parts(root.path(), "labels.csv").unwrap_err();
    error.replace(&format!("{}/", root.path().display()), "")
}

#[test]
fn one_column_lists_the_labels() {
    for separator in [" ", "  ", ";", "; ", "|", " | "] {
        let join = |a: &str, b: &str| format!("{a}{separator}{b}");
        let text = format!(
            "path,labels\na.jpg,{}\nb.jpg,{}\nc.jpg,\nsub/f.jpg,{}\n",
            join("dog", "cat"),
            join("cat", "dog"),
            join("bird", "bird"),
        );
        let text = text + "d.jpg,bird\n";
        let root = folder(&[("labels.csv", &text)]);
        let found = parts(root.path(), "labels.csv").unwrap();
        assert_eq!(found.train.classes(), ["bird", "cat", "dog"]);
        let expected: [&[u32]; 5] = [&[1, 2], &[1, 2], &[], &[0], &[0]];
        assert_eq!(sets(&found.train), expected, "{separator:?}");
        assert!(found.train.paths()[3].ends_with("sub/f.jpg"));
        assert_eq!((found.validation, found.test), (None, None));
    }
}

#[test]
fn labels_with_blanks_need_another_separator() {
    let text = "image,tags\na.jpg,red car;tree\nb.jpg,red car\nc.jpg,tree\n";
    let root = folder(&[("labels.csv", text)]);
    let found = parts(root.path(), "labels.csv").unwrap();
    assert_eq!(found.train.classes(), ["red car", "tree"]);
    // Where the network's classes have blanks, blanks separate nothing.
    fs::write(root.path().join("one.csv"), "path,labels\nb.jpg,red car\n").unwrap();
    let classes = found.train.classes();
    let judged = JudgedTable::read(&root.path().join("one.csv"), classes).unwrap();
    assert_eq!(
        judged.list.labels(),
        Labels::Several(&LabelSets::new([vec![0]]))
    );
}

#[test]
fn or_every_class_has_a_column() {
    let text =
        "\u{feff}file,10,2,1\r\na.jpg,1,0,1.0\r\nb.jpg,0,1,0\r\nc.jpg,1,1,1\r\nd.jpg,0,0,0\r\n";
    let root = folder(&[("labels.csv", text)]);
    let found = parts(root.path(), "labels.csv").unwrap();
    assert_eq!(found.train.classes(), ["1", "2", "10"]);
    let expected: [&[u32]; 4] = [&[0, 2], &[1], &[0, 1, 2], &[]];
    assert_eq!(sets(&found.train), expected);
    let bytes = PhotographParts::of_table(&root.path().join("labels.csv"), ClassOrder::Bytes);
    assert_eq!(bytes.unwrap().train.classes(), ["1", "10", "2"]);
}

#[test]
fn parts_come_from_a_column_or_from_files() {
    let train = "path,labels\na.jpg,x y\nb.jpg,x y\n";
    let root = folder(&[
        ("train.csv", train),
        ("valid.csv", "path,labels\nc.jpg,y\n"),
        ("test.csv", "path,labels\nd.jpg,x\ne.jpg,\n"),
        (
            "labels.csv",
            "path,split,labels\na.jpg,train,x y\nb.jpg,Train,x y\nc.jpg,val,y\nd.jpg,test,x\ne.jpg,test,\n",
        ),
    ]);
    for name in ["train.csv", "labels.csv"] {
        let found = parts(root.path(), name).unwrap();
        let length = |list: &Option<PhotographList>| list.as_ref().map(PhotographList::len);
        assert_eq!(found.train.len(), 2, "{name}");
        assert_eq!(
            (length(&found.validation), length(&found.test)),
            (Some(1), Some(2))
        );
        let missing = found.notices.doubts.concat();
        assert!(
            missing.contains("`val` has no image of class `x`"),
            "{missing}"
        );
    }
    let error = parts(root.path(), "test.csv").unwrap_err();
    assert!(
        error.contains("is the test part next to `train.csv`: give that file"),
        "{error}"
    );

    let classes = ["x", "y"].map(str::to_owned);
    let judged = |name: &str| JudgedTable::read(&root.path().join(name), &classes).unwrap();
    for (name, part, images) in [
        ("labels.csv", Some("test"), 2),
        ("test.csv", Some("test"), 2),
        ("valid.csv", Some("validation"), 1),
        ("train.csv", None, 2),
    ] {
        let found = judged(name);
        assert_eq!((found.part, found.list.len()), (part, images), "{name}");
    }
    let classes = ["x".to_owned()];
    let error = JudgedTable::read(&root.path().join("valid.csv"), &classes).unwrap_err();
    assert!(error.to_string().contains("line 2 of"), "{error}");
    assert!(
        error.to_string().contains("`y` is no class of the network"),
        "{error}"
    );
}

#[test]
fn lines_that_do_not_fit_say_where_and_how_to_mend_it() {
    for (text, said) in [
        (
            "path,labels\na.jpg,x\nz.jpg,y\ny.jpg,\n",
            "line 3 of `labels.csv`: there is no file `z.jpg`, nor that of 1 more line",
        ),
        (
            "path,labels\na.jpg,x\nb.jpg,x\n\na.jpg,y\n",
            "line 5 of `labels.csv`: `a.jpg` is listed on line 2 already",
        ),
        (
            "path,labels\na.jpg,x,y\n",
            "line 2 of `labels.csv`: it has 3 fields, but the first line has 2",
        ),
        (
            "path,labels\n,x\n",
            "line 2 of `labels.csv`: it names no photograph",
        ),
        (
            "path,split,labels\na.jpg,trian,x\n",
            "line 2 of `labels.csv`: its split is `trian`, but there are",
        ),
        (
            "path,split,labels\na.jpg,test,x\n",
            "no line is of the split `train`",
        ),
        (
            "path,x,y\na.jpg,1,2\n",
            "line 2 of `labels.csv`: column `y` has `2`, but the column of a class has 0 or 1",
        ),
        (
            "path,x,\na.jpg,1,0\n",
            "line 1 of `labels.csv`: column 3 has no name",
        ),
        (
            "path,x,x\na.jpg,1,0\n",
            "line 1 of `labels.csv`: two columns are called `x`",
        ),
        (
            "a.jpg,x\nb.jpg,y\n",
            "line 1 of `labels.csv`: `a.jpg` is a photograph, but the first line names",
        ),
        ("path\na.jpg\n", "has no column for labels"),
        ("path,labels\n", "lists no photographs"),
        ("", "has no column for labels"),
        ("path,labels\na.jpg,\n", "no training image has a label"),
        (
            "path,labels\na.jpg,x;y|z\n",
            "line 2 of `labels.csv`: `x;y` is no label",
        ),
        (
            "path,labels\na.jpg,x y\nb.jpg,x\n",
            "class `y` has only 1 image",
        ),
        (
            "path,x,y\na.jpg,1,0\nb.jpg,1,0\n",
            "class `y` has only 0 images",
        ),
        (
            "path,split,labels\na.jpg,train,x\nb.jpg,train,x\nc.jpg,val,X\n",
            "line 4 of `labels.csv`: `X` is no label of the training images (there is `x`): correct it",
        ),
    ] {
        let found = refused(text);
        assert!(found.contains(said), "{text:?}: {found}");
    }
    let root = folder(&[]);
    fs::write(
        root.path().join("labels.csv"),
        b"path,labels\na.jpg,caf\xe9\n",
    )
    .unwrap();
    let error = parts(root.path(), "labels.csv").unwrap_err();
    assert!(
        error.contains("line 2") && error.contains("not UTF-8"),
        "{error}"
    );
}

#[test]
fn columns_beside_the_list_are_passed_over_and_names_alike_are_doubted() {
    let text = "path,width,labels\na.jpg,640,x X\nb.jpg,320,x X\n";
    let root = folder(&[("labels.csv", text)]);
    let doubts = parts(root.path(), "labels.csv")
        .unwrap()
        .notices
        .doubts
        .concat();
    assert!(
        doubts.contains("column `width` of `labels.csv` is not used"),
        "{doubts}"
    );
    assert!(
        doubts.contains("`X` and `x` are treated as 2 labels"),
        "{doubts}"
    );
}

#[test]
fn a_csv_file_is_a_table_and_its_images_have_no_single_class() {
    let root = folder(&[("labels.CSV", "path,labels\n")]);
    let location = Location::find(root.path().join("labels.CSV")).unwrap();
    assert!(matches!(location, Location::Table(_)));
    let error = location.images().unwrap_err().to_string();
    assert!(error.contains("exactly one class per image"), "{error}");
    let error = Location::find(root.path().join("other.csv"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("there is no file `"), "{error}");
    assert!(error.ends_with("one folder of images per class"), "{error}");
}
