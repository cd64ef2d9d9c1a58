//! The two ways to write an address: `postgresql://…` and `key=value …`, as libpq reads them.
//!
//! Nothing of the text is repeated in an error: a quote that is missing makes a password look like a key.

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::Error;

/// What an address says, in order; the last of a name counts.
pub(super) type Parameters = Vec<(String, Zeroizing<String>)>;

/// Reads either form.
pub(super) fn parameters(text: &str) -> Result<Parameters, Error> {
    let url = ["postgresql://", "postgres://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match url {
        Some(rest) => url_parameters(rest),
        None if text.contains("://") => Err(wrong(
            "its scheme is unknown: write postgresql://USER@HOST/DATABASE",
        )),
        None => pairs(text),
    }
}

fn wrong(why: &str) -> Error {
    Error::Address(why.to_owned())
}

/// `[user[:password]@][host[:port],…][/database][?key=value&…]`
fn url_parameters(rest: &str) -> Result<Parameters, Error> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let mut found = Parameters::new();
    let hosts = match authority.split_once('@') {
        None => authority,
        Some((_, hosts)) if hosts.contains('@') => {
            return Err(wrong("an `@` in a user or a password is written `%40`"));
        }
        Some((who, hosts)) => {
            let (user, password) = who.split_once(':').unwrap_or((who, ""));
            push(&mut found, "user", user)?;
            push(&mut found, "password", password)?;
            hosts
        }
    };
    if !hosts.is_empty() {
        let (mut names, mut ports) = (Vec::new(), Vec::new());
        for host in hosts.split(',') {
            let (name, port) = host_and_port(host)?;
            names.push(name);
            ports.push(port);
        }
        push(&mut found, "host", &names.join(","))?;
        push(&mut found, "port", &ports.join(","))?;
    }
    push(&mut found, "dbname", database)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| wrong("a parameter after the `?` has no `=`"))?;
        push(&mut found, key, value)?;
    }
    Ok(found)
}

/// An IPv6 address stands in brackets.
fn host_and_port(host: &str) -> Result<(&str, &str), Error> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(bracketed) => bracketed
            .split_once(']')
            .ok_or_else(|| wrong("a `[` of an IPv6 address has no `]`"))?,
        None => match host.find(':') {
            Some(colon) => host.split_at_checked(colon).unwrap_or((host, "")),
            None => (host, ""),
        },
    };
    match rest.strip_prefix(':') {
        Some(port) => Ok((name, port)),
        None if rest.is_empty() => Ok((name, "")),
        None => Err(wrong("what follows the `]` of an IPv6 address is no port")),
    }
}

/// What is empty was not said.
fn push(found: &mut Parameters, key: &str, value: &str) -> Result<(), Error> {
    let decode = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| wrong("what its `%` stand for is not UTF-8"))
    };
    if !value.is_empty() {
        found.push((decode(key)?, Zeroizing::new(decode(value)?)));
    }
    Ok(())
}

/// `key = value`, `key='it''s quoted with \' and \\'`, separated by white space.
fn pairs(text: &str) -> Result<Parameters, Error> {
    let mut found = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=').ok_or_else(|| {
            wrong("a parameter has no `=`: write `key=value key='another value'`")
        })?;
        let (value, behind) = value(behind.trim_start())?;
        if !value.is_empty() {
            found.push((key.trim_end().to_owned(), value));
        }
        rest = behind.trim_start();
    }
    Ok(found)
}

fn value(text: &str) -> Result<(Zeroizing<String>, &str), Error> {
    let (quoted, text) = match text.strip_prefix('\'') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let mut value = Zeroizing::new(String::new());
    let mut characters = text.chars();
    loop {
        let before = characters.as_str();
        match characters.next() {
            Some('\\') => match characters.next() {
                Some(escaped) => value.push(escaped),
                None => return Err(wrong("nothing follows its last `\\`")),
            },
            Some('\'') if quoted => return Ok((value, characters.as_str())),
            Some(character) if !quoted && character.is_whitespace() => return Ok((value, before)),
            Some(character) => value.push(character),
            None if quoted => return Err(wrong("a quoted value has no end")),
            None => return Ok((value, "")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        match parameters(text) {
            Ok(found) => found
                .iter()
                .map(|(key, value)| format!("{key}={}", value.as_str()))
                .collect::<Vec<_>>()
                .join(" | "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn urls_are_read() {
        assert_eq!(
            check("postgresql://me:a%40b@h1:1,[::1]:2,h3/db?sslmode=disable&options=-c%20a%3Db"),
            "user=me | password=a@b | host=h1,::1,h3 | port=1,2, | dbname=db | sslmode=disable | options=-c a=b"
        );
        assert_eq!(
            check("postgres:///db?host=/var/run"),
            "dbname=db | host=/var/run"
        );
        assert_eq!(check("postgres://me@%2Frun"), "user=me | host=/run");
    }

    #[test]
    fn pairs_are_read() {
        assert_eq!(
            check(r" host = h1,h2  password='it\'s \\ secret' user=a\ b dbname=''"),
            r"host=h1,h2 | password=it's \ secret | user=a b"
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_it() {
        for text in [
            "postgresql://me:sec@ret@host/db",
            "postgresql://me:secret@[::1/db",
            "postgresql://me:secret@[::1]x/db",
            "postgresql://me:secret@host/db?sslmode",
            "postgresql://me:secret%ff@host/db",
            "mysql://me:secret@host/db",
            "user=me password='secret",
            "user=me password secret",
            "password=secret\\",
        ] {
            let said = check(text);
            assert!(
                said.starts_with("the database's address is not right"),
                "{text}: {said}"
            );
            assert!(!said.contains("sec"), "{text}: {said}");
        }
    }
}
