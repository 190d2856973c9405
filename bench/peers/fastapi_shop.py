"""The shop's clients with FastAPI, in a dict. Run by uvicorn."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException

from bench.peers.fastapi_parts import ClientIn, ClientOut, Created, LoggedIn, router

app = FastAPI()
app.include_router(router)
clients: dict[int, ClientOut] = {}


@app.post("/clients/create", status_code=201)
async def create(client: ClientIn, user: LoggedIn) -> Created:
    id = len(clients) + 1
    clients[id] = ClientOut(
        id=id, name=client.name, email=client.email, cpf=client.cpf, balance=f"{client.balance:.2f}"
    )
    return Created(id=id)


@app.get("/clients/fetch/{id}")
async def fetch(id: int, user: LoggedIn) -> ClientOut:
    found = clients.get(id)
    if found is None:
        raise HTTPException(404, "There is no such client")
    return found
