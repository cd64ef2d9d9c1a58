//! Frames come back as what they were, and nothing else is taken for one.

use proptest::prelude::*;

use super::*;

fn value() -> impl Strategy<Value = SqlValue> {
    prop_oneof![
        Just(SqlValue::Null),
        any::<i64>().prop_map(SqlValue::Integer),
        any::<f64>().prop_map(SqlValue::Real),
        ".*".prop_map(SqlValue::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(SqlValue::Blob),
    ]
}

fn described() -> impl Strategy<Value = Described> {
    let columns = prop::collection::vec((".*", ".*"), 0..4);
    (columns, any::<u16>(), any::<bool>()).prop_map(|(columns, parameters, read_only)| Described {
        columns,
        parameters,
        read_only,
    })
}

fn request() -> impl Strategy<Value = Request> {
    let open = (
        prop::collection::vec(any::<u8>(), 0..40),
        any::<bool>(),
        any::<u64>(),
    );
    prop_oneof![
        open.prop_map(|(path, read_only, number)| Request::Open(Open {
            path,
            mode: if read_only {
                RunMode::ReadOnly
            } else {
                RunMode::Ordinary
            },
            statement_ms_max: number,
            memory_bytes_max: number / 2,
        })),
        ".*".prop_map(|sql| Request::Describe { sql }),
        (any::<u64>(), ".*", prop::collection::vec(value(), 0..4)).prop_map(
            |(statement, sql, parameters)| Request::Start {
                statement,
                sql,
                parameters
            }
        ),
        any::<u32>().prop_map(|rows_max| Request::Next { rows_max }),
        Just(Request::Finish),
        any::<u64>().prop_map(|statement| Request::Cancel { statement }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let rows = prop::collection::vec(prop::collection::vec(value(), 0..3), 0..4);
    let ended = prop::option::of(any::<u64>());
    prop_oneof![
        any::<bool>().prop_map(|confined| Reply::Ready { confined }),
        (any::<bool>(), prop::option::of((described(), any::<u32>()))).prop_map(
            |(in_transaction, statement)| Reply::Described {
                in_transaction,
                statement
            }
        ),
        (any::<bool>(), described(), ended.clone()).prop_map(
            |(in_transaction, described, ended)| Reply::Started {
                in_transaction,
                described,
                ended
            }
        ),
        (any::<bool>(), rows, ended).prop_map(|(in_transaction, rows, ended)| Reply::Rows {
            in_transaction,
            rows,
            ended
        }),
        (any::<bool>(), any::<u64>()).prop_map(|(in_transaction, changed)| Reply::Ended {
            in_transaction,
            changed
        }),
        (any::<bool>(), any::<u8>(), ".*", prop::option::of(".*")).prop_map(
            |(in_transaction, code, message, hint)| Reply::Failed {
                in_transaction,
                code,
                message,
                hint
            }
        ),
    ]
}

proptest! {
    #[test]
    fn requests_come_back(request in request()) {
        let frame = request.encode();
        let read = read_frame(&mut frame.as_slice()).unwrap().unwrap();
        let again = Request::decode(&read).unwrap();
        // By bytes, because a NaN is not equal to itself.
        prop_assert_eq!(again.encode(), frame);
    }

    #[test]
    fn replies_come_back(reply in reply()) {
        let frame = reply.encode();
        let read = read_frame(&mut frame.as_slice()).unwrap().unwrap();
        let again = Reply::decode(&read).unwrap();
        prop_assert_eq!(again.encode(), frame);
    }

    #[test]
    fn cut_frames_are_refused(request in request(), reply in reply(), cut in any::<prop::sample::Index>()) {
        for frame in [request.encode(), reply.encode()] {
            let at = 5 + cut.index(frame.len() - 4) - 1;
            if at < frame.len() {
                prop_assert!(read_frame(&mut &frame[..at]).is_err());
            }
        }
        let frame = request.encode();
        prop_assert_eq!(Request::decode(&[&frame[4..], &[0]].concat()), Err(Malformed));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::decode(&bytes);
        let _ = Reply::decode(&bytes);
    }
}

#[test]
fn a_length_beyond_the_limit_is_not_allocated() {
    let mut input: &[u8] = &[0xff, 0xff, 0xff, 0xff, 1];
    assert!(read_frame(&mut input).is_err());
    let mut input: &[u8] = &[0, 0, 0, 0, 1];
    assert!(read_frame(&mut input).is_err());
}

#[test]
fn the_end_between_frames_is_an_end() {
    let mut input: &[u8] = &[];
    assert_eq!(read_frame(&mut input).unwrap(), None);
}
