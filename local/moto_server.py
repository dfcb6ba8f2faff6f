"""moto as a stand-in for AWS, in a process of its own: prints its port and serves until ended."""

import argparse
import socket

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


def main() -> None:
    """Serves all that moto has, one request at a time: with threads moto is not atomic."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=0)
    address = arguments.parse_args()
    with socket.create_server((address.host, address.port)) as listener:
        server = make_server(
            address.host,
            listener.getsockname()[1],
            DomainDispatcherApplication(create_backend_app),
            threaded=False,
            request_handler=_QuietHandler,
            fd=listener.fileno(),
        )
    print(server.port, flush=True)
    server.serve_forever()


class _QuietHandler(WSGIRequestHandler):
    # Header and body are two writes; Nagle's algorithm would hold the second back for 40 ms.
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """No line for each request: thousands a minute say nothing."""


if __name__ == "__main__":
    main()
