"""Confines this process and all that it starts: folders of a size, folders that are read-only, no network.

Standard library only, Python 3.6 to 3.13, beside `abeja_emulator_launcher.py`, which calls it before the handler is
there. Linux only: the process makes mounts and a network of its own (`unshare`), in a user namespace of its own where
it may not do so otherwise. So what the handler meets is the kernel's own: a C library that writes to a full folder
gets ENOSPC, and root gets EROFS.

It takes what is wanted from the environment, in the variables below and in `ABEJA_TRAINING_RESULT_DIR`,
`ABEJA_STORAGE_DIR_PATH` and `ABEJA_API_URL`, and takes the variables below away. Whoever started the launcher is
handed two descriptors over its socket, which need no answer and outlive this process: the result directory, as it is
kept in memory, and the socket on which the platform listens in the network that nobody else is in.

As a program it tries all of that and prints why it cannot be done, if so.
"""

import errno
import os
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

#: Bytes that fit into the result directory, and into the cache of the SDK.
RESULT_DIR_SIZE = "ABEJA_EMULATOR_RESULT_DIR_SIZE"
STORAGE_SIZE = "ABEJA_EMULATOR_STORAGE_SIZE"
#: `result_dir`, `storage` and `source`, with commas between them: folders that cannot be written to.
READ_ONLY = "ABEJA_EMULATOR_READ_ONLY"
#: `none`: nothing but the platform can be reached.
NETWORK = "ABEJA_EMULATOR_NETWORK"
VARIABLES = (RESULT_DIR_SIZE, STORAGE_SIZE, READ_ONLY, NETWORK)

#: What is handed over is announced by this byte, its names and the end of a line.
HANDED = b"\0"
#: The names of what is handed over.
RESULT_DIR = "result_dir"
PLATFORM = "platform"

_FOLDERS = {"result_dir": "ABEJA_TRAINING_RESULT_DIR", "storage": "ABEJA_STORAGE_DIR_PATH"}
_CALLED = {"result_dir": "the result directory", "storage": "the cache of the SDK", "source": "the source folder"}

#: linux/sched.h, sys/mount.h, linux/capability.h, linux/sockios.h, net/if.h
_NEW_MOUNTS, _NEW_USER, _NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
#: What `statvfs` says of a mount, and how `mount` is told; a user namespace may change nothing but read-only.
_KEPT = ((2, 2), (4, 4), (8, 8), (1024, 1024), (2048, 2048), (4096, 1 << 21))
_CAPABILITIES = 0x20080522
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_BACKLOG = 128

#: Services that look names up for programs over a socket in the file system, which no network is needed for.
_RESOLVERS = ("/run/systemd/resolve", "/run/nscd")


class Refused(ValueError):
    """What is wanted cannot be had here; its text is a sentence for the log."""


def confine(send: "Optional[Callable[[bytes, list[int]], object]]") -> None:
    """Confine this process as its environment says.

    Args:
        send: hands descriptors to whoever started this process; None when there is nobody.

    Raises:
        Refused: when that cannot be done; the process is not what it was then, and should end.
    """
    said = {name: os.environ.pop(name, "") for name in VARIABLES}
    sizes = _sizes(said)
    read_only = [name.strip() for name in said[READ_ONLY].split(",") if name.strip()]
    alone = said[NETWORK] == "none"
    if said[NETWORK] and not alone:
        message = f"the variable {NETWORK} is {said[NETWORK]!r}; it can be none"
        raise Refused(message)
    if not sys.platform.startswith("linux"):
        message = f"only Linux lets a job have folders of a size, read-only ones or no network; this is {sys.platform}"
        raise Refused(message)
    work = os.getcwd()
    folders = {name: _folder(name, work) for name in list(sizes) + read_only}
    own_user = _enter(_NEW_MOUNTS | (_NEW_NETWORK if alone else 0))
    _mount("mounts of its own", None, "/", None, _REC | _PRIVATE)
    handed = []  # type: list[tuple[str, int]]
    for name, size in sizes.items():
        _mount(
            f"{_CALLED[name]} of {size} bytes",
            "tmpfs",
            folders[name],
            "tmpfs",
            _NOSUID | _NODEV,
            f"size={size},mode=755",
        )
    if "result_dir" in sizes:
        handed.append((RESULT_DIR, os.open(folders["result_dir"], os.O_RDONLY)))
    for name in read_only:
        _make_read_only(_CALLED[name], folders[name])
    if alone:
        handed.append((PLATFORM, _listen(os.environ.get("ABEJA_API_URL", ""), send)))
        _hide_resolvers()
    # The same folders, as they are mounted now.
    os.chdir(work)
    if own_user and os.getuid() != 0:
        _drop_capabilities()
    if send is not None:
        names = " ".join(name for name, _ in handed)
        send(HANDED + names.encode() + b"\n", [descriptor for _, descriptor in handed])
    for _, descriptor in handed:
        os.close(descriptor)


def _sizes(said: "dict[str, str]") -> "dict[str, int]":
    found = {}
    for name, variable in (("result_dir", RESULT_DIR_SIZE), ("storage", STORAGE_SIZE)):
        text = said[variable]
        if text and not (text.isdigit() and int(text)):
            message = f"the variable {variable} is {text!r}, which is no number of bytes"
            raise Refused(message)
        if text:
            found[name] = int(text)
    return found


def _folder(name: str, work: str) -> str:
    if name not in _CALLED:
        message = f"the variable {READ_ONLY} names {name!r}; it can name {', '.join(_CALLED)}"
        raise Refused(message)
    folder = work if name == "source" else os.environ.get(_FOLDERS[name], "")
    if not os.path.isdir(folder):
        message = f"{_CALLED[name]} is not there: the variable {_FOLDERS[name]} is {folder!r}"
        raise Refused(message)
    return os.path.realpath(folder)


def _enter(flags: int) -> bool:
    """Enter namespaces of this process's own; tell whether that took a user namespace."""
    uid, gid = os.getuid(), os.getgid()
    code = _call("unshare", flags)
    if code == 0:
        return False
    if code != errno.EPERM:
        raise _refused(code, "unshare", "mounts of its own")
    code = _call("unshare", flags | _NEW_USER)
    if code:
        raise _refused(code, "unshare", "mounts of its own")
    try:
        # Everybody is who they were.
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open("/proc/self/" + name, "w") as file:
                file.write(text)
    except OSError as error:
        raise _refused(error.errno, "/proc/self/uid_map", "a user namespace of its own") from None
    return True


def _mount(  # noqa: PLR0913, PLR0917 - those of the system call, and what for
    wanted: str,
    source: "Optional[str]",
    target: str,
    kind: "Optional[str]",
    flags: int,
    options: "Optional[str]" = None,
) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    code = _call("mount", texts[0], texts[1], texts[2], flags, texts[3])
    if code:
        raise _refused(code, "mount", wanted)


def _make_read_only(called: str, folder: str) -> None:
    wanted = called + " read-only"
    _mount(wanted, folder, folder, None, _BIND | _REC)
    there = os.statvfs(folder).f_flag
    kept = sum(flag for shown, flag in _KEPT if there & shown)
    _mount(wanted, None, folder, None, _REMOUNT | _BIND | _RDONLY | kept)


def _listen(url: str, send: "Optional[Callable[[bytes, list[int]], object]]") -> int:
    """Listen where the platform does, in a network that has nothing but this machine."""
    import _socket as sockets  # noqa: PLC0415 - the class below the one that others may have replaced

    if send is None:
        message = "without a network the platform can be reached only when an emulator has started this process"
        raise Refused(message)
    host, _, port = url.partition("://")[2].partition("/")[0].rpartition(":")
    host = host.strip("[]")
    if not port.isdigit() or not (host.startswith("127.") or host in ("localhost", "::1")):
        message = (
            f"a job without a network reaches a platform that listens on 127.0.0.1 only, and this one is {url!r}; "
            "let it listen there"
        )
        raise Refused(message)
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    try:
        _set_up(sockets)
        listener = sockets.socket(family, sockets.SOCK_STREAM)
        listener.bind(("127.0.0.1" if host == "localhost" else host, int(port)))
        listener.listen(_BACKLOG)
    except OSError as error:
        raise _refused(error.errno, "its loopback", "a network with nothing in it") from None
    return listener.detach()


def _set_up(sockets: "Any") -> None:
    import fcntl  # noqa: PLC0415 - only where there is Linux

    device = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
    try:
        request = bytearray(struct.pack("16s24x", b"lo"))
        fcntl.ioctl(device.fileno(), _GET_FLAGS, request)
        (flags,) = struct.unpack_from("h", request, 16)
        struct.pack_into("h", request, 16, flags | _UP)
        fcntl.ioctl(device.fileno(), _SET_FLAGS, request)
    finally:
        device.close()


def _hide_resolvers() -> None:
    for folder in _RESOLVERS:
        if os.path.isdir(folder):
            _mount("a network with nothing in it", "tmpfs", folder, "tmpfs", _RDONLY | _NOSUID | _NODEV)


def _drop_capabilities() -> None:
    """Let this process do no more than it could: in a user namespace of its own it is all-powerful at first."""
    header = struct.pack("Ii", _CAPABILITIES, 0)
    code = _call("capset", header, bytes(24))
    if code:
        raise _refused(code, "capset", "the rights that it had")


def _call(name: str, *arguments: "Any") -> int:
    """Call a function of the C library and return 0, or the number of its error."""
    try:
        import ctypes  # noqa: PLC0415 - only where it is called; whoever started this reads the names above
    except ImportError:  # built without libffi
        return errno.ENOSYS
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    wide = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    return 0 if function(*wide) == 0 else ctypes.get_errno()


def _refused(number: "Optional[int]", call: str, wanted: str) -> Refused:
    reason = os.strerror(number or 0)
    if call == "unshare" and number in (errno.ENOSPC, errno.EUSERS):
        reason = "it allows no more of them"  # and has no number of its own for that
    return Refused(
        f"the job cannot have {wanted}: the system refuses it ({call}: {reason}); in a container that "
        "takes more rights, such as those of docker run --privileged"
    )


def sender(descriptor: int) -> "Callable[[bytes, list[int]], object]":
    """Return what hands descriptors over a socket."""
    import _socket as sockets  # noqa: PLC0415 - the class below the one that others may have replaced

    def send(data: bytes, descriptors: "list[int]") -> None:
        sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM, 0, os.dup(descriptor))
        packed = struct.pack(f"{len(descriptors)}i", *descriptors)
        with_them = [(sockets.SOL_SOCKET, sockets.SCM_RIGHTS, packed)] if descriptors else []
        try:
            sock.sendmsg([data], with_them)
        finally:
            sock.close()

    return send


def _keep(data: bytes, descriptors: "list[int]") -> None:
    """Hand nothing over: nobody is there."""


def main() -> int:
    """Try it, and print why it cannot be done, if so."""
    try:
        confine(_keep)
    except Refused as error:
        print(error)  # noqa: T201 - that is what it is for
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
