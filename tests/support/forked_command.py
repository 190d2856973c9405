"""`python -I -S forked_command.py DESCRIPTOR WORD...`: have `sockcrud` with these words forked, in
the place of this process. For shells, whose commands are processes; imports next to nothing.
"""

import json
import os
import socket
import sys


def main() -> None:
    """Ask on this socket for a process with the same input, output, directory and environment, and
    end as it does.
    """
    ended, its_end = os.pipe()
    request = {
        "words": sys.argv[2:],
        "directory": os.getcwd(),
        "environment": dict(os.environ),
    }
    with socket.socket(fileno=int(sys.argv[1])) as way:
        socket.send_fds(way, [json.dumps(request).encode()], [1, 2, its_end, 0])
    os.close(its_end)
    with os.fdopen(ended) as lines:
        lines.readline()  # its process id
        status = int(lines.readline())
    if status < 0:
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    main()
