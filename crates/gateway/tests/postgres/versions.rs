//! Versions of the protocol: what a client of PostgreSQL 18 asks for (3.2, with its longer cancel keys), what one of a
//! later version will ask for, and what it is told, whatever the server behind the door speaks.

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::raw::{Frame, Raw, Script};
use crate::world::{CLUSTER, World};

const OLD: u32 = 0x0003_0000;
const NEW: u32 = 0x0003_0002;
/// What libpq asks for to find servers that do not negotiate.
const TOO_NEW: u32 = 0x0003_270f;
const OPTION: &str = "_pq_.test_protocol_negotiation";

fn parameters(user: &str) -> [(&str, &str); 2] {
    [("user", user), ("database", "shop")]
}

async fn start(world: &World, version: u32, more: &[(&str, &str)]) -> (Raw, Vec<Frame>) {
    let parameters = [&parameters("ann"), more].concat();
    Raw::start(world.address, version, &parameters, world.token("ann")).await
}

/// The bodies of the frames with this tag.
fn bodies(frames: &[Frame], tag: u8) -> Vec<&[u8]> {
    let found = frames.iter().filter(|frame| frame.0 == tag);
    found.map(|frame| &frame.1[..]).collect()
}

/// Sends a cancel request with this key and waits until it was heard.
async fn cancel(world: &World, key: &[u8]) {
    let mut message = BytesMut::new();
    message.put_u32(u32::try_from(8 + key.len()).unwrap());
    message.put_u32(80_877_102);
    message.put_slice(key);
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&message).await.unwrap();
    // It says nothing and closes.
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    assert!(said.is_empty());
}

/// How many connections of this database sleep.
fn sleeping(world: &World) -> String {
    let count = "SELECT count(*) FROM pg_stat_activity
         WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active' AND datname = current_database()";
    world.sql(count).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_gets_the_cancel_key_it_knows() {
    let world = World::start().await;
    for (version, secret) in [(OLD, 4), (NEW, 32)] {
        let (mut raw, said) = start(&world, version, &[]).await;
        assert!(bodies(&said, b'v').is_empty(), "nothing was to negotiate");
        let [key] = bodies(&said, b'K')[..] else {
            panic!("one key: {said:?}");
        };
        assert_eq!(key.len(), 4 + secret);
        let reason = format!("CALL privet.justify('a cancel key of {secret} bytes is tried')");
        raw.send(&Script::default().query(&reason).0).await;
        raw.answers(1).await;
        raw.send(&Script::default().query("SELECT pg_sleep(600)").0)
            .await;
        while sleeping(&world) != "1" {
            tokio::task::yield_now().await;
        }
        let mut other = key.to_vec();
        *other.last_mut().unwrap() ^= 1;
        let longer = [key, &[0]].concat();
        for wrong in [&other[..], &key[..key.len().min(8)], &longer] {
            if wrong != key {
                cancel(&world, wrong).await;
            }
        }
        assert_eq!(sleeping(&world), "1");
        cancel(&world, key).await;
        let answer = raw.answers(1).await;
        let error = String::from_utf8_lossy(bodies(&answer, b'E')[0]).into_owned();
        assert!(error.contains("57014"), "{error}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_version_is_told_what_is_spoken_here() {
    let world = World::start().await;
    let (_, said) = start(&world, TOO_NEW, &[(OPTION, "on")]).await;
    let ours = bodies(&said, b'v');
    let expected = [&[0, 3, 0, 2, 0, 0, 0, 1], OPTION.as_bytes(), &[0]].concat();
    assert_eq!(ours, [&expected[..]]);
    assert_eq!(bodies(&said, b'K')[0].len(), 4 + 32);
    // An option alone is a thing to negotiate, too, and the version stays the one that was asked for.
    let (_, said) = start(&world, OLD, &[(OPTION, "on")]).await;
    let expected = [&[0, 3, 0, 0, 0, 0, 0, 1], OPTION.as_bytes(), &[0]].concat();
    assert_eq!(bodies(&said, b'v'), [&expected[..]]);
    assert_eq!(bodies(&said, b'K')[0].len(), 4 + 4);
    world.stop().await;
}

/// A server that speaks 3.2 itself says the same, byte for byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_about_versions_is_the_servers_own() {
    if CLUSTER.version().unwrap() < 18 {
        eprintln!("skipped: this server does not speak 3.2 itself");
        return;
    }
    let world = World::start().await;
    let server = ([127, 0, 0, 1], CLUSTER.port()).into();
    let superuser = [("user", "privet"), ("database", "postgres")];
    for (version, more) in [
        (OLD, &[][..]),
        (NEW, &[]),
        (TOO_NEW, &[(OPTION, "on")]),
        (TOO_NEW, &[]),
        (OLD, &[(OPTION, "on")]),
    ] {
        let parameters = [&superuser, more].concat();
        let (_, its) = Raw::start(server, version, &parameters, CLUSTER.password()).await;
        let (_, ours) = start(&world, version, more).await;
        assert_eq!(bodies(&ours, b'v'), bodies(&its, b'v'), "{version:x}");
        let lengths = [&ours, &its].map(|said| bodies(said, b'K')[0].len());
        assert_eq!(lengths[0], lengths[1], "{version:x}");
    }
    world.stop().await;
}
