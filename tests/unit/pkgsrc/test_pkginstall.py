"""Declarations in install scripts, in the forms that mk/pkginstall/bsd.pkginstall.mk writes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildlib.model.errors import GoldmasterError, SourceError
from buildlib.pkgsrc.pkginstall import (
    ConfigFile,
    Declarations,
    Directory,
    Group,
    Ownership,
    Permission,
    User,
    parse_install,
)

SCRIPT = rb"""#!/bin/sh
case "${STAGE},$1" in
UNPACK,)
	cat > ./+FILES << 'END'
# Lines starting with "# FILE: " are data, for example
#	# FILE: /etc/example c /example
  # FILE: /not/this c /one
END
	sed -n "/^\# FILE: /p" ${SELF}
esac
# GROUP: www
# GROUP: nginx:1001
# USER: nginx:nginx:1002:NGINX server user:/var/empty:/sbin/nologin
# USER: www:www
# USER: log:nginx::The Logger
# FILE: /etc/rc.d/nginx cr share/examples/rc.d/nginx 0755
# FILE: etc/nginx/nginx.conf c share/examples/nginx/nginx.conf 0644
# FILE: /var/x\ y cf /dev/null 0600 nginx nginx
# DIR: /etc/rc.d m
# DIR: etc/nginx m  \t
# DIR: /var/db/nginx mo 0700 nginx nginx
# DIR: share/plugins fm
# DIR: share/plugins fm
# PERMS: bin/lppasswd 4711 lp sys
# PERMS: /usr/pkg/etc/pwd.db 0600
# SHELL: bin/bash
# INFO: info/a.info
# INFO: info/b.info /usr/pkg/info
# FONTS: lib/fonts/ttf x11
# ICON_THEME: share/icons/hicolor
# NOTHING: else
""".replace(rb"\t", b"\t")


DECLARED = Declarations(
    groups=(Group("nginx", 1001), Group("www")),
    users=(
        User("log", "nginx", None, "The Logger"),
        User("nginx", "nginx", 1002, "NGINX server user", "/var/empty", "/sbin/nologin"),
        User("www", "www"),
    ),
    directories=(
        Directory("/etc/rc.d", make=True, forced=False, owned=False, ownership=Ownership()),
        Directory(
            "/var/db/nginx",
            make=True,
            forced=False,
            owned=True,
            ownership=Ownership("0700", "nginx", "nginx"),
        ),
        Directory(
            "/usr/pkg/etc/nginx", make=True, forced=False, owned=False, ownership=Ownership()
        ),
        Directory(
            "/usr/pkg/share/plugins", make=True, forced=True, owned=False, ownership=Ownership()
        ),
    ),
    files=(
        ConfigFile(
            path="/etc/rc.d/nginx",
            example="/usr/pkg/share/examples/rc.d/nginx",
            copy=True,
            forced=False,
            rc_script=True,
            ownership=Ownership("0755"),
        ),
        ConfigFile(
            path="/var/x y",
            example="/dev/null",
            copy=True,
            forced=True,
            rc_script=False,
            ownership=Ownership("0600", "nginx", "nginx"),
        ),
        ConfigFile(
            path="/usr/pkg/etc/nginx/nginx.conf",
            example="/usr/pkg/share/examples/nginx/nginx.conf",
            copy=True,
            forced=False,
            rc_script=False,
            ownership=Ownership("0644"),
        ),
    ),
    permissions=(
        Permission("/usr/pkg/etc/pwd.db", Ownership("0600")),
        Permission("/usr/pkg/bin/lppasswd", Ownership("4711", "lp", "sys")),
    ),
    shells=("/usr/pkg/bin/bash",),
    info=(("/usr/pkg/info/a.info", ""), ("/usr/pkg/info/b.info", "/usr/pkg/info")),
    fonts=(("/usr/pkg/lib/fonts/ttf", "x11"),),
    icon_themes=(("/usr/pkg/share/icons/hicolor", ""),),
)


def test_every_form() -> None:
    assert parse_install(SCRIPT, prefix="/usr/pkg") == DECLARED


def test_nothing_declared() -> None:
    assert parse_install(b"#!/bin/sh\nexit 0\n", prefix="/") == Declarations()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("# USER: nginx", "words"),
        ("# USER: :nginx", "name is missing"),
        ("# USER: a:b:x", "not the number"),
        ("# USER: a:b:1:c:d:e:f", "7 words"),
        ("# GROUP: a:-1", "not the number"),
        ("# GROUP: ", "name is missing"),
        ("# FILE: a c", "2 words instead of 3 to 6"),
        ("# FILE: ../a c b", "contains `..`"),
        ("# DIR: a", "words"),
        ("# DIR: a m 9999", "not a mode"),
        ("# PERMS: a", "words"),
        ("# SHELL: ", "0 words instead of 1"),
    ],
)
def test_errors_have_the_line(line: str, why: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_install(f"#!/bin/sh\n{line}\n".encode(), prefix="/usr/pkg", where="a-1: +INSTALL")
    assert caught.value.reason == "pkginstall"
    assert caught.value.where == "a-1: +INSTALL, line 2"
    assert caught.value.why is not None
    assert why in caught.value.why


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"# USER: ", b"# FILE: ", b"# DIR: ", b"# PERMS: ", b"# INFO: "]),
            st.binary(max_size=20) | st.sampled_from([b"a c b 0644 x y", b"a:b:1", b"a m \\"]),
        )
    )
)
def test_fuzz(lines: list[tuple[bytes, bytes]]) -> None:
    try:
        parse_install(b"\n".join(b"".join(line) for line in lines), prefix="/usr/pkg")
    except GoldmasterError as error:
        assert error.reason == "pkginstall"  # noqa: PT017  either is right
