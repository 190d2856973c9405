"""The shop's clients with FastAPI and asyncpg, a pool of ten. Run by uvicorn, with the database's
URL in PEER_DATABASE.

Sessions are in the database too, as they must be where there are several of these behind one
address.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasicCredentials

from bench.peers.fastapi_parts import (
    ClientIn,
    ClientOut,
    Created,
    NewUser,
    Token,
    basic,
    bearer,
    token_hash,
)

TABLES = """
create table if not exists users (username text primary key, password text not null);
create table if not exists sessions (
    token_hash bytea primary key,
    username text not null references users,
    ends timestamptz not null
);
create table if not exists clients (
    id bigint generated always as identity primary key,
    name text not null,
    email text not null,
    cpf text not null unique,
    balance numeric(10, 2) not null
);
create unique index if not exists clients_email on clients (lower(email));
"""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["PEER_DATABASE"], min_size=10, max_size=10) as pool:
        await pool.execute(TABLES)
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


async def connection() -> AsyncIterator[asyncpg.Connection]:
    async with app.state.pool.acquire() as connection:
        yield connection


Connected = Annotated[asyncpg.Connection, Depends(connection)]


async def logged_in(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)], connection: Connected
) -> str:
    query = "select username from sessions where token_hash = $1 and ends > now()"
    username = await connection.fetchval(query, token_hash(credentials.credentials))
    if username is None:
        raise HTTPException(401, "Not logged in", {"WWW-Authenticate": "Bearer"})
    return username


LoggedIn = Annotated[str, Depends(logged_in)]


@app.post("/user/create", status_code=201)
async def create_user(user: NewUser, connection: Connected) -> dict[str, str]:
    await connection.execute("insert into users values ($1, $2)", user.username, user.password)
    return {"msg": "User created"}


@app.post("/user/login")
async def log_in(
    credentials: Annotated[HTTPBasicCredentials, Depends(basic)], connection: Connected
) -> Token:
    password = await connection.fetchval(
        "select password from users where username = $1", credentials.username
    )
    if password != credentials.password:
        raise HTTPException(401, "Wrong")
    token = secrets.token_hex(32)
    insert = "insert into sessions values ($1, $2, now() + interval '12 hours')"
    await connection.execute(insert, token_hash(token), credentials.username)
    return Token(token=token)


@app.post("/clients/create", status_code=201)
async def create(client: ClientIn, user: LoggedIn, connection: Connected) -> Created:
    insert = "insert into clients (name, email, cpf, balance) values ($1, $2, $3, $4) returning id"
    try:
        id = await connection.fetchval(
            insert, client.name, client.email, client.cpf, client.balance
        )
    except asyncpg.UniqueViolationError:
        raise HTTPException(409, "It is taken") from None
    return Created(id=id)


@app.get("/clients/fetch/{id}")
async def fetch(id: int, user: LoggedIn, connection: Connected) -> ClientOut:
    found = await connection.fetchrow(
        "select id, name, email, cpf, balance::text from clients where id = $1", id
    )
    if found is None:
        raise HTTPException(404, "There is no such client")
    return ClientOut(**found)
