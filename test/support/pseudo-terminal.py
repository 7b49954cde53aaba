"""Runs a program at a pseudo-terminal of its own: pseudo-terminal.py COLUMNS PROGRAM [ARGUMENT]...

What comes in is typed, what the program prints goes out. The first line on stderr is the program's process id, the last
one its exit code and whether it left the terminal's settings as they were.
"""

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios


def main(columns, command):
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    before = termios.tcgetattr(slave)
    child = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
    )
    say(str(child.pid))
    typing = True
    while child.poll() is None:
        ready, _, _ = select.select([master] + ([0] if typing else []), [], [], 0.1)
        if 0 in ready:
            typed = os.read(0, 65536)
            typing = len(typed) > 0
            os.write(master, typed)
        if master in ready:
            os.write(1, os.read(master, 65536))
    while select.select([master], [], [], 0)[0]:
        os.write(1, os.read(master, 65536))
    restored = termios.tcgetattr(slave) == before
    say("%d %s" % (child.returncode, "restored" if restored else "changed"))


def say(line):
    os.write(2, (line + "\n").encode())


main(int(sys.argv[1]), sys.argv[2:])
