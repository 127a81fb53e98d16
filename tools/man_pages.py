"""Writes manual pages of the command and of configuration files: python tools/man_pages.py

    docs/man/goldmaster.1          the command: commands, tasks, settings, exit statuses
    docs/man/goldmaster-recipe.5   every key of a recipe
    docs/man/goldmaster-site.5     every key of a fleet's configuration, for servers too

They have the same content as docs/reference, from the same places in the code. A wheel installs
them where man(1) of its environment looks. Those of the servers' own commands are written by hand,
in overlays.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from buildlib.config.recipe import Recipe
from buildlib.config.settings import Settings
from tools import command_page, reference_page, site_page
from tools.dataclass_docs import ROOT, Key, example_text, keys_of, summary, table_class, tables_of
from tools.mdoc import argument, head, items, literal, paragraphs, prose, usage

FOLDER = ROOT / "docs/man"
ON_SERVERS = ROOT / "recipes/server/overlay/usr/share/man/man5"
DATE = "November 29, 2026"  # of the last change of the texts below
ABOUT = """
`goldmaster` builds the boot media of a NetBSD/Xen server fleet from release sets, kernel
configurations, binary packages and overlays. The results are a bootable dom0 CD and read-only domU
root images, bit for bit the same on every machine. Only what has changed is built again.

It is doit(1) with commands of its own, and works in the folder of a project: one with dodo.py, as
`goldmaster init` makes it. There `doit` does the same. Without a command, the words are tasks to
run: `goldmaster iso` is `goldmaster run iso`, and `goldmaster` alone runs `iso`. Options come
before words, settings may be anywhere.

`goldmaster help` lists all commands, `goldmaster help COMMAND` explains one.
"""
SETTINGS = """
Each setting has one name. The command line (`NAME=VALUE`) takes precedence over the environment
(`GOLDMASTER_NAME`), which takes precedence over the file `recipes/settings.toml`
(`NAME = VALUE`). An unknown name is an error in all three places.
"""
ENVIRONMENT: Mapping[str, str] = {
    "GOLDMASTER_NAME": "The setting of that name, here in capital letters.",
    "SOURCE_DATE_EPOCH": "Time of everything in the images, in seconds since 1970. Default: the "
    "time of the newest pinned input.",
    "http_proxy, https_proxy, no_proxy": "Proxies for everything that is fetched.",
}
FILES: Mapping[str, str] = {
    "dodo.py": "Loads the project. You can add tasks of your own.",
    "sets/": "Inputs: release definitions, their locks, signing keys.",
    "kernel-configs/": "Kernel configurations.",
    "recipes/": "Outputs: `dom0.toml` is the boot CD, each `domu/NAME.toml` a root image. "
    "Overlays are there too.",
    "dist/": "Products: images, and beside each its digests, its mtree spec and its build record.",
    "build/": "The store, work folders, and logs in `build/log`. It may be deleted at any time.",
}
EXAMPLES = """
Make a project, and build the CD of the miniature release in it:

    goldmaster init fleet && cd fleet
    goldmaster iso

Pin a release of NetBSD, build its CD, and boot that in QEMU:

    goldmaster lock release=netbsd-10.1
    goldmaster iso release=netbsd-10.1
    goldmaster boot-test release=netbsd-10.1

See what a change would rebuild:

    goldmaster why
"""


def command() -> list[str]:
    """goldmaster(1)."""
    return [
        *head("goldmaster", 1, DATE, "build the boot media of a NetBSD/Xen server fleet"),
        ".Sh SYNOPSIS",
        ".Nm",
        f".Op Ar COMMAND\n.Op Ar OPTION ...\n.Op Ar WORD ...\n.Op {usage('SETTING=VALUE')} ...",
        ".Sh DESCRIPTION",
        *paragraphs(ABOUT),
        ".Sh COMMANDS",
        *items((_usage(name), _command(name)) for name in command_page.used()),
        ".Sh TASKS",
        *items(
            (f"Ic {name}", paragraphs(f"{command_page.sentence(line)} {command_page.more(name)}"))
            for name, line in command_page.tasks().items()
        ),
        ".Sh SETTINGS",
        *paragraphs(SETTINGS),
        *items((f"Cm {key.name}", _key(key)) for key in keys_of(Settings)),
        ".Sh ENVIRONMENT",
        *items(
            (f"Ev {name.replace(',', ' ,')}", prose(text)) for name, text in ENVIRONMENT.items()
        ),
        ".Sh FILES",
        *items((f"Pa {name}", prose(text)) for name, text in FILES.items()),
        ".Sh EXIT STATUS",
        *items(
            (argument(status), prose(text.replace("\\|", "|")))
            for status, text in command_page.statuses().items()
        ),
        ".Sh EXAMPLES",
        *paragraphs(EXAMPLES),
        ".Sh SEE ALSO",
        ".Xr doit 1 ,\n.Xr goldmaster\\-recipe 5 ,\n.Xr goldmaster\\-site 5",
    ]


def recipe() -> list[str]:
    """goldmaster-recipe(5)."""
    return [
        *head("goldmaster\\-recipe", 5, DATE, "the contents of a boot CD or root image"),
        ".Sh SYNOPSIS",
        ".Pa recipes/dom0.toml",
        ".Pp",
        ".Pa recipes/domu/ Ns Ar NAME Ns Pa .toml",
        ".Sh DESCRIPTION",
        *paragraphs(reference_page.PAGES["recipe"].intro.replace("../", "docs/")),
        *(line for at, kind in tables_of(Recipe) for line in _table(at, kind)),
        ".Sh EXAMPLES",
        *literal(example_text("recipe").partition("\n\n")[2]),
        ".Sh SEE ALSO",
        ".Xr goldmaster 1 ,\n.Xr goldmaster\\-site 5",
    ]


def site() -> list[str]:
    """goldmaster-site(5)."""
    return [
        *head("goldmaster\\-site", 5, DATE, "the configuration of a fleet"),
        ".Sh DESCRIPTION",
        *paragraphs(site_page.ABOUT),
        *(line for name in site_page.FILES for line in _site_file(name)),
        ".Sh EXAMPLES",
        "Write an example of a whole site, and check it:",
        *literal("goldmaster site-init DIR\ngoldmaster site-check DIR"),
        ".Sh SEE ALSO",
        ".Xr goldmaster 1 ,\n.Xr goldmaster\\-recipe 5 ,\n.Xr domus 8 ,",
        ".Xr goldmaster\\-images 8 ,\n.Xr goldmaster\\-mirror 8 ,\n.Xr goldmaster\\-update 8",
    ]


PAGES: Mapping[str, tuple[Callable[[], list[str]], tuple[Path, ...]]] = {
    "goldmaster.1": (command, (FOLDER,)),
    "goldmaster-recipe.5": (recipe, (FOLDER,)),
    "goldmaster-site.5": (site, (FOLDER, ON_SERVERS)),
}


def page_of(name: str) -> str:
    """A whole page."""
    note = '.\\" Generated by tools/man_pages.py: edit its sources, not this file.'
    return "\n".join([note, *PAGES[name][0]()]) + "\n"


def files_of(name: str) -> list[Path]:
    """The paths of a page."""
    return [folder / name for folder in PAGES[name][1]]


def _usage(name: str) -> str:
    return f"Ic {argument(name)} {usage(command_page.class_of(name).doc_usage)}".rstrip()


def _command(name: str) -> list[str]:
    lines = paragraphs("\n\n".join(map(_flat, command_page.description(name))))
    if options := command_page.options_of(name):
        lines += items((_forms(forms), prose(text)) for forms, text in options)
    for note in command_page.notes(name):
        lines += [".Pp", *prose(note)]
    return lines


def _forms(forms: list[str]) -> str:
    """The heading of an option: `Fl q , Fl -quiet`."""
    return " , ".join(
        f"Fl {argument(name[1:])}" + (f" Ns = Ns Ar {value}" if value else "")
        for name, _, value in (form.partition("=") for form in forms)
    )


def _flat(words: str) -> str:
    return " ".join(words.split())


def _table(at: str, kind: type) -> Iterator[str]:
    """The keys of a table of a recipe."""
    if at:
        yield f".Ss [{at}]"
        yield from prose(command_page.sentence(summary(kind)))
    yield from items((f"Cm {key.name}", _key(key)) for key in keys_of(kind))


def _key(key: Key) -> list[str]:
    """Meaning, type and default of a key."""
    lines = prose(command_page.sentence(key.meaning))
    if table_class(key.hint):
        return lines + prose("A table, below.")
    kind = f"Type: {reference_page.type_of(key)}."
    default = reference_page.default_of(key)
    ends = {"**required**": "Required.", "–": "", '`""`': ""}
    return lines + prose(f"{kind} {ends.get(default, f'Default: {default}.')}")


def _site_file(name: str) -> Iterator[str]:
    """The keys of a file of a site."""
    yield f".Ss {name}"
    yield from prose(site_page.purpose_of(name))
    yield from items(
        (" , ".join(f"Cm {one}" for one in keys.names), _site_key(keys))
        for keys in site_page.keys_of(site_page.FILES[name])
    )
    if name in site_page.NOTES:
        yield ".Pp"
        yield from prose(site_page.NOTES[name])


def _site_key(keys: site_page.SiteKeys) -> list[str]:
    end = "Required." if keys.needed else f"Default: `{keys.default}`."
    known = keys.needed or keys.default
    return prose(f"{command_page.sentence(keys.meaning)} {end if known else ''}")


if __name__ == "__main__":
    for page_name in PAGES:
        for path in files_of(page_name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page_of(page_name), encoding="utf-8")
