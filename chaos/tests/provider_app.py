"""A provider behind a real socket: `daphne chaos.tests.provider_app:app`."""

import json

import django

django.setup()

from chaos.points.provider import ProviderFaults  # noqa: E402 - settings first

accepted: list[str] = []


async def provider(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["method"] == "POST":
        accepted.append(body.decode())
    answer = json.dumps({"accepted": accepted}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


app = ProviderFaults(provider)
