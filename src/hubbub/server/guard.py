"""Run a program that dies with its parent: `guard.py PARENT_PID WATCH PROGRAM ARGUMENT…`.

A script of its own rather than code between fork and exec, which is not safe in a process with
threads. WATCH is `-` to use the kernel's parent-death signal (Linux), else the descriptor of a
pipe whose other end the parent holds open. The program keeps this process's id.
"""

import os
import select
import signal
import sys


def main(parent: int, watch: str, program: str, *arguments: str) -> None:
    """Tie this process to its parent and become the program."""
    if watch == "-":
        _ask_for_signal()
        if os.getppid() != parent:
            sys.exit("the process that wanted the server is gone")
    else:
        _start_watcher(int(watch))
    try:
        os.execv(program, [program, *arguments])  # noqa: S606
    except OSError as error:
        sys.exit(f"cannot run {program}: {error.strerror}")


def _ask_for_signal() -> None:
    import ctypes

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _start_watcher(pipe: int) -> None:
    program = os.getpid()
    if os.fork():
        os.close(pipe)
        return
    os.setpgid(0, 0)  # signals to the program's group, such as SIGSTOP, are not for the watcher
    os.closerange(0, pipe)
    os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
    while os.getppid() == program:
        if select.select([pipe], [], [], 1.0)[0]:
            os.kill(program, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
