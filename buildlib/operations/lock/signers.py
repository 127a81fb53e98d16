"""Who must have signed the packages of a release: a key or a certificate beside its definition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from buildlib.config.configuration import Configuration
from buildlib.host.environment import find_tool
from buildlib.model.errors import ConfigError, ToolError
from buildlib.pkgsrc.trust import Authority, Signer, TrustedKey
from buildlib.sources.openpgp import load_certificate
from buildlib.sources.pkcs7 import Pkcs7, pinned
from buildlib.store.store import Store


def package_signer(
    configuration: Configuration, store: Store, *, check_times: bool = True
) -> Signer | None:
    """The signer; None if packages are not signed. Raises GoldmasterError.

    check_times  whether certificates must be valid today, as in `Pkcs7`
    """
    source = configuration.release.packages
    if not source.signer_file:
        return None
    path = configuration.beside[source.signer_file].path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "the packages' signing key cannot be read",
            where=path,
            why=error.strerror,
            hint="put it beside the release definition",
            reason="file",
        ) from error
    if source.key:
        load_certificate(data, fingerprint=source.fingerprint, where=str(path))
        return TrustedKey(data, source.fingerprint)
    authority = pinned(data, fingerprint=source.fingerprint, where=str(path))
    tool = find_tool("openssl")
    if tool is None:
        raise ToolError(
            "the tool openssl is not installed",
            reason="tool-missing",
            hint="apt-get install --no-install-recommends openssl",
        )

    def openssl(folder: Path, *words: str, on_line: Callable[[str], None] | None = None) -> None:
        log = store.logs / "signing.log"
        store.runner.run([tool, *words], cwd=folder, log=log, on_line=on_line)

    return Authority(Pkcs7(authority, openssl, store.blobs.tmp, check_times=check_times))
