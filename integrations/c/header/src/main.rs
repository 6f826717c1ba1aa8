//! Makes what is made of librectify's source: `src/double.rs`, which is `src/float.rs` over the other type, and
//! `include/rectify.h`. With `--check` it writes nothing, and fails where a file is not what it would write.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

const MADE: &str = "//! Made of `float.rs` by `header`: not to be edited.\n//!\n";

fn main() -> ExitCode {
    let only_check = match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [argument] if argument == "--check" => true,
        other => {
            eprintln!("unknown arguments {other:?}: there is `--check`, and nothing else");
            return ExitCode::FAILURE;
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let float = fs::read_to_string(root.join("src/float.rs")).expect("float.rs is there");
    let mut current = keep(&root.join("src/double.rs"), &double(&float), only_check);
    // Of the files as they are now, `double.rs` among them.
    let header = header(&root);
    current &= keep(&root.join("include/rectify.h"), &header, only_check);
    if current {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Whether the file has this text, or has it now.
fn keep(file: &Path, text: &str, only_check: bool) -> bool {
    if fs::read_to_string(file).is_ok_and(|before| before == text) {
        return true;
    }
    if only_check {
        eprintln!(
            "{} is stale: `header` without `--check` makes it anew",
            file.display()
        );
        return false;
    }
    fs::write(file, text).expect("it can be written");
    println!("written: {}", file.display());
    true
}

fn double(float: &str) -> String {
    MADE.to_owned() + &float.replace("f32", "f64").replace("`float`", "`double`")
}

fn header(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("a configuration");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in ["status", "flags", "tier", "activation", "float", "double"] {
        builder = builder.with_src(root.join("src").join(file).with_extension("rs"));
    }
    let mut header = Vec::new();
    builder
        .generate()
        .expect("the source can be read")
        .write(&mut header);
    let header = String::from_utf8(header).expect("text");
    // What a caller owes stands once, at the top.
    let mut text = String::new();
    let mut in_safety = false;
    for line in header.lines() {
        in_safety = (in_safety || line.trim() == "* # Safety") && line.trim() != "*/";
        if !in_safety {
            text += line.trim_end();
            text.push('\n');
        }
    }
    text.replace(" *\n */", " */")
}
