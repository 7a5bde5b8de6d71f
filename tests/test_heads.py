"""Blocks of headers, as they are remembered: what may be read past the parser, and what only the parser can judge."""

from __future__ import annotations

import pytest

from mockserver.heads import LONGEST_LINE, MEMORABLE, Head, plain, request_line


def test_a_line_whose_url_is_a_path_says_what_is_asked() -> None:
    assert request_line(b"GET /api/2.0/x-y_z/a.b:c HTTP/1.1\r\n") == ("GET", "/api/2.0/x-y_z/a.b:c")
    assert request_line(b"POST / HTTP/1.1\r\n") == ("POST", "/")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"G",
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.0\r\n",
        b"GET /  HTTP/1.1\r\n",
        b" GET / HTTP/1.1\r\n",
        b"GET x HTTP/1.1\r\n",
        b"GET http://x/ HTTP/1.1\r\n",
        b"GET /a?b=c HTTP/1.1\r\n",
        b"GET /a#b HTTP/1.1\r\n",
        b"GET /%61 HTTP/1.1\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\n",
        b"GET /a\0 HTTP/1.1\r\n",
        b"HEAD / HTTP/1.1\r\n",
        b"OPTIONS * HTTP/1.1\r\n",
        b"GET /" + b"a" * LONGEST_LINE + b" HTTP/1.1\r\n",
    ],
)
def test_every_other_line_is_for_the_parser(line: bytes) -> None:
    assert request_line(line) is None


def test_headers_say_whose_host_it_is_how_long_the_body_is_and_whether_there_is_more_to_come() -> None:
    block = b"Host: x:80\r\nContent-Length: 12\r\nAccept: a\r\nACCEPT: b\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n"
    headers = {"host": "x:80", "content-length": "12", "accept": "a,b", "cookie": "a=1;b=2"}
    assert plain(block) == Head(headers, "http://x:80", 12, lasting=True)


@pytest.mark.parametrize(
    ("line", "lasting"), [(b"Connection: close", False), (b"CONNECTION:  Close", False), (b"Connection: x", True)]
)
def test_a_client_may_ask_for_the_connection_to_be_closed(line: bytes, lasting: bool) -> None:
    for rest in (b"", b"Content-Length: 5\r\n"):
        head = plain(line + b"\r\nHost: x\r\n" + rest + b"\r\n")
        assert head is not None
        assert head.lasting is lasting


def test_an_offer_of_another_protocol_is_an_ordinary_head() -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
    head = plain(b"Host: x\r\n" + offer + b"Content-Length: 5\r\n\r\n")
    assert head is not None
    assert (head.length, head.lasting) == (5, True)
    last = plain(b"Host: x\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert last is not None
    assert last.lasting is False


def test_a_name_that_could_pass_for_another_is_dropped() -> None:
    head = plain(b"Host: x\r\nX_Mock_Fault: status=503\r\n\r\n")
    assert head is not None
    assert head.headers == {"host": "x"}


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\r\n",
        b"Accept: a\r\n\r\n",  # without a host
        b"Host: \r\n\r\n",
        b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Host: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        b"Host: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        b"Host: x\r\nContent-Length: 1, 1\r\n\r\n",
        b"Host: x\r\nContent-Length: +1\r\n\r\n",
        b"Host: x\r\nContent-Length: \r\n\r\n",
        b"Host : x\r\n\r\n",
        b"Host: x\r\n folded\r\n\r\n",
        b"Host: x\r\nA: b\nC: d\r\n\r\n",
        b"Host: x\r\nA: b\rC: d\r\n\r\n",
        b"Host: x\r\nA: \0\r\n\r\n",
        b"Host: x\r\nA: b\r\n",  # without an end
        b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",  # the end of one request and another
        b"Host: x\r\nA: " + b"b" * MEMORABLE + b"\r\n\r\n",
    ],
)
def test_everything_else_is_for_the_parser(block: bytes) -> None:
    assert plain(block) is None
