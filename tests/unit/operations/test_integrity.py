"""All that is stored is read: what is damaged is named, and removed from the store."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from support.stages.fake_stages import Field, Harvest, Join, Plant, Read

from buildlib.engine.engine import Engine
from buildlib.engine.product import Product
from buildlib.engine.publish import Publisher
from buildlib.engine.stage import OutputRef, Stage
from buildlib.model.events import silent
from buildlib.operations import integrity, served_files
from buildlib.operations.integrity import Item, check_products, check_store, is_damaged


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


def stages(field: Field) -> dict[str, Stage]:
    words = OutputRef("read", "words")
    return {
        "read": Read(field.file("words", "some words")),
        "join": Join((words,)),
        "plant": Plant(OutputRef("join", "line"), {"other": "x"}),
        "harvest": Harvest(OutputRef("plant", "tree")),
    }


@pytest.fixture
def engine(field: Field) -> Engine:
    return field.build(stages(field))[0]


def damage(path: Path) -> None:
    """Change the first byte, as a bad disk does."""
    path.chmod(0o644)
    path.write_bytes(b"X" + path.read_bytes()[1:])


def blob(engine: Engine, stage: str, output: str) -> str:
    return engine.output(OutputRef(stage, output)).blob.sha256


def wrong(engine: Engine) -> list[Item]:
    return [item for item in check_store(engine.store) if not item.is_whole]


def test_everything_is_read(engine: Engine) -> None:
    items = list(check_store(engine.store))
    assert all(item.is_whole for item in items)
    assert [item.kind for item in items].count("record") == len(engine.graph.stages)
    found = {item.name: item.size for item in items if item.kind == "blob"}
    leaf = blob(engine, "harvest", "leaf")
    (name,) = (name for name in found if name.startswith(leaf[:12]))
    assert name.partition(" of ")[2] in {"read", "join", "harvest"}, "they have the same content"
    assert found[name] == len("some words")
    spec = engine.output(OutputRef("plant", "tree"))
    assert found[f"{spec.blob.sha256[:12]} of plant"] == spec.blob.size
    (pack,) = spec.packs
    assert Item("pack", f"{pack.sha256[:12]} of plant", pack.size, is_whole=True) in items
    key = engine.key("read")
    assert Item("record", key[:12], 0, is_whole=True) in items


def test_content_of_no_stage_has_no_owner(engine: Engine) -> None:
    alone = engine.store.blobs.put(b"alone")
    items = list(check_store(engine.store))
    assert Item("blob", alone.sha256[:12], 5, is_whole=True) in items


def test_a_damaged_blob_is_removed(engine: Engine) -> None:
    spec = engine.output(OutputRef("plant", "tree")).blob
    place = Path(engine.store.blobs.where(spec.sha256))
    damage(place)
    assert wrong(engine) == [Item("blob", f"{spec.sha256[:12]} of plant", spec.size, False)]
    assert not place.exists()
    assert wrong(engine) == []


def test_a_damaged_pack_is_removed(engine: Engine) -> None:
    (pack,) = engine.output(OutputRef("plant", "tree")).packs
    place = Path(engine.store.packs.where(pack.sha256))
    damage(place)
    assert wrong(engine) == [Item("pack", f"{pack.sha256[:12]} of plant", pack.size, False)]
    assert not place.exists()
    assert wrong(engine) == []


def test_a_damaged_record_is_removed(engine: Engine) -> None:
    key = engine.key("plant")
    (place,) = engine.store.folder.rglob(f"{key}.json")
    place.write_text("{}")
    (pack,) = engine.output(OutputRef("plant", "tree")).packs
    items = list(check_store(engine.store))
    assert [item for item in items if not item.is_whole] == [Item("record", key[:12], 0, False)]
    assert pack.sha256[:12] in {item.name for item in items}, "nothing says whose it is"
    assert not place.exists()


def test_a_damaged_last_result_is_removed(engine: Engine) -> None:
    (place,) = engine.store.folder.rglob("last/join")
    place.write_text("no key")
    assert wrong(engine) == [Item("last result", "join", 0, False)]
    assert not place.exists()


LINE = OutputRef("join", "line")


def product(field: Field, record: str = "line.json") -> Product:
    return Product("product", field.folder / "dist", {"line": LINE}, record=record)


@pytest.fixture
def published(field: Field, engine: Engine) -> Path:
    """The folder of a product with a build record."""
    Publisher(engine, silent, facts={}).publish(product(field))
    return field.folder / "dist"


def checked(engine: Engine, one: Product) -> dict[str, bool]:
    return {item.name: item.is_whole for item in check_products([one], engine)}


def test_products_are_compared_with_their_record(
    field: Field, engine: Engine, published: Path
) -> None:
    items = list(check_products([product(field)], engine))
    size = (published / "line.json").stat().st_size
    assert items == [
        Item("product", "line", 10, is_whole=True),
        Item("product", "line.json", size, is_whole=True),
    ]
    assert not is_damaged(product(field), engine)


def test_a_damaged_product_is_kept(field: Field, engine: Engine, published: Path) -> None:
    damage(published / "line")
    assert checked(engine, product(field)) == {"line": False, "line.json": True}
    assert (published / "line").read_bytes() == b"Xome words"
    assert is_damaged(product(field), engine)


def test_a_damaged_file_of_the_store_is_noticed_by_the_next_build(
    field: Field, engine: Engine, published: Path
) -> None:
    """The product and the store share the file."""
    before = engine.store.blobs.seal.holds((published / "line").stat())
    damage(published / "line")
    (published / "line").chmod(0o444)
    is_damaged(product(field), engine)
    assert before
    assert not engine.store.blobs.seal.holds((published / "line").stat())


def test_a_record_beside_the_product_that_is_not_of_the_store(
    field: Field, engine: Engine, published: Path
) -> None:
    """The last record of the store is used."""
    (published / "line.json").unlink()
    (published / "line.json").write_text("{}")
    assert checked(engine, product(field)) == {"line": True, "line.json": False}


def test_a_record_that_cannot_be_read(
    field: Field, engine: Engine, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = served_files.sha256_of
    reads: list[Path] = []

    def once(path: Path) -> str:
        if path.name == "line.json" and not reads:
            reads.append(path)
            raise PermissionError
        return real(path)

    monkeypatch.setattr(integrity, "sha256_of", once)
    assert published.is_dir()
    assert checked(engine, product(field)) == {"line": True, "line.json": True}


def test_a_missing_product_is_not_damaged(field: Field, engine: Engine, published: Path) -> None:
    (published / "line").unlink()
    assert checked(engine, product(field)) == {"line.json": True}
    (published / "line").symlink_to("nowhere")
    first = next(check_products([product(field)], engine))
    assert first == Item("product", "line", 0, is_whole=False)


def test_an_older_product_is_compared_with_its_own_record(
    field: Field, engine: Engine, published: Path
) -> None:
    """What has been built since, but not published, has another record."""
    assert published.is_dir()
    newer = {**stages(field), "read": Read(field.file("words", "other words"))}
    again = field.engine(newer)
    Publisher(again, silent, facts={}).publish(
        Product("product", field.folder / "elsewhere", {"line": LINE}, record="line.json")
    )
    assert checked(again, product(field)) == {"line": True, "line.json": True}


def listed(published: Path, text: str) -> Product:
    """A product without a record, with a list of digests."""
    (published / "line.sha256").write_text(text)
    (published / "other").write_text("other")
    files = dict.fromkeys(("line", "line.sha256", "other"), LINE)
    return Product("product", published, files)


def test_a_product_without_a_record_is_compared_with_its_list(
    engine: Engine, published: Path
) -> None:
    digest = sha256(b"some words").hexdigest()
    wanted = "".join(
        f"{line}\n"
        for line in (
            f"SHA256 (line) = {digest}",
            f"SHA256 (sub/other) = {digest}",
            f"SHA512 (other) = {'a' * 128}",
        )
    )
    assert checked(engine, listed(published, wanted)) == {"line": True}
    assert checked(engine, listed(published, wanted.replace(digest, "0" * 64))) == {"line": False}
    assert checked(engine, listed(published, "no list")) == {}
    one = listed(published, wanted)
    (published / "line.sha256").unlink()
    assert checked(engine, one) == {}


def test_a_record_that_lacks_a_file_of_the_product(
    field: Field, engine: Engine, published: Path
) -> None:
    """It is another version's: nothing says what the files must be."""
    more = Product(
        "product",
        published,
        {"line": LINE, "another": OutputRef("harvest", "leaf")},
        record="line.json",
    )
    assert checked(engine, more) == {}
    assert checked(engine, product(field)) == {"line": True, "line.json": True}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 7}', '{"files": ["line"]}'])
def test_a_record_in_the_store_without_files(
    field: Field, engine: Engine, published: Path, text: str
) -> None:
    engine.store.blobs.put(text.encode())
    (published / "line.json").unlink()
    (published / "line.json").write_text(text)
    assert checked(engine, product(field)) == {"line": True, "line.json": False}


def test_a_record_of_the_store_for_another_content(
    field: Field, engine: Engine, published: Path
) -> None:
    """The record beside the product comes first, if the store has it."""
    text = json.dumps({"files": {"line": "0" * 64}})
    engine.store.blobs.put(text.encode())
    (published / "line.json").unlink()
    (published / "line.json").write_text(text)
    assert checked(engine, product(field)) == {"line": False, "line.json": True}
