"""Users as JSON on TCP, with asyncio's streams on uvloop and orjson: `python asyncio_users.py
PORT`.

It answers what the benchmark asks, get_user and create_user, from a dict.
"""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import datetime, timezone

import orjson
import uvloop

LONGEST_LINE = 64 * 1024
EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
DIGITS = re.compile(r"[0-9]{1,19}")

users: dict[int, dict] = {}


class Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        self.answer = {"error": code, "error_message": message}


def bad_request() -> Refused:
    return Refused(400, "Bad Request")


def user_id_in(payload: dict) -> int:
    user_id = payload.get("user_id")
    if type(user_id) is str and DIGITS.fullmatch(user_id):
        return int(user_id)
    if type(user_id) is str:
        raise Refused(404, "User Not Found")
    if type(user_id) is not int:
        raise bad_request()
    return user_id


def get_user(payload: dict) -> dict:
    user = users.get(user_id_in(payload))
    if user is None:
        raise Refused(404, "User Not Found")
    return {"payload": user, "code": 200}


def create_user(payload: dict) -> dict:
    name, email, age = payload.get("name"), payload.get("email"), payload.get("age")
    if not isinstance(name, str) or not 1 <= len(name) <= 200:
        raise bad_request()
    if not isinstance(email, str) or len(email) > 254 or not EMAIL.fullmatch(email):
        raise bad_request()
    if type(age) is not int or not 0 <= age <= 150:
        raise bad_request()
    now = datetime.now(timezone.utc)
    id = len(users) + 1
    users[id] = {
        "id": id,
        "name": name,
        "email": email,
        "age": age,
        "created_at": now,
        "updated_at": now,
    }
    return {"payload": users[id], "code": 201}


OPERATIONS = {"get_user": get_user, "create_user": create_user}


def answer(line: bytes) -> dict:
    try:
        request = orjson.loads(line)
        if not isinstance(request, dict) or not isinstance(request.get("id_operation"), str):
            raise bad_request()
        operation = OPERATIONS.get(request["id_operation"])
        if operation is None:
            raise Refused(404, "Not Found")
        payload = request.get("payload")
        if not isinstance(payload, dict):
            raise bad_request()
        return operation(payload)
    except orjson.JSONDecodeError:
        return bad_request().answer
    except Refused as refused:
        return refused.answer


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            writer.write(orjson.dumps(answer(line), option=orjson.OPT_APPEND_NEWLINE))
            await writer.drain()
    except (ValueError, ConnectionError):  # a line that is too long; a client that is gone
        pass
    finally:
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=LONGEST_LINE, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
