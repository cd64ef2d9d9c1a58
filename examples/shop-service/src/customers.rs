//! Customers: they join, see what is known of them, say what they wish for, are found, leave.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use privet::wire::Oid;
use privet::{BlindIndex, NewSubject, OpenBatch, SealBatch, Sealed, SubjectName};
use privet_classify::because;
use privet_classify::wire::Wire;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::Shop;
use crate::error::AppError;
use crate::fields::{self, field, purpose};

/// Who joins.
#[derive(Debug, Deserialize)]
pub(crate) struct Joining {
    name: fields::Name,
    email: fields::Email,
}

/// The id that the shop knows a customer by.
#[derive(Debug, Serialize)]
pub(crate) struct Joined {
    id: Oid,
}

/// What a customer wishes for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wishing {
    wish: fields::Wish,
}

/// Whom to find.
#[derive(Debug, Deserialize)]
pub(crate) struct Finding {
    email: fields::Email,
}

/// What is known of a customer. `Debug` and a log show classes; the customer gets the values, because the handler says so.
#[derive(Debug, Serialize)]
pub(crate) struct Profile {
    name: fields::Name,
    email: fields::Email,
    wish: Option<fields::Wish>,
}

/// Keys first, then data: a row whose values nobody can open would be lost, keys without a row are not.
pub(crate) async fn join(
    State(shop): State<Shop>,
    Json(joining): Json<Joining>,
) -> Result<(StatusCode, Json<Joined>), AppError> {
    let id = shop.privet.create_subject(&NewSubject::new()).await?;
    match insert(&shop, id, &joining).await {
        Ok(()) => Ok((StatusCode::CREATED, Json(Joined { id }))),
        Err(error) => {
            // Nothing is known of them yet. If this fails, too, the subject stays without values.
            let _ = shop.privet.close(id).await;
            Err(error)
        }
    }
}

async fn insert(shop: &Shop, id: Oid, joining: &Joining) -> Result<(), AppError> {
    let subject = SubjectName::from(id);
    let mut batch = SealBatch::new();
    let name = batch.add::<field::Name>(&subject, &joining.name);
    let email = batch.add::<field::Email>(&subject, &joining.email);
    let mut sealed = shop.privet.seal(batch).await?;
    let (name, email) = (sealed.take(name)?, sealed.take(email)?);
    sqlx::query("INSERT INTO customer (id, name, email, email_px) VALUES ($1, $2, $3, $4)")
        .bind(id.to_string())
        .bind(&name.sealed)
        .bind(&email.sealed)
        .bind(&email.index)
        .execute(&shop.database)
        .await?;
    Ok(())
}

/// What the customer sees of themself.
pub(crate) async fn profile(
    State(shop): State<Shop>,
    Path(id): Path<Oid>,
) -> Result<Json<Wire<Profile>>, AppError> {
    let row = sqlx::query("SELECT name, email, wish FROM customer WHERE id = $1")
        .bind(id.to_string())
        .fetch_one(&shop.database)
        .await?;
    let name: Sealed<field::Name> = row.try_get("name")?;
    let email: Sealed<field::Email> = row.try_get("email")?;
    let wish: Option<Sealed<field::Wish>> = row.try_get("wish")?;

    let subject = SubjectName::from(id);
    let mut batch = OpenBatch::new(purpose::SERVICE);
    let name = batch.add(&subject, &name);
    let email = batch.add(&subject, &email);
    let wish = wish.map(|wish| batch.add(&subject, &wish));
    let mut opened = shop.privet.open(batch).await?;
    let wish = wish.map(|slot| opened.take(slot)).transpose()?;
    let profile = Profile {
        // Of somebody who left, nothing opens.
        name: opened.take(name)?.ok_or(AppError::NotFound)?,
        email: opened.take(email)?.ok_or(AppError::NotFound)?,
        wish: wish.flatten(),
    };
    let why = because("customers see what is known of them");
    Ok(Json(Wire::new(profile, why)))
}

/// Keeps what a customer wishes for.
pub(crate) async fn wish(
    State(shop): State<Shop>,
    Path(id): Path<Oid>,
    Json(wishing): Json<Wishing>,
) -> Result<StatusCode, AppError> {
    let subject = SubjectName::from(id);
    let sealed = shop
        .privet
        .seal_one::<field::Wish>(&subject, &wishing.wish)
        .await?;
    let changed = sqlx::query("UPDATE customer SET wish = $1 WHERE id = $2")
        .bind(&sealed.sealed)
        .bind(id.to_string())
        .execute(&shop.database)
        .await?;
    match changed.rows_affected() {
        0 => Err(AppError::NotFound),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// Finds a customer by their address: the database compares blind indexes, and the question is on record.
pub(crate) async fn find(
    State(shop): State<Shop>,
    Json(finding): Json<Finding>,
) -> Result<Json<Joined>, AppError> {
    let found = shop
        .privet
        .look_up::<field::Email>(&purpose::SECURITY, &finding.email)
        .await?;
    for index in &found.indexes {
        if let Some(id) = by_index(&shop, index).await? {
            return Ok(Json(Joined { id }));
        }
    }
    Err(AppError::NotFound)
}

async fn by_index(shop: &Shop, index: &BlindIndex<field::Email>) -> Result<Option<Oid>, AppError> {
    let row = sqlx::query("SELECT id FROM customer WHERE email_px = $1")
        .bind(index)
        .fetch_optional(&shop.database)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let id: String = row.try_get("id")?;
    Ok(id.parse().ok())
}

/// From the first line on, nothing of the customer opens again, in no backup either; then the row goes.
pub(crate) async fn leave(
    State(shop): State<Shop>,
    Path(id): Path<Oid>,
) -> Result<StatusCode, AppError> {
    match shop.privet.close(id).await {
        // Closed in an earlier try that did not come as far as the row.
        Err(error) if error.code() == Some("not_found") => {}
        closed => drop(closed?),
    }
    sqlx::query("DELETE FROM customer WHERE id = $1")
        .bind(id.to_string())
        .execute(&shop.database)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
