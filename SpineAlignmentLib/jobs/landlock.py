"""A process that can open nothing any more but what it is told, by Linux's Landlock; elsewhere it is not sealed.

https://docs.kernel.org/userspace-api/landlock.html, from kernel 5.13. Numbers are those of <linux/landlock.h>; system
calls have no function in the C library, and their numbers are the same on every architecture.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

_CREATE_RULESET: Final[int] = 444
_ADD_RULE: Final[int] = 445
_RESTRICT_SELF: Final[int] = 446
_VERSION: Final[int] = 1
_PATH_BENEATH: Final[int] = 1
_NO_NEW_PRIVILEGES: Final[int] = 38
"""prctl(2) PR_SET_NO_NEW_PRIVS, without which an ordinary process may not seal itself."""

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_OF_FILES: Final[int] = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15
"""Rights that a rule for a file, not for a folder, may name: with truncate and ioctl on devices."""
_RIGHTS: Final[tuple[int, ...]] = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)
"""All rights to files that a version of Landlock knows."""
_NETWORK_VERSION: Final[int] = 4
_NETWORK: Final[int] = 3
"""Listen and connect by TCP."""


def seal(readable: Sequence[Path], writable: Sequence[Path]) -> bool:
    """Take from this process, for good, everything but some files and folders; open files stay open.

    Args:
        readable: files and folders that it may read and run programs from.
        writable: folders that it may do everything in.

    Returns:
        Whether it is sealed: False where the system has no Landlock.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return False
    handled = _RIGHTS[min(version, len(_RIGHTS) - 1)]
    rules = struct.pack("QQ", handled, _NETWORK if version >= _NETWORK_VERSION else 0)
    size = len(rules) if version >= _NETWORK_VERSION else 8
    ruleset = libc.syscall(_CREATE_RULESET, rules, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    try:
        read = (_EXECUTE | _READ_FILE | _READ_DIR) & handled
        for path, rights in [*((p, read) for p in readable), *((p, handled) for p in writable)]:
            _allow(libc, ruleset, path, rights)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: Any, ruleset: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        # what is not there needs no permission
        return
    try:
        rule = struct.pack("=Qi", rights if path.is_dir() else rights & _OF_FILES, place)
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
