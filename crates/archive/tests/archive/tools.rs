//! The archive through the tools that others open it with: Python's `zipfile` and `csv`, and validators of bags, data packages
//! and JSON Schema. What is not installed is said and left out (`./test` installs it).

use std::path::{Path, PathBuf};
use std::process::Command;

use privet_archive::Language;

use crate::shop;
use crate::written;

/// The archive as a file that tools open.
fn zip_file(language: Language) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("personal-data-{}.zip", language.tag()));
    std::fs::write(&file, written(&shop::archive(language))).unwrap();
    file
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let [said, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{said}{error}");
    said
}

#[test]
fn python() {
    let script = r#"
import csv, io, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    names = archive.namelist()
    folder = "personal-data-2026-11-26/"
    assert names[0] == folder + "index.html", names
    assert all(name.startswith(folder) for name in names)
    assert {info.date_time for info in archive.infolist()} == {(2026, 11, 26, 16, 30, 10)}
    rows = 0
    for name in names:
        if not name.endswith(".csv"): continue
        text = archive.read(name).decode("utf-8-sig")
        cells = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        lines = archive.read(name[:-3] + "jsonl").decode().split("\n")[:-1]
        assert len(cells) == len(lines) + 1, name
        for line, row in zip(lines, cells[1:]):
            exact = json.loads(line)
            assert len(exact) == len(row), name
            rows += 1
            for value, cell in zip(exact.values(), row):
                if value is None: assert cell == ""
                elif isinstance(value, bool): assert cell == str(value).lower()
                elif isinstance(value, (int, float)): assert float(cell) == float(value)
                elif isinstance(value, str):
                    assert not cell.startswith(tuple("=@\t\r\n")), cell
                    if value.isprintable() and value[:1] not in tuple("=+-@") and ";" not in value: assert cell == value
    print(rows, "rows")
"#;
    let mut command = Command::new("/usr/bin/python3");
    let said = succeeds(
        command
            .args(["-c", script])
            .arg(zip_file(Language::English)),
    );
    assert_eq!(said.trim(), "1315 rows");
}

#[test]
fn validators() {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("archives/bin/python");
    let has = Command::new(&python)
        .args(["-c", "import bagit, frictionless, jsonschema"])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("left out: `bagit`, `frictionless` and `jsonschema` are not installed");
        return;
    }
    let script = r#"
import json, pathlib, sys, tempfile, zipfile
import bagit, frictionless, jsonschema
with tempfile.TemporaryDirectory() as folder:
    zipfile.ZipFile(sys.argv[1]).extractall(folder)
    [bag] = pathlib.Path(folder).iterdir()
    bagit.Bag(str(bag)).validate()
    package = json.loads((bag / "datapackage.json").read_text())
    report = frictionless.validate(str(bag / "datapackage.json"))
    assert report.valid, report.to_summary()
    checked = lines = 0
    for schema in sorted(bag.glob("schema/*.schema.json")):
        description = json.loads(schema.read_text())
        jsonschema.Draft202012Validator.check_schema(description)
        validator = jsonschema.Draft202012Validator(description)
        name = schema.name.removesuffix(".schema.json")
        for line in (bag / "data" / (name + ".jsonl")).read_bytes().split(b"\n")[:-1]:
            validator.validate(json.loads(line))
            lines += 1
        checked += 1
    # What does not fit is seen.
    assert not validator.is_valid({"another": 1})
    (bag / "data" / "shop.note.jsonl").write_text("{}\n")
    try: bagit.Bag(str(bag)).validate(); raise SystemExit("a changed bag is valid")
    except bagit.BagValidationError: pass
    print(checked, "schemas,", lines, "lines,", len(package["resources"]), "resources,", len(report.tasks), "tasks")
"#;
    for language in [Language::English, Language::German] {
        let mut command = Command::new(&python);
        let said = succeeds(command.args(["-c", script]).arg(zip_file(language)));
        assert_eq!(said.trim(), "6 schemas, 1315 lines, 11 resources, 11 tasks");
    }
}
