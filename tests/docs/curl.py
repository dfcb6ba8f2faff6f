"""curl as the pages use it, so that their examples run where there is no curl."""

import shlex
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from tests.openapi import check

SHOWN_ADDRESS = "http://127.0.0.1:3000"
_SECONDS = 30.0


def run(command: str, url: str, token: str) -> str:
    """The body that a shown `curl -s [-H header] address` gets from the stack at `url`, which is as
    the API's document says.

    Fails for anything that this is not able to do as curl would.
    """
    words = shlex.split(command.replace("$TOKEN", token).replace(SHOWN_ADDRESS, url))
    headers: dict[str, str] = {}
    addresses: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        if word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word != "-s":
            addresses.append(word)
    [address] = addresses
    assert words[0] == "curl", command
    assert address.startswith(f"{url}/"), f"not the local stack's: {command}"
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            status, told, content = response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, told, content = refusal.code, dict(refusal.headers), refusal.read()
    parts, body = urlsplit(address), str(content.decode())
    check(parts.path, parts.query, status, told, body)
    return body
