"""Runs a program as systemd does for a socket unit: activate.py FD[,FD...] PROGRAM [ARGUMENT...]

The descriptors become 3, 4, ... of the program, which finds their number in LISTEN_FDS and its own pid in LISTEN_PID
(sd_listen_fds(3)); the pid is known only after the fork, hence a program.
"""

import os
import sys


def main():
    # Out of the way first: one of them may be a number that another is to get.
    sources = [os.dup(int(fd)) for fd in sys.argv[1].split(",")]
    high = [os.dup2(fd, 100 + index) for index, fd in enumerate(sources)]
    for index, fd in enumerate(high):
        os.dup2(fd, 3 + index)
    for fd in {*sources, *high} - set(range(3, 3 + len(high))):
        os.close(fd)
    os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_PID=str(os.getpid()))
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
