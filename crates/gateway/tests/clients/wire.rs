//! Bytes on the wire, as no decent client would send them.

use std::time::Duration;

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Case;
use crate::world::{World, run};

pub(crate) const CASES: &[Case] = &[
    (
        "wire::hostile_first_messages_end_the_connection",
        hostile_first,
    ),
    ("wire::nothing_is_served_before_login", before_login),
    (
        "wire::tls_and_gss_requests_are_answered_no",
        encryption_requests,
    ),
    ("wire::protocol_versions_are_negotiated", versions),
    ("wire::hostile_messages_after_login", hostile_after),
    ("wire::frames_in_single_bytes", single_bytes),
    (
        "wire::function_calls_and_copies_are_refused",
        function_calls,
    ),
    ("wire::an_error_skips_to_sync", skips_to_sync),
    ("wire::a_pipeline_stands_or_falls_together", pipeline),
    ("wire::wrong_cancel_keys_stop_nothing", wrong_cancel),
    ("wire::slow_clients_are_let_go", slow),
    ("wire::there_are_limits_of_clients", limits),
    (
        "wire::oversized_messages_are_refused_and_the_work_goes_on",
        oversized,
    ),
    ("wire::random_bytes_break_nothing", random_bytes),
];

/// A client that sends what it is told to.
pub(crate) struct Raw {
    stream: TcpStream,
}

/// A received frame.
pub(crate) type Frame = (char, Vec<u8>);

pub(crate) fn frame(tag: char, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(tag).unwrap()];
    bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

fn untagged(words: &[u32], rest: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(4 + 4 * words.len() + rest.len())
        .unwrap()
        .to_be_bytes()
        .to_vec();
    words
        .iter()
        .for_each(|word| bytes.extend(word.to_be_bytes()));
    bytes.extend(rest);
    bytes
}

fn startup(version: u32, user: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut rest = Vec::new();
    for (name, value) in [("user", user), ("database", "shop")].iter().chain(more) {
        rest.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    rest.push(0);
    untagged(&[version], &rest)
}

pub(crate) fn parse(name: &str, sql: &str) -> Vec<u8> {
    frame('P', format!("{name}\0{sql}\0\0\0").as_bytes())
}

pub(crate) fn bind(portal: &str, statement: &str) -> Vec<u8> {
    frame(
        'B',
        format!("{portal}\0{statement}\0\0\0\0\0\0\0").as_bytes(),
    )
}

pub(crate) fn execute(portal: &str) -> Vec<u8> {
    frame('E', format!("{portal}\0\0\0\0\0").as_bytes())
}

pub(crate) fn query(sql: &str) -> Vec<u8> {
    frame('Q', format!("{sql}\0").as_bytes())
}

const VERSION: u32 = 0x0003_0000;

impl Raw {
    async fn open(world: &World) -> Self {
        Self {
            stream: TcpStream::connect(world.address).await.unwrap(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // The other side may have had enough already.
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next frame; `None` when the connection ends.
    async fn receive(&mut self) -> Option<Frame> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((char::from(head[0]), body))
    }

    /// Everything up to ReadyForQuery, as tags with the SQLSTATEs of errors.
    pub(crate) async fn answers(&mut self) -> String {
        let mut text = String::new();
        while let Some((tag, body)) = self.receive().await {
            text.push(tag);
            if tag == 'E' {
                text.push_str(&format!("({})", code(&body)));
            }
            if tag == 'Z' {
                text.push(char::from(body[0]));
                return text;
            }
        }
        text + "."
    }

    /// Everything until the other side closes.
    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = self.stream.read_to_end(&mut bytes);
        let ended = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert!(ended.is_ok(), "the connection stays open");
        bytes
    }

    /// Logs in as ann; answers the cancel key.
    async fn login(&mut self, world: &World, startup: &[u8]) -> Vec<u8> {
        self.send(startup).await;
        let mut frame_ = self.receive().await.unwrap();
        if frame_.0 == 'v' {
            frame_ = self.receive().await.unwrap();
        }
        assert_eq!((frame_.0, &frame_.1[..4]), ('R', &[0, 0, 0, 10][..]));
        let mut scram =
            ScramSha256::new(world.token("ann").as_bytes(), ChannelBinding::unsupported());
        let mut body = b"SCRAM-SHA-256\0".to_vec();
        body.extend(u32::try_from(scram.message().len()).unwrap().to_be_bytes());
        body.extend(scram.message());
        self.send(&frame('p', &body)).await;
        let (_, challenge) = self.receive().await.unwrap();
        scram.update(&challenge[4..]).unwrap();
        self.send(&frame('p', scram.message())).await;
        let (_, last) = self.receive().await.unwrap();
        scram.finish(&last[4..]).unwrap();
        let mut key = Vec::new();
        loop {
            match self.receive().await.unwrap() {
                ('K', body) => key = body,
                ('Z', _) => return key,
                _ => {}
            }
        }
    }

    /// Logged in, with a reason.
    pub(crate) async fn ready(world: &World) -> Self {
        let mut raw = Self::open(world).await;
        raw.login(
            world,
            &startup(
                VERSION,
                "ann",
                &[("privet.reason", "customer cannot log in")],
            ),
        )
        .await;
        raw
    }
}

fn code(body: &[u8]) -> String {
    let field = body
        .split(|byte| *byte == 0)
        .find(|field| field.first() == Some(&b'C'))
        .unwrap();
    String::from_utf8(field[1..].to_vec()).unwrap()
}

async fn still_serves(world: &World) {
    let client = world.connect("ann").await;
    client.simple_query("SELECT version()").await.unwrap();
}

fn hostile_first() {
    run(async {
        let world = World::start(|config| config.login_timeout = Duration::from_secs(2)).await;
        let mut noise = vec![0; 20_000];
        noise[3] = 8;
        for bytes in [
            &b"\0\0\0\0"[..],
            b"\0\0\0\x03",
            b"\xff\xff\xff\xff",
            b"\x7f\xff\xff\xff",
            b"\0\x01\0\0",
            b"GET / HTTP/1.1\r\n\r\n",
            &untagged(&[VERSION], b"user"),
            &untagged(&[VERSION], b"user\0ann\0"),
            &untagged(&[VERSION], b"\0"),
            &untagged(&[VERSION], b"user\0\xff\0\0"),
            &untagged(&[0x0002_0000], b""),
            &untagged(&[80_877_102, 1], b""),
            &startup(VERSION, "ann", &[("replication", "database")]),
            &startup(VERSION, "", &[]),
            &noise,
        ] {
            let mut raw = Raw::open(&world).await;
            raw.send(bytes).await;
            let answer = raw.rest().await;
            assert!(
                answer.is_empty() || answer[0] == b'E',
                "{bytes:?}: {answer:?}"
            );
        }
        still_serves(&world).await;
        world.stop().await;
    });
}

fn before_login() {
    run(async {
        let world = World::start(|_| ()).await;
        let start = startup(VERSION, "ann", &[]);
        let long = frame('p', &vec![b'x'; 10_001]);
        for bytes in [
            query("SELECT 1"),
            parse("", "SELECT 1"),
            frame('p', b"PLAIN\0\0\0\0\x01x"),
            frame('p', b""),
            frame('p', b"SCRAM-SHA-256\0\xff\xff\xff\xffn,,n=,r=x"),
            frame(
                'p',
                b"SCRAM-SHA-256-PLUS\0\0\0\0\x0dp=tls-server-end-point,,n=,r=x",
            ),
            b"p\xff\xff\xff\xff".to_vec(),
            b"p\0\0\0\0".to_vec(),
            long,
        ] {
            let mut raw = Raw::open(&world).await;
            raw.send(&start).await;
            assert_eq!(raw.receive().await.unwrap().0, 'R');
            raw.send(&bytes).await;
            raw.send(&query("SELECT 2")).await;
            let answer = raw.rest().await;
            assert!(answer.is_empty() || answer[0] == b'E', "{answer:?}");
            assert!(!answer.contains(&b'Z'), "{answer:?}");
        }
        still_serves(&world).await;
        world.stop().await;
    });
}

fn encryption_requests() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut raw = Raw::open(&world).await;
        for request in [80_877_104, 80_877_103] {
            raw.send(&untagged(&[request], b"")).await;
            assert_eq!(raw.stream.read_u8().await.unwrap(), b'N');
        }
        raw.login(&world, &startup(VERSION, "ann", &[])).await;
        raw.send(&query("SELECT version()")).await;
        assert_eq!(raw.answers().await, "TDCZI");
        let mut raw = Raw::open(&world).await;
        raw.send(&[0x16, 3, 1, 0, 100]).await;
        assert!(raw.rest().await.is_empty(), "a TLS handshake without TLS");
        world.stop().await;
    });
}

fn versions() {
    run(async {
        let world = World::start(|_| ()).await;
        for (version, minor, secret) in [
            (VERSION, None, 4),
            (0x0003_0002, None, 32),
            (0x0003_270f, Some(2), 32),
        ] {
            let mut raw = Raw::open(&world).await;
            let key = raw.login(&world, &startup(version, "ann", &[])).await;
            assert_eq!(key.len(), 4 + secret, "{version:x} {minor:?}");
        }
        let mut raw = Raw::open(&world).await;
        raw.send(&startup(
            0x0003_0009,
            "ann",
            &[("_pq_.command_tag_format", "x")],
        ))
        .await;
        let (tag, body) = raw.receive().await.unwrap();
        assert_eq!(
            (tag, body),
            (
                'v',
                b"\0\x03\0\x02\0\0\0\x01_pq_.command_tag_format\0".to_vec()
            )
        );
        world.stop().await;
    });
}

fn hostile_after() {
    run(async {
        let world = World::start(|_| ()).await;
        for bytes in [
            b"?\0\0\0\x04".to_vec(),
            b"Q\0\0\0\x03".to_vec(),
            b"Q\xff\xff\xff\xff".to_vec(),
            b"Q\x40\0\0\0".to_vec(),
            frame('Q', b"SELECT 1"),
            frame('Q', b"SELECT 1\0SELECT 2\0"),
            frame('P', b"a\0b\0\xff\xff"),
            frame('B', b"\0\0\0\0\xff\xff"),
            frame('B', b"\0\0\0\x01\0\x09\0\0\0\0"),
            frame('D', b"X\0"),
            frame('S', b"more"),
            frame('p', b"SCRAM-SHA-256\0"),
            startup(VERSION, "ann", &[]),
        ] {
            let mut raw = Raw::ready(&world).await;
            raw.send(&bytes).await;
            let answer = raw.rest().await;
            assert!(
                answer.is_empty() || answer[0] == b'E',
                "{bytes:?}: {answer:?}"
            );
        }
        let mut raw = Raw::ready(&world).await;
        raw.send(&frame('Q', b"SELECT '\xff\xfe'\0")).await;
        assert_eq!(raw.answers().await, "E(22021)ZI");
        raw.send(&query("SELECT id FROM customer")).await;
        assert_eq!(raw.answers().await, "TDDDCZI");
        still_serves(&world).await;
        world.stop().await;
    });
}

fn single_bytes() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut raw = Raw::ready(&world).await;
        let mut bytes = parse("s", "SELECT id FROM customer");
        bytes.extend(
            [
                frame('D', b"Ss\0"),
                bind("p", "s"),
                frame('D', b"Pp\0"),
                execute("p"),
            ]
            .concat(),
        );
        bytes.extend(
            [
                frame('C', b"Pp\0"),
                frame('H', b""),
                frame('S', b""),
                query("SELECT 1 FROM invoice"),
            ]
            .concat(),
        );
        for byte in bytes {
            raw.send(&[byte]).await;
            raw.stream.flush().await.unwrap();
        }
        assert_eq!(raw.answers().await, "1tT2TDDDC3ZI");
        assert_eq!(raw.answers().await, "TDDDCZI");
        world.stop().await;
    });
}

fn function_calls() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut raw = Raw::ready(&world).await;
        raw.send(&frame('F', b"\0\0\0\x01\0\0\0\0\0\0")).await;
        assert_eq!(raw.answers().await, "E(0A000)ZI");
        raw.send(&query("COPY customer FROM STDIN")).await;
        assert_eq!(raw.answers().await, "E(0A000)ZI");
        raw.send(
            &[
                frame('d', b"1\tx\n"),
                frame('c', b""),
                frame('f', b"no\0"),
                query(""),
            ]
            .concat(),
        )
        .await;
        assert_eq!(raw.answers().await, "IZI");
        world.stop().await;
    });
}

fn skips_to_sync() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut raw = Raw::ready(&world).await;
        raw.send(
            &[
                parse("", "SELECT nonsense"),
                bind("", ""),
                execute(""),
                query("SELECT 1"),
                frame('S', b""),
            ]
            .concat(),
        )
        .await;
        assert_eq!(raw.answers().await, "E(42703)ZI");
        // The error comes without a Sync.
        raw.send(&bind("", "missing")).await;
        assert_eq!(raw.receive().await.unwrap().0, 'E');
        raw.send(&frame('S', b"")).await;
        assert_eq!(raw.answers().await, "ZI");
        for (bytes, expected) in [
            (bind("", ""), "E(26000)ZI"),
            (execute("none"), "E(34000)ZI"),
            (frame('D', b"Snone\0"), "E(26000)ZI"),
            (frame('C', b"Snone\0"), "3ZI"),
            (
                [
                    parse("twice", "SELECT 2 FROM invoice"),
                    parse("twice", "SELECT 3 FROM invoice"),
                ]
                .concat(),
                "1E(42P05)ZI",
            ),
            (parse("", "SELECT 1 FROM invoice; SELECT 2"), "E(42601)ZI"),
            (
                [parse("", "SELECT $1"), bind("", "")].concat(),
                "1E(08P01)ZI",
            ),
            (
                [parse("", ""), bind("", ""), frame('D', b"P\0"), execute("")].concat(),
                "12nIZI",
            ),
        ] {
            raw.send(&[bytes, frame('S', b"")].concat()).await;
            assert_eq!(raw.answers().await, expected);
        }
        world.stop().await;
    });
}

fn pipeline() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut raw = Raw::ready(&world).await;
        raw.send(&query("CREATE TABLE t (a INTEGER PRIMARY KEY)"))
            .await;
        assert_eq!(raw.answers().await, "CZI");
        let insert = |value: u32| {
            [
                parse("", &format!("INSERT INTO t VALUES ({value})")),
                bind("", ""),
                execute(""),
            ]
            .concat()
        };
        raw.send(&[insert(1), insert(2), insert(1), insert(3), frame('S', b"")].concat())
            .await;
        assert_eq!(raw.answers().await, "12C12C12E(23505)ZI");
        raw.send(&query("SELECT a FROM t")).await;
        assert_eq!(raw.answers().await, "TCZI");
        raw.send(&[insert(1), insert(2), frame('S', b"")].concat())
            .await;
        assert_eq!(raw.answers().await, "12C12CZI");
        raw.send(&query("SELECT a FROM t")).await;
        assert_eq!(raw.answers().await, "TDDCZI");
        // An explicit transaction in the middle of the run lasts beyond it.
        let begin = [parse("", "BEGIN"), bind("", ""), execute("")].concat();
        raw.send(&[begin, insert(5), frame('S', b"")].concat())
            .await;
        assert_eq!(raw.answers().await, "12C12CZT");
        raw.send(&query("ROLLBACK")).await;
        assert_eq!(raw.answers().await, "CZI");
        raw.send(&query("SELECT a FROM t")).await;
        assert_eq!(raw.answers().await, "TDDCZI");
        world.stop().await;
    });
}

fn wrong_cancel() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut raw = Raw::open(&world).await;
        let key = raw
            .login(
                &world,
                &startup(
                    VERSION,
                    "ann",
                    &[("privet.reason", "customer cannot log in")],
                ),
            )
            .await;
        let process = u32::from_be_bytes(key[..4].try_into().unwrap());
        raw.send(&query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n")).await;
        for (process, secret) in [
            (process, &[0, 0, 0, 0][..]),
            (process ^ 1, &key[4..]),
            (0, &key[4..]),
            (process, &[0; 32]),
        ] {
            let mut other = Raw::open(&world).await;
            other.send(&untagged(&[80_877_102, process], secret)).await;
            assert!(other.rest().await.is_empty());
        }
        assert_eq!(raw.answers().await, "TDCZI");
        world.stop().await;
    });
}

fn slow() {
    run(async {
        // Long enough for a login on a busy machine, so that only those are let go who stand still.
        let world = World::start(|config| config.login_timeout = Duration::from_secs(5)).await;
        let silent = async {
            let mut raw = Raw::open(&world).await;
            assert!(raw.rest().await.is_empty());
        };
        let half = async {
            let mut raw = Raw::open(&world).await;
            raw.send(&startup(VERSION, "ann", &[])[..9]).await;
            assert!(raw.rest().await.is_empty());
        };
        let stuck = async {
            let mut raw = Raw::open(&world).await;
            raw.send(&startup(VERSION, "ann", &[])).await;
            assert_eq!(raw.rest().await[0], b'R');
        };
        tokio::join!(silent, half, stuck);
        world.stop().await;
        let world = World::start(|config| config.message_timeout = Duration::from_secs(1)).await;
        let mut unfinished = Raw::ready(&world).await;
        unfinished.send(&query("SELECT 1")[..8]).await;
        assert_eq!(unfinished.answers().await, "E(08P01).");
        world.stop().await;
        let world = World::start(|config| config.idle_timeout = Duration::from_secs(3)).await;
        let mut idle = Raw::ready(&world).await;
        assert_eq!(idle.answers().await, "E(57P05).");
        world.stop().await;
    });
}

fn limits() {
    run(async {
        let world = World::start(|config| config.connections_max = 2).await;
        let first = Raw::ready(&world).await;
        let _second = Raw::ready(&world).await;
        let mut third = Raw::open(&world).await;
        third.send(&startup(VERSION, "ann", &[])).await;
        let error = crate::world::driver_client::connect(&world, "bob", "")
            .await
            .err()
            .unwrap();
        assert_eq!(crate::world::driver_client::told(&error).0, "53300");
        drop(first);
        let mut connected = crate::world::driver_client::connect(&world, "bob", "").await;
        for _ in 0..500 {
            if connected.is_ok() {
                break;
            }
            connected = crate::world::driver_client::connect(&world, "bob", "").await;
        }
        connected.unwrap();
        world.stop().await;
    });
}

fn oversized() {
    run(async {
        let world = World::start(|config| {
            config.statement_bytes_max = 1000;
            config.parameters_bytes_max = 5000;
        })
        .await;
        let mut raw = Raw::ready(&world).await;
        let long = format!("SELECT '{}'", "x".repeat(1000));
        raw.send(&query(&long)).await;
        assert_eq!(raw.answers().await, "E(54000)ZI");
        raw.send(
            &[
                parse("", "SELECT $1"),
                frame('B', &vec![0; 6000]),
                execute(""),
                frame('S', b""),
            ]
            .concat(),
        )
        .await;
        assert_eq!(raw.answers().await, "1E(54000)ZI");
        raw.send(&[frame('D', &vec![b'S'; 20_000]), frame('S', b"")].concat())
            .await;
        assert_eq!(raw.answers().await, "E(54000)ZI");
        raw.send(&query("SELECT id FROM customer")).await;
        assert_eq!(raw.answers().await, "TDDDCZI");
        world.stop().await;
    });
}

fn random_bytes() {
    run(async {
        let world = World::start(|config| {
            config.message_timeout = Duration::from_millis(200);
            config.idle_timeout = Duration::from_millis(200);
        })
        .await;
        let conversation = [
            parse("s", "SELECT id, $1 FROM customer"),
            frame('B', b"p\0s\0\0\0\0\x01\0\0\0\x01x\0\0"),
            frame('D', b"Pp\0"),
            execute("p"),
            frame('S', b""),
            query("BEGIN; SELECT 1; COMMIT"),
        ]
        .concat();
        // A fixed sequence (a linear congruential generator), so that a failure can be repeated.
        let mut state = 20_261_120_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..40 {
            let mut raw = Raw::ready(&world).await;
            let mut bytes = conversation.clone();
            for _ in 0..1 + random(3) {
                let at = random(bytes.len());
                bytes[at] = u8::try_from(random(256)).unwrap();
            }
            raw.send(&bytes).await;
            // Whatever it was, the connection ends within its limits and the door stays open.
            raw.rest().await;
        }
        world.stop().await;
    });
}
