"""Addresses, routes and link states of the network namespace we are in, by ioctl: no helper program needed."""

import fcntl
import socket
import struct

SIOCADDRT, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x890B, 0x8913, 0x8914, 0x8916, 0x891C
IFF_UP = 1
RTF_UP, RTF_GATEWAY = 1, 2


def bring_up_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _bring_up(control, b"lo")


def configure_uplink(name, address, netmask, gateway):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        link = name.encode()
        fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16s16s8x", link, _address(address)))
        fcntl.ioctl(control, SIOCSIFNETMASK, struct.pack("16s16s8x", link, _address(netmask)))
        _bring_up(control, link)
        # struct rtentry: destination 0.0.0.0/0 by way of the gateway.
        anywhere = _address("0.0.0.0")
        route = struct.pack("8x16s16s16sH62x", anywhere, _address(gateway), anywhere, RTF_UP | RTF_GATEWAY)
        fcntl.ioctl(control, SIOCADDRT, route)


def _bring_up(control, link):
    request = struct.pack("16sH22x", link, 0)
    flags = struct.unpack("16sH22x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", link, flags | IFF_UP))


def _address(dotted):
    return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(dotted))
