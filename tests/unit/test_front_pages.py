"""The table of files that browsers get from the web front."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TypeAlias

import pytest

from hpm.host.front.pages import Pages
from hpm.host.front.refusals import Refused

SCRIPT = b"// a script\n" * 1000
TEXTS = {"plurals": "01", "texts": {"Overview": "Übersicht"}}
SMALL = b"<svg/>"


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """The components, as `make ui` leaves them, and things beside them that are nobody's business."""
    shared = tmp_path / "ui"
    for name, content in {
        "js/hpm.js": SCRIPT, "js/lang/de.json": json.dumps(TEXTS).encode(), "images/hpm.svg": SMALL,
        "js/hpm.js.map": b"{}", "js/.secret": b"s", "js/notes.txt": b"t", "config/tab-ext.xml": b"<tabs/>",
        "pages/error.html.tmpl": b"x", "pages/page.html": b"x",
    }.items():  # fmt: skip
        file = shared / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "outside.js").write_bytes(b"outside")
    return Pages(shared)


Answer: TypeAlias = tuple[int, dict[str, str], bytes]


def get(pages: Pages, path: str, known: str | None = None, codings: str | None = None) -> Answer:
    status, headers, body = pages.answer(
        b"GET", path.encode("latin-1"), known.encode() if known is not None else None,
        codings.encode() if codings is not None else None,
    )  # fmt: skip
    return status, {name.decode().lower(): value.decode() for name, value in headers}, body


def test_documents_are_there_and_nothing_beside_them(pages: Pages, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="make site") as refused:
        get(pages, "/docs/docs/start.html")
    assert refused.value.status == 404
    (folder := tmp_path / "ui/docs/docs").mkdir(parents=True)
    (folder / "start.html").write_bytes(b"<p>")
    (folder / "start.md").write_bytes(b"#")
    pages = Pages(tmp_path / "ui")
    status, headers, body = get(pages, "/docs/docs/start.html", codings="gzip")
    assert (status, headers["content-type"], body) == (200, "text/html; charset=utf-8", b"<p>")
    assert get(pages, "/docs/docs/start.html", headers["etag"])[0] == 304
    for path in ("/docs/docs/start.md", "/docs/../js/.secret", "/docs/docs/../docs/start.html", "/docs/"):
        with pytest.raises(Refused):
            get(pages, path)
    (folder / "start.html").unlink()
    with pytest.raises(Refused):
        get(pages, "/docs/docs/start.html")


@pytest.mark.parametrize("codings", ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5", "*", "identity;q=0, *"])
def test_what_is_large_goes_out_with_gzip_where_the_browser_takes_it(pages: Pages, codings: str) -> None:
    status, headers, body = get(pages, "/js/hpm.js", codings=codings)
    assert (status, headers["content-encoding"], headers["vary"]) == (200, "gzip", "Accept-Encoding")
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert len(body) < len(SCRIPT) / 10 and gzip.decompress(body) == SCRIPT


@pytest.mark.parametrize("codings", [None, "", "identity", "br, zstd", "gzip;q=0", "gzip; q=0.000, *", "x-gzip-not"])
def test_who_does_not_take_gzip_gets_the_file_as_it_is(pages: Pages, codings: str | None) -> None:
    status, headers, body = get(pages, "/js/hpm.js", codings=codings)
    assert (status, body) == (200, SCRIPT)
    assert "content-encoding" not in headers
    assert headers["vary"] == "Accept-Encoding"    # a cache between must not give it to those who do


def test_what_is_small_is_not_compressed(pages: Pages) -> None:
    status, headers, body = get(pages, "/images/hpm.svg", codings="gzip")
    assert (status, headers["content-type"], body) == (200, "image/svg+xml", SMALL)
    assert "content-encoding" not in headers


def test_the_tag_is_weak_and_the_same_in_every_coding(pages: Pages) -> None:
    tag = get(pages, "/js/hpm.js")[1]["etag"]
    assert tag.startswith('W/"') and tag.endswith('"')
    assert get(pages, "/js/hpm.js", codings="gzip")[1]["etag"] == tag
    assert get(pages, "/js/lang/de.json")[1]["etag"] != tag


@pytest.mark.parametrize("known", ["{tag}", "{strong}", '"other", {tag}', '{strong} , "other"', "*"])
def test_a_browser_that_has_it_is_told_so(pages: Pages, known: str) -> None:
    tag = get(pages, "/js/hpm.js")[1]["etag"]
    asked = known.format(tag=tag, strong=tag.removeprefix("W/"))
    status, headers, body = get(pages, "/js/hpm.js", asked, "gzip")
    assert (status, body) == (304, b"")
    assert headers == {"etag": tag, "cache-control": "no-cache", "vary": "Accept-Encoding"}


@pytest.mark.parametrize("known", ['"other"', 'W/"other"', "", "nonsense", "{bare}"])
def test_a_browser_that_has_another_gets_it_again(pages: Pages, known: str) -> None:
    bare = get(pages, "/js/hpm.js")[1]["etag"].removeprefix('W/"').removesuffix('"')
    assert get(pages, "/js/hpm.js", known.format(bare=bare))[0] == 200


def test_a_file_that_changed_has_another_tag(pages: Pages, tmp_path: Path) -> None:
    before = get(pages, "/js/hpm.js")
    (tmp_path / "ui/js/hpm.js").write_bytes(SCRIPT + b"more")
    assert get(pages, "/js/hpm.js") == before    # the table was read at the start
    after = get(Pages(tmp_path / "ui"), "/js/hpm.js", before[1]["etag"])
    assert (after[0], after[2]) == (200, SCRIPT + b"more")


def test_head_asks_for_the_same(pages: Pages) -> None:
    """That its body stays here is `Conversation`'s business."""
    assert pages.answer(b"HEAD", b"/js/hpm.js", None, b"gzip") == pages.answer(b"GET", b"/js/hpm.js", None, b"gzip")


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"get", b"X" * 1000])
def test_other_methods_are_refused(pages: Pages, method: bytes) -> None:
    with pytest.raises(Refused, match="GET, HEAD") as refused:
        pages.answer(method, b"/js/hpm.js", None)
    assert refused.value.status == 405
    assert (b"Allow", b"GET, HEAD") in refused.value.headers
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("path", [
    "", "/js", "/js/", "/js/hpm.js/", "/JS/HPM.JS", "//js/hpm.js", "/js//hpm.js", "/nothing", "/ui/js/hpm.js",
    "/../outside.js", "/js/../../outside.js", "/js/../js/hpm.js", "/js/%2e%2e/js/hpm.js", "/js/..%2f..%2foutside.js",
    "/js/..\\hpm.js", "/js/hpm.js\0", "/js/hpm.js%00", "/js/./hpm.js", "/files/index.html", "/index.html",
    "/unbuilt.html", "/js/hpm.js.map", "/js/.secret", "/js/notes.txt", "/config/tab-ext.xml", "/pages/page.html",
    "/pages/error.html.tmpl", "/\xff", "/" + "a" * 10_000,
])  # fmt: skip
def test_what_is_not_in_the_table_is_nothing(pages: Pages, path: str) -> None:
    for method in (b"GET", b"POST"):
        with pytest.raises(Refused) as refused:
            pages.answer(method, path.encode("latin-1"), None)
        assert refused.value.status == 404
        assert len(str(refused.value)) < 300


def test_texts_of_a_language_are_served(pages: Pages) -> None:
    status, headers, body = get(pages, "/js/lang/de.json")
    assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", TEXTS)


def test_the_page_around_the_components_names_files_that_there_are(pages: Pages) -> None:
    assert pages.built
    status, headers, body = get(pages, "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    for path in (b"/js/hpm.js", b"/page.css", b"/images/hpm.svg"):
        assert b'"%s"' % path in body
        assert get(pages, path.decode())[0] == 200
    assert b"<script>" not in body and b"style=" not in body    # which the Content-Security-Policy forbids


def test_without_components_the_page_says_how_to_build_them(tmp_path: Path) -> None:
    pages = Pages(tmp_path / "nothing")
    assert not pages.built
    status, _, body = get(pages, "/")
    assert status == 200 and b"make ui" in body and b"<script" not in body
    assert get(pages, "/page.css")[0] == 200
    with pytest.raises(Refused):
        pages.answer(b"GET", b"/js/hpm.js", None)
