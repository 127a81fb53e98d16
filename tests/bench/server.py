"""An HTTP server of one file on loopback, as cheap as a server can be: sendfile(2)."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path


def serve(path: Path) -> None:
    """Print the port, then answer every request with the file."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while True:
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % size
                )
                at = 0
                while at < size and (
                    sent := os.sendfile(client.fileno(), file.fileno(), at, 1 << 22)
                ):
                    at += sent


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
