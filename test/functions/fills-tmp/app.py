# Writes to /tmp until it is full, or, with {inodes: true}, makes empty files until it may not. Only for sandboxes with a /tmp of their own.
import errno


def handler(event, context):
    chunk = b"\1" * (1024 * 1024)
    count = 0
    try:
        if event.get("inodes"):
            while count < 10000000:
                open("/tmp/f%d" % count, "w").close()
                count += 1
        with open("/tmp/full", "wb", buffering=0) as file:
            while count < 64 * 1024:
                file.write(chunk)
                count += 1
    except OSError as error:
        return {"count": count, "stoppedBy": errno.errorcode.get(error.errno)}
    return {"count": count, "stoppedBy": None}
