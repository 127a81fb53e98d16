"""Actions of packages beyond their declarations: all such lines are found, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildlib.pkgsrc.pkginstall import Declarations, parse_install
from buildlib.pkgsrc.plist import parse_plist
from buildlib.pkgsrc.unapplied import Action, actions_of

PLIST = b"@name a-1\n@cwd /usr/pkg\nbin/a\n"

# A script in pkgsrc's form: settings, helpers in here-documents, the stages, the
# package's own part, the end, the data.
HEAD = """\
#!/bin/sh
#
# The head.

SELF="$0"
PKGNAME="$1"
STAGE="$2"
shift 2

CAT="/bin/cat"
TEST="test"
PERL5=""
CURDIR=`${PWD_CMD}`
: ${PKG_METADATA_DIR=${CURDIR}}
PKGBASE="a"
PREFIX="/usr/pkg"
case ${PKG_PREFIX} in
${LOCALBASE}/*)	VIEW="${PKG_PREFIX#${LOCALBASE}/}" ;;
*)		VIEW="" ;;
esac
case "${PKG_CONFIG:-yes}" in
[Yy][Ee][Ss]|[Tt][Rr][Uu][Ee]|[Oo][Nn]|1)
	_PKG_CONFIG=yes
	;;
[Nn][Oo]|[Ff][Aa][Ll][Ss][Ee]|[Oo][Ff][Ff]|0)
	_PKG_CONFIG=no
	;;
esac
"""
HELPER = """\
# Makes a helper.
case "${STAGE},$1" in
UNPACK,|UNPACK,+DIRS)
	${CAT} > ./+DIRS << 'EOF'
#!/bin/sh
# Works on lines such as
#	# DIR: /etc/foo m
its own business
EOF
	${SED} -n "/^\\# DIR: /p" ${SELF} >> ./+DIRS
	${CHMOD} +x ./+DIRS
	;;
esac
"""
STAGES = """\
case ${STAGE} in
PRE-INSTALL)
	${SH} ${SELF} ${PKGNAME} UNPACK
	${TEST} ! -x ./+USERGROUP ||
		{ ./+USERGROUP ADD ${PKG_METADATA_DIR}
		if ./+USERGROUP CHECK-ADD ${PKG_METADATA_DIR}; then
			:
		else
			exit 1
		fi; }
	${TEST} ! -x ./+DIRS ||
		./+DIRS ADD ${PKG_METADATA_DIR}
	;;

POST-INSTALL)
	${TEST} ! -x ./+FILES ||
		./+FILES ADD ${PKG_METADATA_DIR}
	${TEST} ! -x ./+PERMS ||
		./+PERMS ${PKG_METADATA_DIR}
	;;
esac
"""
END = """\
case ${STAGE} in
POST-INSTALL)
	if [ "${PKG_INSTALLATION_TYPE}" = "overwrite" ]; then
		${SETENV} PKG_PREFIX="${PKG_PREFIX}" \\
			$0 ${PKGNAME} VIEW-INSTALL
	fi
	;;
esac

exit 0

# DIR: etc/a m
# USER: a:a
"""
OWN = """\
case ${STAGE} in
POST-INSTALL)
	if ${TEST} ! -f ${PREFIX}/etc/a.key; then
		${PREFIX}/bin/a-keygen
	fi
	KEY=`${PREFIX}/bin/a`
	;;
esac
a-always
"""


def told(
    script: str, plist: bytes = PLIST, declared: Declarations | None = None
) -> tuple[Action, ...]:
    data = script.encode(errors="surrogateescape")
    found = declared or parse_install(data, prefix="/usr/pkg")
    return actions_of(data, parse_plist(plist), found)


def test_a_script_of_templates_alone() -> None:
    assert told(HEAD + HELPER + STAGES + END) == ()


def test_the_package_s_own_code_is_told_line_by_line() -> None:
    before = HEAD + HELPER + STAGES
    at = before.count("\n")
    stage = "+INSTALL: POST-INSTALL"
    assert told(before + OWN + END) == (
        Action(stage, at + 3, "if ${TEST} ! -f ${PREFIX}/etc/a.key; then"),
        Action(stage, at + 4, "${PREFIX}/bin/a-keygen"),
        Action(stage, at + 6, "KEY=`${PREFIX}/bin/a`"),
        Action("+INSTALL", at + 9, "a-always"),
    )


@pytest.mark.parametrize(
    ("old", "new"), [("+DIRS", "+MINE"), ("# DIR: /etc/foo m", "nothing"), ("\nEOF\n", "\n")]
)
def test_a_helper_is_known_by_name_and_by_what_it_reads(old: str, new: str) -> None:
    """Any package can contain a here-document."""
    script = HEAD + HELPER.replace(old, new) + END
    assert "its own business" in {item.text for item in told(script)}


@pytest.mark.parametrize(
    "line",
    [
        "./+DIRS ADD ${PKG_METADATA_DIR}; x",
        "exit 0; x",
        ": ${A=`x`}",
        ": ${A=$(x)}",
        'A="$(x)"',
        "A=1 x",
        "esac | x",
        "shift 2 && x",
        "PRE-INSTALL) x",
        "fi & x",
        "else x",
        "*) x",
    ],
)
def test_what_follows_on_a_known_line_is_told(line: str) -> None:
    assert [item.text for item in told(f"{line}\n")] == [line]


def test_packing_lists_and_registers() -> None:
    plist = PLIST + b"@exec /sbin/ldconfig\n@unexec rm x\n@exec %D/bin/a -init\n"
    declared = Declarations(
        info=(("/usr/pkg/info/a.info", ""),),
        fonts=(("/usr/pkg/lib/X11/fonts/TTF", "ttf"),),
        icon_themes=(("/usr/pkg/share/icons/x", ""),),
    )
    assert actions_of(None, parse_plist(plist), declared) == (
        Action("+CONTENTS: @exec", 4, "/sbin/ldconfig"),
        Action("+CONTENTS: @exec", 6, "%D/bin/a -init"),
        Action("+INSTALL: fonts", 0, "/usr/pkg/lib/X11/fonts/TTF ttf"),
        Action("+INSTALL: info", 0, "/usr/pkg/info/a.info"),
        Action("+INSTALL: icon theme", 0, "/usr/pkg/share/icons/x"),
    )


@pytest.mark.thorough
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n\r")))
def test_no_line_is_lost(text: str) -> None:
    """Every line that begins with a command is reported, anywhere in the script."""
    line = f"/bin/x {text}".strip()
    for script in (
        f"{line}\n{HEAD}",
        f"{HEAD}{HELPER}{line}\n{STAGES}",
        STAGES.replace("\t;;", f"{line}\n\t;;"),
    ):
        assert line in [item.text for item in told(script, declared=Declarations())]
