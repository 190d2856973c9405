"""What the FastAPI peers share: the models, and the login for a bearer token."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.security import (
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
)
from pydantic import AfterValidator, BaseModel, Field

SESSION_SECONDS = 12 * 3600
CPF = re.compile(r"(\d{3})(\d{3})(\d{3})(\d{2})")

router = APIRouter()
bearer = HTTPBearer()
basic = HTTPBasic()
users: dict[str, str] = {}
sessions: dict[bytes, tuple[str, float]] = {}
"""By the SHA-256 of the token: whose, and until when."""


def punctuated(cpf: str) -> str:
    return CPF.sub(r"\1.\2.\3-\4", cpf) if len(cpf) == 11 else cpf


class NewUser(BaseModel):
    username: str = Field(min_length=2, max_length=254)
    password: str


class ClientIn(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    email: str = Field(max_length=254, pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$")
    cpf: Annotated[
        str, Field(pattern=r"^(\d{11}|\d{3}\.\d{3}\.\d{3}-\d{2})$"), AfterValidator(punctuated)
    ]
    balance: Decimal = Field(ge=0, lt=10**8, decimal_places=2)


class ClientOut(BaseModel):
    id: int
    name: str
    email: str
    cpf: str
    balance: str


class Created(BaseModel):
    msg: str = "Client created"
    id: int


class Token(BaseModel):
    msg: str = "Logged in"
    token: str


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def logged_in(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    session = sessions.get(token_hash(credentials.credentials))
    if session is None or session[1] < time.time():
        raise HTTPException(401, "Not logged in", {"WWW-Authenticate": "Bearer"})
    return session[0]


LoggedIn = Annotated[str, Depends(logged_in)]


@router.post("/user/create", status_code=201)
async def create_user(user: NewUser) -> dict[str, str]:
    users[user.username] = user.password
    return {"msg": "User created"}


@router.post("/user/login")
async def log_in(credentials: Annotated[HTTPBasicCredentials, Depends(basic)]) -> Token:
    if users.get(credentials.username) != credentials.password:
        raise HTTPException(401, "Wrong")
    token = secrets.token_hex(32)
    sessions[token_hash(token)] = (credentials.username, time.time() + SESSION_SECONDS)
    return Token(token=token)
