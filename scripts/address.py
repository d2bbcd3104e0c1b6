# SPDX-License-Identifier: LGPL-2.1-or-later
"""Addresses as they may be shown: embed::public_address (libembed/base/address.cpp) for Python."""
import re


def public_address(address):
    """Without user, password, query and fragment where it is a URL; else as it is."""
    scheme, mark, rest = address.partition("://")
    if not mark or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return address
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    port = authority.rpartition(":")
    password = bool(port[1]) and not authority.endswith("]") and not re.fullmatch(r"[0-9]+", port[2])
    if "@" in rest and (password or rest.rindex("@") < len(authority)):
        rest = rest[rest.rindex("@") + 1:]
    elif "@" in authority:
        rest = rest[authority.rindex("@") + 1:]
    return scheme + mark + re.split(r"[?#]", rest, maxsplit=1)[0]
