//! What must not compile, one attempt a file in `refused/`, with what the compiler says beside it;
//! and what must, in `allowed/`.

#[test]
fn attempts() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/allowed/*.rs");
    cases.compile_fail("tests/refused/*.rs");
}
