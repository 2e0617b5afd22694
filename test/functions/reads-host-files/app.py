# Tries to read the paths it is given, and tells which it could, and who it is.
import errno
import os


def look(path):
    try:
        if os.path.isdir(path):
            return " ".join(os.listdir(path))
        with open(path, errors="replace") as file:
            return file.read(4096)
    except OSError as error:
        return {"error": errno.errorcode.get(error.errno)}


def handler(event, context):
    paths = event.get("paths", ["/", "/root", "/home", "/etc/shadow", "/proc/1/environ", "/var/lib", "/dev/shm"])
    return {"uid": os.getuid(), "seen": {path: look(path) for path in paths}}
