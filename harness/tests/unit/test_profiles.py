# SPDX-License-Identifier: MIT
"""Cost profiles: what a file may say, what is refused and named, what the emulator gets to read."""

from fractions import Fraction

import pytest

from dunelab import cli, engine, profiles
from dunelab.engine.bochs import Bochs, BochsVmx
from dunelab.errors import UsageError

HEAD = 'title = "x"\nvendor = "intel"\nghz = 3\ncycles_per_instruction = "3/4"\n'


def test_none_charges_nothing_and_leaves_the_clock_domain():
    chosen = engine.get("bochs-vmx", "none")
    assert chosen.profile == "none" and chosen.clock_domain == "instr(bochs)"
    assert not chosen.costs.charges


@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_is_valid_and_is_taken_by_its_vendors_machine(name):
    loaded = profiles.load(name)
    if loaded.charges:
        assert profiles.load(f"{name}+caches").data_cache
        mine, other = (Bochs, BochsVmx) if loaded.vendor == "amd" else (BochsVmx, Bochs)
        chosen = mine(profile=name)
        assert chosen.clock_domain == "cycles(bochs-model)" and chosen.profile == name
        with pytest.raises(UsageError, match=loaded.vendor):
            other(profile=name)
        assert loaded.costs["exit.default"] > 0 and loaded.costs["event.entry"] > 0


def test_there_are_the_papers_processor_a_current_intel_and_a_current_amd():
    loaded = [profiles.load(name) for name in profiles.names()]
    assert loaded[0].name == "none" and "ivybridge-2012" in profiles.names()
    assert {p.vendor for p in loaded if p.charges} == {"intel", "amd"}


@pytest.mark.parametrize("name", ["qemu", "qemu-icount", "kvm"])
def test_engines_without_a_model_refuse_a_profile(name):
    with pytest.raises(UsageError, match="ivybridge-2012.*bochs"):
        engine.get(name, "ivybridge-2012")
    assert engine.get(name, "none").profile == "none"


def test_an_unknown_profile_is_named_and_the_exit_status_is_not_zero(capsys):
    status = cli.main(["boot", "--engine", "bochs", "--profile", "pentium", "--", "true"])
    said = capsys.readouterr().err
    assert status == 2 and "'pentium'" in said and "ivybridge-2012" in said


def test_an_experiment_on_the_other_vendors_machine_says_which_one_to_take(capsys):
    status = cli.main(["experiment", "kv", "--check", "--engine", "bochs",
                       "--profile", "ivybridge-2012"])
    assert status == 2 and "ENGINE=bochs-vmx" in capsys.readouterr().err


@pytest.mark.parametrize("text, named", [
    ("speed = 1", "unknown key 'speed'"),
    ("[exit]\nvmrun = 1", "exit.vmrun"),
    ("[instruction]\nadd = 1", "instruction.add"),
    ("[event]\naddress_space = 1", "event.address_space"),
    ("[exit]\ndefault = -1", "exit.default = -1"),
    ("[exit]\ndefault = 1e9", "exit.default"),
    ("[exit]\ndefault = true", "exit.default"),
    ("[event]\nentry = \"1/0\"", "event.entry"),
    ("[event]\nentry = \"1/7\"", "event.entry"),
    ("[event]\nentry = nan", "event.entry"),
    ("exit = 3", "exit: want a table"),
    ("[cache]\ntlb_4k = 512", "cache.tlb_4k"),
    ("[cache]\ntlb_4k = [512, 0]", "cache.tlb_4k"),
    ("[cache]\ntlb_4k = [48, 4]", "power of two"),
    ("[cache]\ntlb_4k = [1048576, 4]", "cache.tlb_4k"),
    ("[walk]\nreference = 10", "walk.reference without cache.tlb_4k"),
    ("[fitted]\n\"walk.start\" = \"linux.walk\"", "walk.start"),
    ("[fitted]\ncycles_per_instruction = \"dune.trap\"", "linux.NAME"),
    ("[published]\n\"linux.trap\" = 2821\n[fitted]\n\"event.entry\" = \"linux.trap\"",
     "no constant 'event.entry'"),
    ("[fitted]\ncycles_per_instruction = \"linux.trap\"", "published row"),
    ("[published]\n\"kvm.exit\" = 1", "kvm.exit"),
    ("ghz = ", "Invalid value"),
])
def test_bad_input_is_named(text, named):
    with pytest.raises(UsageError, match=named.replace("[", r"\[")):
        profiles.parse("mine", HEAD + text)


@pytest.mark.parametrize("change, named", [
    (('"intel"', '"via"'), "vendor"),
    (("ghz = 3", "ghz = -3"), "ghz = -3"),
    (('"3/4"', "0"), "cycles_per_instruction"),
    (('"3/4"', '"-1"'), "cycles_per_instruction"),
    (('title = "x"\n', ""), "title"),
])
def test_bad_heads_are_named(change, named):
    with pytest.raises(UsageError, match=named):
        profiles.parse("mine", HEAD.replace(*change))


CACHES = """
[walk]
reference = 30
nested_reference = 31
[cache]
tlb_4k = [64, 4]
tlb_2m = [32, 32]
[data_cache]
line = 64
level_1 = [48, 12]
level_2 = [8192, 16]
level_1_latency = 4
level_2_latency = 30.5
memory_latency = 205
"""


def test_caches_of_data_are_on_by_the_profiles_name_only():
    off, on = (profiles.parse(name, HEAD + CACHES) for name in ("mine", "mine+caches"))
    assert not off.data_cache and "cache_line" not in off.flat()
    assert "walk_reference 120" in off.flat()
    assert on.name == "mine+caches" and on.data_cache.levels == ((49152, 12), (8388608, 16))
    lines = on.flat().splitlines()
    for line in ("cache_line 64", "cache_level 1 49152 12 16", "cache_level 2 8388608 16 122",
                 "cache_memory 820"):
        assert line in lines
    # a table's entry comes from where the caches have it
    assert "walk_reference" not in on.flat() and "nested_reference" not in on.flat()


@pytest.mark.parametrize("change, named", [
    (("line = 64", "line = 48"), "data_cache.line = 48"),
    (("line = 64", "line = 8192"), "data_cache.line"),
    (("line = 64\n", ""), "data_cache without data_cache.line"),
    (("memory_latency = 205", ""), "data_cache.memory_latency"),
    (("[48, 12]", "[48, 8]"), "data_cache.level_1 = [48, 8]"),
    (("[48, 12]", "[32, 3]"), "power of two"),
    (("[48, 12]", "32"), "data_cache.level_1 = 32"),
    (("[48, 12]", "[0, 8]"), "data_cache.level_1"),
    (("[48, 12]", "[-32, 8]"), "data_cache.level_1"),
    (("[48, 12]", "[16384, 16]"), "size of level_1"),
    (("[8192, 16]", "[1048576, 16]"), "data_cache.level_2"),
    (("[8192, 16]", "[8192, 128]"), "data_cache.level_2"),
    (("[8192, 16]", "[8192.5, 16]"), "data_cache.level_2"),
    (("= 30.5", "= 3"), "data_cache.level_2_latency = 3"),
    (("= 205", "= -1"), "data_cache.memory_latency"),
    (("= 205", "= 1e9"), "data_cache.memory_latency"),
    (("line = 64", "line = 64\nlevel_3 = [1, 1]"), "data_cache.level_3"),
    (("tlb_2m = [32, 32]", ""), "cache.tlb_2m"),
])
@pytest.mark.parametrize("name", ["mine", "mine+caches"])
def test_bad_caches_are_named(name, change, named):
    with pytest.raises(UsageError, match=named.replace("[", r"\[")):
        profiles.parse(name, HEAD + CACHES.replace(*change))


@pytest.mark.parametrize("name, named", [
    ("none+caches", "no caches"), ("ivybridge-2012+cache", r"\+caches"),
    ("ivybridge-2012+caches+caches", "no cost profile"), ("+caches", "no cost profile")])
def test_caches_that_there_are_not_are_refused(name, named):
    with pytest.raises(UsageError, match=named):
        profiles.load(name)


def test_a_record_with_caches_says_so():
    chosen = BochsVmx(profile="ivybridge-2012+caches")
    assert chosen.profile == "ivybridge-2012+caches"
    assert chosen.clock_domain == "cycles(bochs-model)"


def test_the_emulator_reads_whole_units():
    profile = profiles.parse("mine", HEAD + """
[exit]
default = 100
cpuid = 70.5
[event]
entry = 200
string_byte = "1/16"
[walk]
nested_reference = 1
[cache]
tlb_4k = [64, 4]
tlb_2m = [32, 32]
[instruction]
wrmsr = 100
""")
    assert profile.cycles == Fraction(3, 4)
    lines = profile.flat().splitlines()
    assert lines[:2] == ["clock 12 16", "exit_default 1600"]
    for line in ("exit 10 1128", "entry 3200", "string_byte 1", "instruction wrmsr 1600",
                 "nested_reference 16", "tlb_4k 64 4", "tlb_2m 32 32"):
        assert line in lines
    assert lines.index("exit_default 1600") < lines.index("exit 10 1128")


def test_an_amd_profiles_exits_have_svms_numbers():
    text = HEAD.replace("intel", "amd") + "[exit]\nhypercall = 7\n"
    assert f"exit {0x81} 28" in profiles.parse("mine", text).flat().splitlines()
