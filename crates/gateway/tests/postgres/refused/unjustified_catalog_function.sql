-- refused in unjustified: 42501: nobody has said why they are here
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE query_to_xml('TABLE customer', true, true, '') IS NULL;
