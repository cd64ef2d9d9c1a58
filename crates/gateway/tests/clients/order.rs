//! Messages in an order, in numbers or of a shape that no decent client sends: each is an error, and the next question
//! is answered.

use crate::Case;
use crate::wire::{Raw, bind, execute, frame, parse, query};
use crate::world::{World, run};

pub(crate) const CASES: &[Case] = &[
    ("order::what_is_out_of_order_is_an_error", out_of_order),
    ("order::numbers_have_limits", numbers),
    ("order::modes_change_between_statements_only", modes),
];

fn sync() -> Vec<u8> {
    frame('S', b"")
}

/// Each sequence of messages on a connection of its own, and the answers to it.
fn check(cases: &[(&[Vec<u8>], &str)]) {
    run(async {
        let world = World::start(|_| ()).await;
        for (messages, expected) in cases {
            let mut raw = Raw::ready(&world).await;
            raw.send(&messages.concat()).await;
            let shown: Vec<_> = messages
                .iter()
                .map(|m| String::from_utf8_lossy(m))
                .collect();
            assert_eq!(&raw.answers().await, expected, "{shown:?}");
            raw.send(&query("SELECT id FROM customer WHERE id = 1"))
                .await;
            let next = raw.answers().await;
            assert!(
                next.ends_with("TDCZI") || next.ends_with("TDCZT"),
                "{shown:?}: {next}"
            );
        }
        world.stop().await;
    });
}

fn out_of_order() {
    check(&[
        (&[execute(""), sync()], "E(34000)ZI"),
        (&[bind("", "nope"), sync()], "E(26000)ZI"),
        (&[frame('D', b"Pnope\0"), sync()], "E(34000)ZI"),
        (&[frame('C', b"Snope\0"), sync()], "3ZI"),
        (
            &[
                parse("s", "SELECT 1"),
                bind("p", "s"),
                frame('C', b"Pp\0"),
                execute("p"),
                sync(),
            ],
            "123E(34000)ZI",
        ),
        (
            &[parse("s", "SELECT 1"), parse("s", "SELECT 2"), sync()],
            "1E(42P05)ZI",
        ),
        // What follows an error is skipped, whatever it is.
        (&[execute(""), parse("", "SELECT 1"), sync()], "E(34000)ZI"),
        // No copy is running.
        (&[frame('d', b"x"), frame('c', b""), sync()], "ZI"),
        (&[frame('H', b"").repeat(1_000), sync()], "ZI"),
    ]);
}

fn numbers() {
    let parameters = |count: u16, values: &[u8]| {
        frame(
            'B',
            &[b"\0\0\0\0", &count.to_be_bytes()[..], values, b"\0\0"].concat(),
        )
    };
    check(&[
        (&[parse("", "SELECT $0"), sync()], "E(42601)ZI"),
        (&[parse("", "SELECT $65536"), sync()], "E(42601)ZI"),
        (&[parse("", "SELECT $99999999999"), sync()], "E(42601)ZI"),
        (
            &[parse("", "SELECT $1"), bind("", ""), sync()],
            "1E(08P01)ZI",
        ),
        (
            &[parse("", "SELECT 1"), parameters(1, b"\0\0\0\x01x"), sync()],
            "1E(08P01)ZI",
        ),
        (
            &[
                parse("", "SELECT $1"),
                parameters(1, b"\0\0\0\x02\xff\xfe"),
                sync(),
            ],
            "1E(22021)ZI",
        ),
        (
            &[
                parse("", "SELECT $1"),
                parameters(1, b"\0\0\0\x03a\0b"),
                sync(),
            ],
            "1E(22021)ZI",
        ),
        (&[query(&";".repeat(100_000))], "IZI"),
        (&[query(&"/*".repeat(50_000))], "E(42601)ZI"),
    ]);
}

fn modes() {
    run(async {
        let world = World::start(|_| ()).await;
        let decrypt =
            "CALL privet.decrypt(consent => 'https://t.example.com/1', subject => 'customer:1')";
        let all = |sql: &str| [parse("", sql), bind("", ""), execute("")].concat();
        // A write that is not yet committed must not meet another mode.
        let mut raw = Raw::ready(&world).await;
        let write = all("UPDATE customer SET visits = visits WHERE id = 1");
        raw.send(&[write, all(decrypt), sync()].concat()).await;
        assert_eq!(raw.answers().await, "12C12E(25001)ZI");
        // A portal of one mode does not live on in another.
        let mut raw = Raw::ready(&world).await;
        let portal = [parse("s", "SELECT email FROM customer"), bind("p", "s")].concat();
        raw.send(&[portal, all(decrypt), execute("p"), sync()].concat())
            .await;
        assert_eq!(raw.answers().await, "1212NSCE(34000)ZI");
        world.stop().await;
    });
}
