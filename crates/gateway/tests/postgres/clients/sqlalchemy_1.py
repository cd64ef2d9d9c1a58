"""SQLAlchemy over psycopg 2: reflection, the ORM, transactions and a pool of connections."""

import os

import sqlalchemy
from sqlalchemy import create_engine, func, inspect, select, text
from sqlalchemy.orm import Session, declarative_base

environment = os.environ
engine = create_engine(
    "postgresql+psycopg2://",
    connect_args={"options": "-c privet.reason=sqlalchemy\\ is\\ tried"},
    pool_pre_ping=True,
    pool_size=3,
)
Base = declarative_base()


class Customer(Base):
    __table__ = sqlalchemy.Table("customer", Base.metadata, autoload_with=engine)


class Invoice(Base):
    __table__ = sqlalchemy.Table("invoice", Base.metadata, autoload_with=engine)


assert {"customer", "invoice"} <= set(inspect(engine).get_table_names())
with Session(engine) as session:
    customer = session.get(Customer, 1)
    assert customer.first_name.startswith("pv1_"), customer.first_name
    found = session.scalar(select(Customer.id).where(Customer.email_px == "~eq:email:zoe@example.com~"))
    assert found == 3, found
    session.add(Invoice(id=8000, customer_id=1, total=5, paid=False))
    session.flush()
    assert session.scalar(select(func.count()).select_from(Invoice).where(Invoice.id == 8000)) == 1
    session.rollback()
    customer = session.get(Customer, 2)
    customer.first_name = "Plain"
    try:
        session.commit()
        raise SystemExit("plaintext was written")
    except sqlalchemy.exc.IntegrityError as error:
        assert "Plain" not in str(error.orig), error
        session.rollback()

with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    connection.execute(text("CALL privet.decrypt('https://t.example.com/4#yes', 'customer:2', 'first_name')"))
    name = connection.execute(select(Customer.first_name).where(Customer.id == 2)).scalar()
    assert name == "Benedict", name
    connection.execute(text("CALL privet.encrypt()"))
connections = [engine.connect() for _ in range(3)]
for connection in connections:
    assert connection.execute(text("SELECT 1")).scalar() == 1
    connection.close()
engine.dispose()
print("ok")
