# SPDX-License-Identifier: MIT
"""Where the members of a kernel's structures lie, from its own type information (BTF)."""

import struct

MAGIC = 0xeb9f
_STRUCT = 4
# kind -> bytes after the type's 12: (fixed, for each of vlen)
_EXTRA = {0: (0, 0), 1: (4, 0), 2: (0, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 7: (0, 0),
          8: (0, 0), 9: (0, 0), 10: (0, 0), 11: (0, 0), 12: (0, 0), 13: (0, 8), 14: (4, 0),
          15: (0, 12), 16: (0, 0), 17: (4, 0), 18: (0, 0), 19: (0, 12)}


def offsets(data, name, members):
    """{member: offset in bytes} of the structure `name`, or ValueError."""
    try:
        magic, _, _, header, types, type_bytes, strings, string_bytes = struct.unpack_from(
            "<HBBIIIII", data)
        if magic != MAGIC:
            raise ValueError("it is no BTF")
        at, end = header + types, header + types + type_bytes
        texts = data[header + strings:header + strings + string_bytes]
        wanted = {member.encode(): member for member in members}
        while at < end:
            name_off, info, _ = struct.unpack_from("<III", data, at)
            kind, count = info >> 24 & 31, info & 0xffff
            fixed, each = _EXTRA[kind]
            at += 12
            if kind == _STRUCT and _text(texts, name_off) == name.encode():
                found = {}
                for n in range(count):
                    member, _, offset = struct.unpack_from("<III", data, at + 12 * n)
                    key = wanted.get(_text(texts, member))
                    if key:
                        found[key] = (offset & 0xffffff if info >> 31 else offset) // 8
                if len(found) == len(wanted):
                    return found
            at += fixed + each * count
    except (struct.error, KeyError) as error:
        raise ValueError(f"damaged BTF: {error}") from None
    raise ValueError(f"no structure {name} with {', '.join(members)}")


def _text(texts, offset):
    return texts[offset:texts.index(b"\0", offset)]
