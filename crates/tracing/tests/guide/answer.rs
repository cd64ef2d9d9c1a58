//! Step 4: an answer to whom the data belongs.

use axum::Json;
use privet_classify::{Upi, because, wire::Wire};

use crate::fields::Email;

struct User(Upi<u64>);

#[derive(serde::Serialize)]
struct Profile {
    customer: Upi<u64>,
    email: Email,
}

async fn load(user: User) -> Profile {
    Profile {
        customer: user.0,
        email: "ada@example.org".to_owned().into(),
    }
}

async fn profile(user: User) -> Json<Wire<Profile>> {
    Json(Wire::new(
        load(user).await,
        because("a person reads their own profile"),
    ))
}

/// What the person gets.
pub(crate) async fn answered() -> String {
    let Json(answer) = profile(User(4711.into())).await;
    serde_json::to_string(&answer).unwrap()
}
