"""FastAPI with a dict: login for a bearer token, create a client, fetch it. Run by uvicorn."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import BaseModel

app = FastAPI()
bearer = HTTPBearer()
basic = HTTPBasic()
users: dict[str, str] = {}
tokens: dict[str, str] = {}
clients: dict[int, ClientOut] = {}


class NewUser(BaseModel):
    username: str
    password: str


class ClientIn(BaseModel):
    name: str
    email: str
    cpf: str
    balance: float


class ClientOut(BaseModel):
    id: int
    name: str
    email: str
    cpf: str
    balance: str


def logged_in(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    user = tokens.get(credentials.credentials)
    if user is None:
        raise HTTPException(401, "not logged in")
    return user


@app.post("/user/create", status_code=201)
async def create_user(user: NewUser) -> dict[str, str]:
    users[user.username] = user.password
    return {"msg": "created"}


@app.post("/user/login")
async def log_in(credentials: Annotated[HTTPBasicCredentials, Depends(basic)]) -> dict[str, str]:
    if users.get(credentials.username) != credentials.password:
        raise HTTPException(401, "wrong")
    token = secrets.token_hex(32)
    tokens[token] = credentials.username
    return {"msg": "welcome", "token": token}


@app.post("/clients/create", status_code=201)
async def create(client: ClientIn, user: Annotated[str, Depends(logged_in)]) -> dict[str, str | int]:
    id = len(clients) + 1
    clients[id] = ClientOut(id=id, name=client.name, email=client.email, cpf=client.cpf, balance=f"{client.balance:.2f}")
    return {"msg": "created", "id": id}


@app.get("/clients/fetch/{id}")
async def fetch(id: int, user: Annotated[str, Depends(logged_in)]) -> ClientOut:
    found = clients.get(id)
    if found is None:
        raise HTTPException(404, "no such client")
    return found
