"""The shop's clients with aiohttp on uvloop: `python aiohttp_shop.py PORT`. Everything is in
dicts.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
import time

import orjson
import uvloop
from aiohttp import BasicAuth, web

SESSION_SECONDS = 12 * 3600

users: dict[str, str] = {}
sessions: dict[bytes, tuple[str, float]] = {}  # by the SHA-256 of the token: whose, and until when
clients: dict[int, dict] = {}

routes = web.RouteTableDef()


def answer(status: int, body: dict) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def logged_in(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    session = sessions.get(hashlib.sha256(token.encode()).digest())
    if scheme != "Bearer" or session is None or session[1] < time.time():
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
    return session[0]


@routes.post("/user/create")
async def create_user(request: web.Request) -> web.Response:
    body = await request.json(loads=orjson.loads)
    users[body["username"]] = body["password"]
    return answer(201, {"msg": "User created"})


@routes.post("/user/login")
async def log_in(request: web.Request) -> web.Response:
    credentials = BasicAuth.decode(request.headers["Authorization"])
    if users.get(credentials.login) != credentials.password:
        raise web.HTTPUnauthorized
    token = secrets.token_hex(32)
    sessions[hashlib.sha256(token.encode()).digest()] = (
        credentials.login,
        time.time() + SESSION_SECONDS,
    )
    return answer(200, {"msg": "Logged in", "token": token})


@routes.post("/clients/create")
async def create(request: web.Request) -> web.Response:
    logged_in(request)
    body = await request.json(loads=orjson.loads)
    id = len(clients) + 1
    fields = {name: body[name] for name in ("name", "email", "cpf")}
    clients[id] = {"id": id, **fields, "balance": f"{body['balance']:.2f}"}
    return answer(201, {"msg": "Client created", "id": id})


@routes.get(r"/clients/fetch/{id:\d+}")
async def fetch(request: web.Request) -> web.Response:
    logged_in(request)
    client = clients.get(int(request.match_info["id"]))
    if client is None:
        return answer(404, {"msg": "There is no such client"})
    return answer(200, client)


if __name__ == "__main__":
    uvloop.install()
    app = web.Application()
    app.add_routes(routes)
    web.run_app(
        app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, backlog=1024
    )
