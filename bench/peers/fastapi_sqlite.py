"""The shop's clients with FastAPI and sqlite3, a commit each. Run by uvicorn, with the file in
PEER_FILE.

The endpoints are plain functions, which FastAPI runs in its threads. One connection with a lock
around it: measured faster than a connection a thread, which then wait for each other by polling.
"""

from __future__ import annotations

import os
import sqlite3
from threading import Lock

from fastapi import FastAPI, HTTPException

from bench.peers.fastapi_parts import ClientIn, ClientOut, Created, LoggedIn, router

TABLE = """
create table if not exists clients (
    id integer primary key,
    name text not null,
    email text not null unique collate nocase,
    cpf text not null unique,
    balance text not null
)
"""

app = FastAPI()
app.include_router(router)
lock = Lock()
database = sqlite3.connect(os.environ["PEER_FILE"], check_same_thread=False)
database.execute("pragma journal_mode = wal")
database.execute("pragma synchronous = full")
database.execute(TABLE)


@app.post("/clients/create", status_code=201)
def create(client: ClientIn, user: LoggedIn) -> Created:
    values = (client.name, client.email, client.cpf, f"{client.balance:.2f}")
    try:
        with lock, database:
            inserted = database.execute(
                "insert into clients (name, email, cpf, balance) values (?, ?, ?, ?)", values
            )
    except sqlite3.IntegrityError:
        raise HTTPException(409, "It is taken") from None
    return Created(id=inserted.lastrowid)


@app.get("/clients/fetch/{id}")
def fetch(id: int, user: LoggedIn) -> ClientOut:
    with lock:
        found = database.execute(
            "select id, name, email, cpf, balance from clients where id = ?", (id,)
        ).fetchone()
    if found is None:
        raise HTTPException(404, "There is no such client")
    return ClientOut(**dict(zip(("id", "name", "email", "cpf", "balance"), found, strict=True)))
