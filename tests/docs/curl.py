"""curl as the pages use it, so that their examples run where there is no curl."""

import shlex
import urllib.error
import urllib.request

SHOWN_ADDRESS = "http://127.0.0.1:3000"
_SECONDS = 30.0


def run(command: str, url: str, token: str) -> str:
    """The body that a shown `curl -s [-H header] address` gets from the stack at `url`.

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
    try:
        with urllib.request.urlopen(
            urllib.request.Request(address, headers=headers), timeout=_SECONDS
        ) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read().decode()
