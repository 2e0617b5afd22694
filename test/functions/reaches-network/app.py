# Tries to connect to the addresses it is given, and tells how each ended.
import errno
import socket


def knock(address):
    is_path = "path" in address
    with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as connection:
        connection.settimeout(2)
        try:
            connection.connect(address["path"] if is_path else (address["host"], address["port"]))
            return "connected"
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))


def handler(event, context):
    return [knock(address) for address in event["addresses"]]
