# SPDX-License-Identifier: MIT
"""Starts a Linux kernel that lies in guest memory already: boot parameters and a boot ROM.

An emulator that can place files in guest memory needs no boot medium, no boot loader and no BIOS
drivers: the firmware's scan for video ROMs finds ours instead, which enters the kernel by the
32-bit boot protocol (Documentation/x86/boot.rst in the kernel's source). On Bochs that saves 600
million ticks and a CD-ROM image per boot.
"""

import struct
from dataclasses import dataclass

from dunelab.errors import UsageError

ROM_BASE = 0xc0000          # where a PC's firmware looks for the video ROM first
ROM_SIZE = 2048
PARAMS_BASE = 0x90000       # conventional memory the firmware leaves alone
PARAMS_SIZE = 8192          # the zero page, then the command line
CMDLINE_OFFSET = 4096
TOP_RESERVED = 0x10000      # the firmware's ACPI tables, at the end of memory
MEMORY_MAX_MIB = 2048       # below the PCI hole, with room to spare

_RAM, _RESERVED, _ACPI = 1, 2, 3


@dataclass(frozen=True)
class Layout:
    """Where everything goes: (address, what). `image_address` is where the whole bzImage file is
    to be placed so that its 32-bit part lies at `entry`; addresses are physical, in bytes."""

    params: bytes
    rom: bytes
    entry: int
    image_address: int
    initrd_address: int


def plan(image, initrd_size, cmdline, memory_mib):
    """The Layout for one boot.

    image: the bzImage's bytes (the first 4 KiB suffice). initrd_size: bytes. cmdline: str.
    UsageError when the image is not a bzImage or something does not fit.
    """
    if not 64 <= memory_mib <= MEMORY_MAX_MIB:
        raise UsageError(f"{memory_mib} MiB of guest memory: it takes 64 to {MEMORY_MAX_MIB}")
    if len(image) < 0x270 or image[0x202:0x206] != b"HdrS":
        raise UsageError("the kernel is not a bzImage (x86 vmlinuz)")
    version, = struct.unpack_from("<H", image, 0x206)
    if version < 0x20a or not image[0x211] & 1:
        raise UsageError(f"boot protocol {version:#x} of this kernel is too old: 2.10 is needed")
    cmdline_max, = struct.unpack_from("<I", image, 0x238)
    entry, = struct.unpack_from("<Q", image, 0x258)
    init_size, = struct.unpack_from("<I", image, 0x260)
    text = cmdline.encode()
    if len(text) > min(cmdline_max, PARAMS_SIZE - CMDLINE_OFFSET - 1):
        raise UsageError(f"the kernel arguments are too long: {len(text)} bytes, at most "
                         f"{cmdline_max}")
    top = (memory_mib << 20) - TOP_RESERVED
    initrd = (top - initrd_size) & ~0xfff
    if initrd < entry + init_size:
        need = (entry + init_size + initrd_size + TOP_RESERVED >> 20) + 1
        raise UsageError(f"kernel and initrd do not fit into {memory_mib} MiB of guest memory; "
                         f"they need {need} MiB")
    setup_size = ((image[0x1f1] or 4) + 1) * 512
    params = _params(image, entry, initrd, initrd_size, text, top)
    return Layout(params, boot_rom(entry), entry, entry - setup_size, initrd)


def _params(image, entry, initrd, initrd_size, cmdline, top):
    """The zero page with the setup header, the memory map and the command line behind it."""
    page = bytearray(PARAMS_SIZE)
    header_end = 0x202 + image[0x201]
    page[0x1f1:header_end] = image[0x1f1:header_end]
    page[0x210] = 0xff                                  # boot loader: none of the registered ones
    struct.pack_into("<I", page, 0x214, entry)
    struct.pack_into("<II", page, 0x218, initrd, initrd_size)
    struct.pack_into("<I", page, 0x228, PARAMS_BASE + CMDLINE_OFFSET)
    page[CMDLINE_OFFSET:CMDLINE_OFFSET + len(cmdline)] = cmdline
    memory_map = [
        (0, 0x9f000, _RAM),
        (0x9f000, 0x1000, _RESERVED),                   # the BIOS' own data
        (0xe8000, 0x18000, _RESERVED),
        (0x100000, top - 0x100000, _RAM),
        (top, TOP_RESERVED, _ACPI),
        (0xfffc0000, 0x40000, _RESERVED),
    ]
    page[0x1e8] = len(memory_map)
    for index, entry_ in enumerate(memory_map):
        struct.pack_into("<QQI", page, 0x2d0 + 20 * index, *entry_)
    return bytes(page)


def boot_rom(entry):
    """A video ROM whose initialisation never returns: it enters protected mode and jumps to the
    kernel at `entry` with the boot parameters in ESI, all segments flat, interrupts off."""
    gdtr, gdt = 0x70, 0x80
    real = bytes.fromhex(
        "fa fc"                                         # cli; cld
        " 2e 66 0f 01 16") + struct.pack("<H", gdtr) + bytes.fromhex(   # lgdt cs:[gdtr]
        "0f 20 c0 0c 01 0f 22 c0")                      # mov eax,cr0; or al,1; mov cr0,eax
    start32 = ROM_BASE + 3 + len(real) + 8
    far_jump = b"\x66\xea" + struct.pack("<IH", start32, 0x10)          # jmp 0x10:start32
    flat = (
        bytes.fromhex("b8 18 00 00 00"                  # mov eax,0x18
                      " 8e d8 8e c0 8e d0 8e e0 8e e8"  # ds es ss fs gs
                      " 31 ed 31 ff 31 db")             # ebp, edi, ebx = 0
        + b"\xbe" + struct.pack("<I", PARAMS_BASE)      # mov esi,params
        + b"\xb9" + struct.pack("<I", entry)            # mov ecx,entry
        + b"\xff\xe1")                                  # jmp ecx
    rom = bytearray(ROM_SIZE)
    rom[0:3] = b"\x55\xaa" + bytes([ROM_SIZE // 512])   # signature and length the firmware wants
    code = real + far_jump + flat
    assert 3 + len(code) <= gdtr
    rom[3:3 + len(code)] = code
    rom[gdtr:gdtr + 6] = struct.pack("<HI", 0x1f, ROM_BASE + gdt)
    rom[gdt + 0x10:gdt + 0x18] = bytes.fromhex("ffff0000009acf00")      # 0x10: code, 4 GiB
    rom[gdt + 0x18:gdt + 0x20] = bytes.fromhex("ffff00000092cf00")      # 0x18: data, 4 GiB
    rom[-1] = -sum(rom) & 0xff                          # the firmware checks that the sum is 0
    return bytes(rom)
