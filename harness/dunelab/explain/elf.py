# SPDX-License-Identifier: MIT
"""The functions of an ELF file: programs with fixed addresses, and modules as the kernel lays them
out."""

import struct

_ALLOC, _EXEC = 2, 4
_SYMTAB, _NOTYPE, _FUNC = 2, 0, 2


def functions(path):
    """[(address, size, name)] of a program's symbol table; [] when it has none. A size of 0: up to
    the next one; the last is the end of its code, named "". ValueError when it is no 64-bit ELF
    file."""
    data, sections = _read(path)
    found = [(value, size, name) for value, size, name, _ in _symbols(data, sections)]
    ends = [section["address"] + section["size"] for section in sections
            if section["flags"] & _EXEC]
    return [*found, (max(ends), 0, "")] if found else []


def module_functions(path, base):
    """The same of a loaded module, whose first executable section lies at `base`."""
    data, sections = _read(path)
    places, at = {}, base
    for number, section in enumerate(sections):
        if section["flags"] & (_ALLOC | _EXEC) == _ALLOC | _EXEC and \
                not section["name"].startswith(".init"):
            at = -(-at // max(section["align"], 1)) * max(section["align"], 1)
            places[number] = at
            at += section["size"]
    return [(places[index] + value, size, name)
            for value, size, name, index in _symbols(data, sections) if index in places]


def _read(path):
    data = path.read_bytes()
    try:
        if data[:5] != b"\x7fELF\x02":
            raise ValueError(f"{path}: no 64-bit ELF file")
        offset, = struct.unpack_from("<Q", data, 0x28)
        size, count, names = struct.unpack_from("<HHH", data, 0x3a)
        sections = []
        for n in range(count):
            fields = struct.unpack_from("<IIQQQQIIQQ", data, offset + n * size)
            sections.append(dict(zip(("name", "type", "flags", "address", "offset", "size", "link",
                                      "info", "align", "entry"), fields)))
        texts = sections[names]["offset"] if sections else 0
        for section in sections:
            section["name"] = _text(data, texts + section["name"])
    except (struct.error, IndexError) as error:
        raise ValueError(f"{path}: damaged: {error}") from None
    return data, sections


def _symbols(data, sections):
    found = []
    for table in sections:
        if table["type"] != _SYMTAB:
            continue
        texts = sections[table["link"]]["offset"]
        for at in range(table["offset"], table["offset"] + table["size"], 24):
            name, info, _, index, value, size = struct.unpack_from("<IBBHQQ", data, at)
            executable = index < len(sections) and sections[index]["flags"] & _EXEC
            if executable and info & 15 in (_NOTYPE, _FUNC) and name:
                found.append((value, size, _text(data, texts + name), index))
    return found


def _text(data, offset):
    return data[offset:data.index(b"\0", offset)].decode("utf-8", "replace")
