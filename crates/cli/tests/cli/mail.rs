//! `[mail]`: what is not right is said beforehand, by `privet check` and at the start, and never with the password.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::Place;

const MAIL: &str = "\n[mail]\nserver = \"localhost\"\nencryption = \"none\"\nport = 1\n";

const FROM: &str = "from = \"privacy@books.example\"\n";
const LOGIN: &str = "user = \"privet\"\npassword_file = \"mail.password\"\n";
const TEXTS: &str = "templates = \"texts\"\n";

/// What is not right, and what is said of it.
const WRONG: [(&[&str], &str); 6] = [
    (&["from = \"privacy\"\n"], "`from`: not an address of mail"),
    (&[FROM, "user = \"privet\"\n"], "`user` needs a password"),
    (
        &[FROM, "password_file = \"mail.password\"\n"],
        "there is a password but no `user`",
    ),
    (
        &[FROM, "seconds_max = 0\n"],
        "`seconds_max` must be 1 to 600",
    ),
    (&[FROM, "authorities = \"nowhere\"\n"], "cannot read `"),
    (
        &[FROM, "user = \"privet\"\npassword_file = \"nowhere\"\n"],
        "cannot read `",
    ),
];

/// A folder with a password and a folder for texts, and its settings without mail.
fn place() -> (Place, String) {
    let place = Place::new();
    place.init(&[]);
    let without = fs::read_to_string(place.dir().join("privet.toml")).unwrap();
    let secret = place.dir().join("mail.password");
    fs::write(&secret, "hunter2\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(place.dir().join("texts")).unwrap();
    (place, without)
}

fn state(place: &Place, without: &str, lines: &[&str]) {
    place.edit("privet.toml", |_| {
        [&[without, MAIL], lines].concat().concat()
    });
}

#[test]
fn what_is_not_right_about_mail_is_said_beforehand() {
    let (place, without) = place();
    let checked = place.run(&["check", "--mail", "ada@mail.example"]);
    let found = "problem: `privet.toml` does not say how mail is sent: add [mail]";
    assert!(checked.stdout.contains(found), "{checked:?}");
    state(&place, &without, &[FROM, LOGIN, TEXTS]);
    place.run(&["check"]).ok();

    for (lines, found) in WRONG {
        state(&place, &without, lines);
        let checked = place.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{checked:?}");
        let problem = "problem: [mail] in `privet.toml` is not right: ";
        let problem = format!("{problem}{found}");
        assert!(checked.stdout.contains(&problem), "{checked:?}");
        // A server says each cause on a line of its own.
        let refused = place.run(&["serve"]).failed();
        for cause in found.split(": ") {
            assert!(refused.contains(cause), "{refused}");
        }
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    state(&place, &without, &[FROM, LOGIN, TEXTS]);
    place.edit("privet.toml", |text| {
        text.replace("localhost", "mail.example")
    });
    let checked = place.run(&["check"]).stdout;
    let found = "mail to `mail.example` must be encrypted";
    assert!(checked.contains(found), "{checked}");
}

#[test]
fn a_text_that_asks_for_what_it_is_not_given_is_named() {
    let (place, without) = place();
    state(&place, &without, &[FROM, TEXTS]);
    let texts = place.dir().join("texts");
    let text = texts.join("access-ready.fr.txt");
    fs::write(&text, "Subject: A\n\n{{ password }}\n").unwrap();
    let checked = place.run(&["check"]).stdout;
    let found = "`access-ready.fr.txt`, line 3: undefined value";
    assert!(checked.contains(found), "{checked}");
    fs::remove_file(&text).unwrap();
    // An editor's lock leads nowhere, and is no text.
    std::os::unix::fs::symlink("ada@desk.1", texts.join(".#access-ready.fr.txt")).unwrap();
    place.run(&["check"]).ok();
}

/// Nobody listens at port 1. Neither address nor password is repeated.
#[test]
fn mail_that_does_not_get_through_is_said() {
    let (place, without) = place();
    state(&place, &without, &[FROM, LOGIN]);
    let checked = place.run(&["check", "--mail", "ada@mail.example"]);
    let found = "problem: the mail server cannot be reached (connection lost): it may work later";
    assert!(checked.stdout.contains(found), "{checked:?}");
    let said = format!("{checked:?}");
    assert!(
        !said.contains("hunter2") && !said.contains("ada@"),
        "{said}"
    );
    let checked = place.run(&["check", "--mail", "ada"]).stdout;
    let found = "problem: not an address of mail";
    assert!(checked.contains(found), "{checked}");
}
