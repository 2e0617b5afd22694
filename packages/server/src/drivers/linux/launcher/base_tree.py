"""The part of a sandbox's root that is the same for every sandbox of one runtime, mounted once and read-only.

A sandbox gets a recursive bind of it, so its own start pays only for what is private to it.
"""

import os

import kernel
from kernel import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
DEVICE_LINKS = (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"))
# Directories of a system whose /usr is not merged, or their links where it is.
TOP_LEVEL = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
EMPTY = ("proc", "tmp", "run", "opt", "var/task", "var/runtime", "dev/shm")
# Of /etc only what programs need to find libraries, certificates, names and the time. Nothing here is a secret.
ETC_DIRECTORIES = ("alternatives", "ssl/certs", "pki/tls/certs", "pki/ca-trust/extracted")
ETC_FILES = ("ld.so.cache", "localtime", "services", "protocols", "os-release", "mime.types", "ssl/openssl.cnf",
             "pki/tls/openssl.cnf")
ETC_FILE_BYTES_MAX = 1 << 20
ETC_GENERATED = {
    "hosts": "127.0.0.1 localhost hearth\n::1 localhost\n",
    "hostname": "hearth\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "passwd": "",
    "group": "root:x:0:\nnogroup:x:65534:\n",
}
# A prefix here would hide, or be hidden by, something of the sandbox's own.
RESERVED = ("/proc", "/dev", "/etc", "/var/task", "/var/runtime", "/run")

# statvfs names a mount's flags by these numbers, mount(2) by those.
_KEPT_FLAGS = ((2, MS_NOSUID), (4, MS_NODEV), (8, MS_NOEXEC), (1024, kernel.MS_NOATIME),
               (2048, kernel.MS_NODIRATIME), (4096, kernel.MS_RELATIME))


def build(target, prefixes, program_dir, resolv_conf):
    os.makedirs(target)
    kernel.mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, "size=8m,nr_inodes=4096,mode=755")
    for name in EMPTY:
        os.makedirs(os.path.join(target, name))
    os.chmod(os.path.join(target, "tmp"), 0o1777)
    show("/usr", target)
    for name in TOP_LEVEL:
        if os.path.islink("/" + name):
            os.symlink(os.readlink("/" + name), os.path.join(target, name))
        elif os.path.isdir("/" + name):
            show("/" + name, target)
    _etc(target, resolv_conf)
    _devices(os.path.join(target, "dev"))
    for path in shown_paths(prefixes):
        if not is_in_tmp(path) and not os.path.lexists(target + path):
            show(path, target)
    bind_tree_read_only(program_dir, os.path.join(target, "var/runtime"))
    remount_read_only(target)
    # Nothing the host mounts later may appear inside.
    kernel.mount(None, target, None, MS_REC | MS_PRIVATE)


def _etc(target, resolv_conf):
    etc = os.path.join(target, "etc")
    os.mkdir(etc)
    for name in ETC_DIRECTORIES:
        if os.path.isdir("/etc/" + name):
            show("/etc/" + name, target)
    generated = dict(ETC_GENERATED)
    if resolv_conf is not None:
        generated["resolv.conf"] = resolv_conf
    for name, text in generated.items():
        _write(os.path.join(etc, name), text.encode())
    for name in ETC_FILES:
        # Copies, not binds: package managers replace these files, and a bind would pin the old one.
        source = "/etc/" + name
        if os.path.isfile(source) and os.path.getsize(source) <= ETC_FILE_BYTES_MAX:
            os.makedirs(os.path.dirname(os.path.join(etc, name)), exist_ok=True)
            with open(source, "rb") as file:
                _write(os.path.join(etc, name), file.read())
    os.symlink("/proc/self/mounts", os.path.join(etc, "mtab"))


def _write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o644)


def _devices(dev):
    # Bound from the host: a user namespace may not make device nodes, and a container often may not either.
    for name in DEVICES:
        node = os.path.join(dev, name)
        _write(node, b"")
        kernel.mount("/dev/" + name, node, None, MS_BIND)
        # Read-only keeps its mode and owner from being changed; a device is written through all the same.
        remount_read_only(node, MS_NOSUID | MS_NOEXEC)
    for name, to in DEVICE_LINKS:
        os.symlink(to, os.path.join(dev, name))


def shown_paths(prefixes):
    """Each tree under its own path and, when that path leads over links, also under its real one."""
    paths = []
    for prefix in prefixes:
        for path in (os.path.realpath(prefix), os.path.normpath(prefix)):
            if not path.startswith("/") or path in ("/", "/tmp"):
                raise ValueError("refused to show %r inside a sandbox" % prefix)
            if any(path == each or path.startswith(each + "/") for each in RESERVED):
                raise ValueError("an interpreter under %s cannot be shown inside a sandbox" % path)
            if path not in paths:
                paths.append(path)
    return paths


def is_in_tmp(path):
    """Trees there cannot be in the base: every sandbox mounts a /tmp of its own over it."""
    return path.startswith("/tmp/")


def show(path, target):
    """The host's tree, read-only, under the same path beneath `target`."""
    os.makedirs(target + path, exist_ok=True)
    bind_tree_read_only(path, target + path)


def bind_tree_read_only(source, target):
    kernel.mount(source, target, None, MS_BIND | MS_REC)
    for point in _mounts_at_and_below(os.path.realpath(target)):
        remount_read_only(point)


def remount_read_only(point, extra=MS_NOSUID | MS_NODEV):
    # Inside a user namespace a flag that came with the mount is locked: leaving it out is refused.
    have = os.statvfs(point).f_flag
    kept = sum(flag for bit, flag in _KEPT_FLAGS if have & bit)
    kernel.mount(None, point, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept | extra)


def _mounts_at_and_below(path):
    points = {path}
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            point = os.fsdecode(_unescaped(line.split(b" ")[4]))
            if point.startswith(path + "/"):
                points.add(point)
    return sorted(points)


def _unescaped(text):
    for octal, plain in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        text = text.replace(octal, plain)
    return text
