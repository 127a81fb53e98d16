"""Checks the files of a site against each other; each rule is a function from fleet to problems.

No file is read here. Every problem is reported at the file and line that should change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from buildlib.config.shconf import Conf, Problem
from buildlib.config.site.fleet import Hints, Known, Site
from buildlib.operations.site_check.disks import check_disks
from buildlib.operations.site_check.files import Fleet, Once, load_fleet
from buildlib.operations.site_check.fstab import check_fstabs
from buildlib.operations.site_check.links import check_links
from buildlib.operations.site_check.memory import check_memory
from buildlib.operations.site_check.network import check_networks

# The key with which a host verifies the image versions that it fetches.
IMAGE_KEY = "etc/goldmaster/images.pem"
# Authorities that a server trusts for https, and the names that certctl(8) looks for: NetBSD/src
# usr.sbin/certctl/certctl.sh 1.4.2.3 of 2023-09-06.
ANCHORS, ANCHOR_NAMES = "etc/openssl/trusted/", (".pem", ".cer", ".crt")


def check_site(site: Site, known: Known) -> list[Problem]:
    """All problems of a site whose files could be read, unordered."""
    problems: list[Problem] = []
    fleet = load_fleet(site, problems)
    problems.extend(_names(site, fleet))
    problems.extend(_macs(fleet))
    problems.extend(check_networks(site, fleet))
    problems.extend(check_memory(fleet, known.dom0))
    problems.extend(_processors(fleet))
    problems.extend(check_disks(fleet))
    problems.extend(check_fstabs(site, fleet))
    problems.extend(_bridges(fleet))
    problems.extend(_stores(site, fleet))
    problems.extend(_placements(site, fleet))
    problems.extend(_unknown(fleet, known))
    problems.extend(_mirrors(site, fleet))
    problems.extend(_anchors(site))
    problems.extend(check_links(site))
    return problems


def _names(site: Site, fleet: Fleet) -> Iterator[Problem]:
    """A name belongs to one machine; names are those of hosts and servers, and host names."""
    for name, folder in site.servers.items():
        if name in site.hosts:
            yield Problem(
                folder.place,
                0,
                f"{name} is also a host, {site.hosts[name].place}",
                "rename one of them",
                "twice-name",
            )
    called = Once("twice-name")
    for name, (says, conf) in fleet.servers.items():
        yield from called.see(says.hostname or name, name, conf, "hostname")
        if says.hostname in site.hosts:
            yield Problem(
                conf.file,
                conf.line("hostname"),
                f"hostname: {says.hostname} is a host",
                "rename one of them",
                "twice-name",
            )


def _macs(fleet: Fleet) -> Iterator[Problem]:
    """A MAC address belongs to one machine. A domU has the same one on every host."""
    macs = Once("twice-mac")
    for name, (host, conf) in fleet.hosts.items():
        yield from macs.see(host.mac, name, conf, "mac")
    for domu in fleet.domus:
        yield from macs.see(domu.says.mac, domu.name, domu.conf, "mac")


def _processors(fleet: Fleet) -> Iterator[Problem]:
    """A domU has no more processors than its host, if the host's number is given."""
    for domu in fleet.domus:
        if domu.host not in fleet.hosts:
            continue
        host, conf = fleet.hosts[domu.host]
        if 0 < host.cpus < domu.says.vcpus:
            yield Problem(
                domu.conf.file,
                domu.conf.line("vcpus"),
                f"vcpus: {domu.says.vcpus}, but {domu.host} has {host.cpus} processors, "
                f"{conf.file}:{conf.line('cpus')}",
                reason="cpus",
            )


def _bridges(fleet: Fleet) -> Iterator[Problem]:
    """A domU's bridge is one of its host's bridges."""
    for domu in fleet.domus:
        bridge = domu.says.bridge
        if bridge and domu.host in fleet.hosts:
            host, _ = fleet.hosts[domu.host]
            if bridge not in host.bridges:
                yield Problem(
                    domu.conf.file,
                    domu.conf.line("bridge"),
                    f"bridge: {domu.host} has no {bridge}",
                    f"it has {', '.join(host.bridges)}",
                    "bridge",
                )


def _anchors(site: Site) -> Iterator[Problem]:
    """Certificates to trust have names that certctl(8) looks for."""
    for folder in (*site.hosts.values(), *site.servers.values()):
        for path in folder.paths:
            name = path.removeprefix(ANCHORS)
            if path.startswith(ANCHORS) and (
                "/" in name or name.startswith(".") or not name.endswith(ANCHOR_NAMES)
            ):
                yield Problem(
                    f"{folder.place}/{path}",
                    0,
                    "this file is ignored: no certificate of this name is trusted",
                    f"give it a name that ends in {', '.join(ANCHOR_NAMES)}, directly in {ANCHORS}",
                    "unknown-file",
                )


def _stores(site: Site, fleet: Fleet) -> Iterator[Problem]:
    """Image versions need a folder that is not on the CD, and a key to verify them."""
    for name, (host, conf) in fleet.hosts.items():
        line = conf.line("image_url")
        if host.image_url and not host.image_store:
            yield Problem(
                conf.file,
                line,
                "image_url: image_store, the folder to fetch into, is not set",
                reason="image-store",
            )
        if host.image_url and IMAGE_KEY not in site.hosts[name].paths:
            yield Problem(
                conf.file,
                line,
                f"image_url: {name} has no {IMAGE_KEY} to verify signatures with",
                "docs/images.md explains how to make it",
                "image-key",
            )
        if host.image_store and f"{host.image_store}/".startswith(f"{host.image_dir}/"):
            yield Problem(
                conf.file,
                conf.line("image_store"),
                f"image_store: {host.image_store} is on the CD, like image_dir",
                "name a folder on a disk",
                "image-store",
            )


def _placements(site: Site, fleet: Fleet) -> Iterator[Problem]:
    """A domU has its own folder in vservers, and starts automatically on at most one host."""
    hints = Hints(site.servers)
    for name, placements in fleet.placements.items():
        if name not in site.servers:
            for placement in placements:
                yield Problem(
                    placement.conf.file,
                    0,
                    f"vservers/{name} does not exist",
                    hints.nearest(name),
                    "no-server",
                )
        started = [placement for placement in placements if placement.says.autostart]
        for placement in started[1:]:
            yield Problem(
                placement.conf.file,
                placement.conf.line("autostart"),
                f"{name} also starts automatically on {started[0].host}, {started[0].conf.file}",
                "set autostart=no on one of them",
                "two-hosts",
            )


def _unknown(fleet: Fleet, known: Known) -> Iterator[Problem]:
    """Images, kernels and recipes must exist; a domU's image must be that of its recipe."""
    images = _Names(f"{recipe}.ffs" for recipe in known.recipes)
    kernels, recipes = _Names(known.kernels), _Names(known.recipes)
    for domu in fleet.domus:
        says, conf = domu.says, domu.conf
        yield from images.check(conf, "image", says.image)
        yield from kernels.check(conf, "kernel", says.kernel)
        if says.image in images.names and domu.name in fleet.servers:
            server, where = fleet.servers[domu.name]
            if server.recipe in recipes.names and says.image != f"{server.recipe}.ffs":
                yield Problem(
                    conf.file,
                    conf.line("image"),
                    f"image: {says.image}, but the recipe of {domu.name} is "
                    f"{server.recipe}, {where.file}:{where.line('recipe')}",
                    reason="other-image",
                )
    for server, conf in fleet.servers.values():
        yield from recipes.check(conf, "recipe", server.recipe)


class _Names:
    """All valid names for a key."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self._hints = Hints(self.names)
        self._all = f"known: {', '.join(sorted(self.names)) or 'none'}"

    def check(self, conf: Conf, key: str, name: str) -> Iterator[Problem]:
        """Report a name that is not among them; an empty name is valid."""
        if name and name not in self.names:
            yield Problem(
                conf.file,
                conf.line(key),
                f"{key}: there is no {name}",
                self._hints.nearest(name) or self._all,
                f"unknown-{key}",
            )


def _mirrors(site: Site, fleet: Fleet) -> Iterator[Problem]:
    """A volume's halves are on two servers on different hosts, and only one server uses it."""
    names = _server_names(site, fleet)
    hints, used = Hints((*site.hosts, *site.servers)), Once("twice-volume")
    for name, (storage, conf) in fleet.storage.items():
        halves = [("volume1", storage.volume1), ("volume2", storage.volume2)]
        first, second = (names.get(volume.server) if volume else None for _, volume in halves)
        for key, volume in halves:
            if volume is None:
                continue
            place = names.get(volume.server, volume.server)
            yield from used.see(f"{volume.target} of {place}", name, conf, key)
            if volume.server not in names:
                yield Problem(
                    conf.file,
                    conf.line(key),
                    f"{key}: there is no server {volume.server}",
                    hints.nearest(volume.server),
                    "unknown-server",
                )
        if first is None or second is None:
            continue
        line = conf.line("volume2")
        if first == second:
            yield Problem(
                conf.file,
                line,
                f"volume2: both halves are on {first}",
                "use another storage server",
                "one-server",
            )
            continue
        host = _host_of(first, site, fleet)
        if host and host == _host_of(second, site, fleet):
            yield Problem(
                conf.file,
                line,
                f"volume2: {first} and {second} both run on the host {host}",
                "use a storage server on another host",
                "one-host",
            )


def _server_names(site: Site, fleet: Fleet) -> Mapping[str, str]:
    """Everything that a server or host can be called by (name, host name, address), to its name."""
    names = {name: name for name in (*site.hosts, *site.servers)}
    for name, (host, _) in fleet.hosts.items():
        names.setdefault(host.address.text, name)
    for name, (server, _) in fleet.servers.items():
        names.setdefault(server.address.text, name)
        names.setdefault(server.hostname, name)
        names.setdefault(server.hostname.partition(".")[0], name)
    names.pop("", None)
    return names


def _host_of(server: str, site: Site, fleet: Fleet) -> str:
    """The host that a server runs on; empty if there are several possible hosts, or none."""
    if server in site.hosts:
        return server
    placements = fleet.placements.get(server, [])
    started = [placement.host for placement in placements if placement.says.autostart] or [
        placement.host for placement in placements
    ]
    return started[0] if len(set(started)) == 1 else ""
