//! What of destroyed subjects still lies in the data store.

use privet_vault::Puid;
use privet_vault::port::{ConsentPlace, Orphans};
use rusqlite::Connection;

use crate::sqlite::file::Failure;

pub(super) fn add_puid(connection: &Connection, puid: [u8; 16]) -> Result<(), Failure> {
    connection
        .prepare_cached("INSERT INTO orphan (puid) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([puid])?;
    Ok(())
}

pub(super) fn add_places(connection: &Connection, places: &[ConsentPlace]) -> Result<(), Failure> {
    let mut insert = connection
        .prepare_cached("INSERT INTO orphan_place (place) VALUES (?1) ON CONFLICT DO NOTHING")?;
    for place in places {
        insert.execute([place.0])?;
    }
    Ok(())
}

pub(super) fn all(connection: &Connection) -> Result<Orphans, Failure> {
    let ids = |select| {
        let mut select = connection.prepare_cached(select)?;
        let ids = select.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
        ids.collect::<Result<Vec<_>, _>>()
    };
    let puids = ids("SELECT puid FROM orphan ORDER BY puid")?;
    let places = ids("SELECT place FROM orphan_place ORDER BY place")?;
    Ok(Orphans {
        puids: puids.into_iter().map(Puid::from_bytes).collect(),
        places: places.into_iter().map(ConsentPlace).collect(),
    })
}

pub(super) fn remove(connection: &Connection, orphans: &Orphans) -> Result<(), Failure> {
    let mut delete = connection.prepare_cached("DELETE FROM orphan WHERE puid = ?1")?;
    for puid in &orphans.puids {
        delete.execute([puid.as_bytes()])?;
    }
    let mut delete = connection.prepare_cached("DELETE FROM orphan_place WHERE place = ?1")?;
    for place in &orphans.places {
        delete.execute([place.0])?;
    }
    Ok(())
}
