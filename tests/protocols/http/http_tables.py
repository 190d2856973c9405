"""What is a request and what is none: for limits of 400 bytes of header, 6 fields, 60 bytes of
target, 1000 of body.
"""

from __future__ import annotations

from tests.support.http_kit import Got

NEXT = b"DELETE /next HTTP/1.1\r\nHost: b\r\n\r\n"
GOT_NEXT = Got("DELETE", "/next")


def get(
    target: bytes = b"/", version: bytes = b"HTTP/1.1", *fields: bytes, host: bytes = b"Host: a\r\n"
) -> bytes:
    return (
        b"GET "
        + target
        + b" "
        + version
        + b"\r\n"
        + host
        + b"".join(field + b"\r\n" for field in fields)
        + b"\r\n"
    )


def post(*fields: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    return get(b"/", version, *fields).replace(b"GET", b"POST") + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


GOOD: dict[str, tuple[bytes, Got]] = {
    "plain": (get(), Got()),
    "no space behind the colon": (get(host=b"hOsT:a\r\n"), Got()),
    "blanks around the value": (get(host=b"Host: \t a \t \r\n"), Got()),
    "query": (get(b"/a/b?c=%20d?&/"), Got(path="/a/b", query="c=%20d?&/")),
    "empty query": (get(b"/?"), Got()),
    "percent": (get(b"/%C3%A4%2f%41?%zz"), Got(path="/ä/A", query="%zz")),
    "absolute": (get(b"http://x.example:80/a?b"), Got(path="/a", query="b")),
    "absolute without path": (get(b"HTTPS://x"), Got()),
    "absolute with query only": (get(b"http://x?b"), Got(query="b")),
    "two slashes": (get(b"//x/y"), Got(path="//x/y")),
    "asterisk": (get(b"*").replace(b"GET", b"OPTIONS"), Got("OPTIONS", "*")),
    "characters that browsers leave": (get(b'/"<>\\^`{|}'), Got(path='/"<>\\^`{|}')),
    "1.0": (get(b"/", b"HTTP/1.0", host=b""), Got(goes_on=False)),
    "1.0 with Host": (get(b"/", b"HTTP/1.0"), Got(goes_on=False)),
    "1.0 keep-alive": (get(b"/", b"HTTP/1.0", b"Connection: Keep-Alive"), Got()),
    "1.0 both": (get(b"/", b"HTTP/1.0", b"Connection: keep-alive, close"), Got(goes_on=False)),
    "close": (get(b"/", b"HTTP/1.1", b"Connection: close"), Got(goes_on=False)),
    "close among others": (
        get(b"/", b"HTTP/1.1", b"Connection: foo,\tClose ,bar"),
        Got(goes_on=False),
    ),
    "close in a second field": (
        get(b"/", b"HTTP/1.1", b"Connection: foo", b"Connection: close"),
        Got(goes_on=False),
    ),
    "closed is not close": (get(b"/", b"HTTP/1.1", b"Connection: closed"), Got()),
    "blank line before": (b"\r\n" + get(), Got()),
    "blank lines before": (b"\r\n" * 300 + get(), Got()),
    "Host with port": (get(host=b"Host: a.b-c:8080\r\n"), Got()),
    "Host IPv6": (get(host=b"Host: [::1]:80\r\n"), Got()),
    "Host empty": (get(host=b"Host:\r\n"), Got()),
    "letters beyond ASCII in a value": (get(b"/", b"HTTP/1.1", b"X: \xc3\xa4"), Got()),
    "a field without value": (get(b"/", b"HTTP/1.1", b"X:"), Got()),
    "Host of the future": (get(host=b"Host: [v1.x:y]:80\r\n"), Got()),
    "1.2": (get(b"/", b"HTTP/1.2"), Got()),
    "1.9 with a body": (
        post(b"Content-Length: 1", body=b"a", version=b"HTTP/1.9"),
        Got("POST", body=b"a"),
    ),
    "other method": (get().replace(b"GET", b"PROPFIND"), Got("PROPFIND")),
    "TRACE": (get().replace(b"GET", b"TRACE"), Got("TRACE")),
    "length 0": (post(b"Content-Length: 0"), Got("POST")),
    "length": (post(b"content-length: 3", body=b"abc"), Got("POST", body=b"abc")),
    "length with zeros": (post(b"Content-Length: 003 ", body=b"abc"), Got("POST", body=b"abc")),
    "a body that looks like a request": (
        post(b"Content-Length: %d" % len(NEXT), body=NEXT),
        Got("POST", body=NEXT),
    ),
    "a body of blank lines": (
        post(b"Content-Length: 4", body=b"\r\n\r\n"),
        Got("POST", body=b"\r\n\r\n"),
    ),
    "length and close": (
        post(b"Content-Length: 1", b"Connection: close", body=b"a"),
        Got("POST", body=b"a", goes_on=False),
    ),
    "GET with a body": (get(b"/", b"HTTP/1.1", b"Content-Length: 1") + b"x", Got(body=b"x")),
    "1.0 with a body": (
        post(b"Content-Length: 1", b"Connection: keep-alive", body=b"a", version=b"HTTP/1.0"),
        Got("POST", body=b"a"),
    ),
    "chunked": (chunked(b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), Got("POST", body=b"abcd")),
    "chunked, nothing": (chunked(b"0\r\n\r\n"), Got("POST")),
    "chunked, hex and zeros": (
        chunked(b"00a\r\n0123456789\r\n000\r\n\r\n"),
        Got("POST", body=b"0123456789"),
    ),
    "chunked, capitals": (
        post(b"TRANSFER-ENCODING:  ChunKed ", body=b"A\r\n0123456789\r\n0\r\n\r\n"),
        Got("POST", body=b"0123456789"),
    ),
    "chunked, extensions": (chunked(b'1;a=b;c="d e"\r\nx\r\n0;z\r\n\r\n'), Got("POST", body=b"x")),
    "chunked, blanks in extensions": (
        chunked(b"1 ; a\t=\tb ;c\r\nx\r\n0 ;d\r\n\r\n"),
        Got("POST", body=b"x"),
    ),
    "chunked, quotes in extensions": (
        chunked(b'1;a="\\"";b=";"\r\nx\r\n0\r\n\r\n'),
        Got("POST", body=b"x"),
    ),
    "chunked, a tab behind the coding": (
        post(b"Transfer-Encoding:\tchunked\t", b"A:\tb\tc", body=b"1\r\nx\r\n0\r\n\r\n"),
        Got("POST", body=b"x"),
    ),
    "chunked, trailers": (
        chunked(b"1\r\nx\r\n0\r\nHost: b\r\nContent-Length: 7\r\n\r\n"),
        Got("POST", body=b"x"),
    ),
    "chunked, chunks in the data": (
        chunked(b"5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
        Got("POST", body=b"0\r\n\r\n"),
    ),
    "chunked and close": (
        post(b"Transfer-Encoding: chunked", b"Connection: close", body=b"1\r\na\r\n0\r\n\r\n"),
        Got("POST", body=b"a", goes_on=False),
    ),
    "Upgrade h2c": (
        get(b"/", b"HTTP/1.1", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"),
        Got(),
    ),
    "Upgrade h2c with a body": (
        post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: %d" % len(NEXT), body=NEXT),
        Got("POST", body=NEXT),
    ),
    "Upgrade h2c, chunked": (
        post(
            b"Connection: Upgrade",
            b"Upgrade: h2c",
            b"Transfer-Encoding: chunked",
            body=b"%x\r\n" % len(NEXT) + NEXT + b"\r\n0\r\n\r\n",
        ),
        Got("POST", body=NEXT),
    ),
    "Upgrade and close": (
        get(b"/", b"HTTP/1.1", b"Connection: upgrade, close", b"Upgrade: x"),
        Got(goes_on=False),
    ),
    "Upgrade alone": (
        post(b"Upgrade: h2c", b"Content-Length: 1", body=b"x"),
        Got("POST", body=b"x"),
    ),
    "as many fields as there may be": (get(b"/", b"HTTP/1.1", *[b"a:"] * 5), Got()),
    "as long a target as there may be": (get(b"/" + b"a" * 59), Got(path="/" + "a" * 59)),
    "as large a header as there may be": (
        get(b"/", b"HTTP/1.1", b"a:" + b"b" * (400 - len(get()) - 4)),
        Got(),
    ),
    "as large a body as there may be": (
        post(b"Content-Length: 1000", body=b"x" * 1000),
        Got("POST", body=b"x" * 1000),
    ),
}

BAD: dict[str, tuple[bytes, int]] = {
    # Two ways to tell where the body ends
    "coding and length": (post(b"Transfer-Encoding: chunked", b"Content-Length: 3"), 400),
    "length and coding": (post(b"Content-Length: 3", b"Transfer-Encoding: chunked"), 400),
    "other coding and length": (post(b"Content-Length: 3", b"Transfer-Encoding: gzip"), 400),
    "two lengths": (post(b"Content-Length: 3", b"Content-Length: 4"), 400),
    "two equal lengths": (post(b"Content-Length: 3", b"Content-Length: 3"), 400),
    "two lengths of nothing": (post(b"Content-Length: 0", b"Content-Length: 0"), 400),
    "list of lengths": (post(b"Content-Length: 3, 3"), 400),
    "empty length": (post(b"Content-Length:"), 400),
    "signed length": (post(b"Content-Length: +3"), 400),
    "negative length": (post(b"Content-Length: -3"), 400),
    "hex length": (post(b"Content-Length: 0x3"), 400),
    "length with blank inside": (post(b"Content-Length: 1 2"), 400),
    "length with underscore": (post(b"Content-Length: 1_2"), 400),
    "length beyond 64 bits": (post(b"Content-Length: 18446744073709551617"), 400),
    "length of 19 digits": (post(b"Content-Length: 1000000000000000000"), 400),
    "Upgrade with two lengths": (
        post(b"Connection: upgrade", b"Upgrade: h2c", b"Content-Length: 1", b"Content-Length: 1"),
        400,
    ),
    "Upgrade with both": (
        post(
            b"Connection: upgrade",
            b"Upgrade: h2c",
            b"Content-Length: 1",
            b"Transfer-Encoding: chunked",
        ),
        400,
    ),
    "chunked in 1.0": (post(b"Transfer-Encoding: chunked", version=b"HTTP/1.0"), 400),
    "gzip in 1.0": (post(b"Transfer-Encoding: gzip", version=b"HTTP/1.0"), 400),
    "gzip": (post(b"Transfer-Encoding: gzip"), 400),
    "gzip of a GET": (get(b"/", b"HTTP/1.1", b"Transfer-Encoding: gzip"), 400),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked"), 501),
    "chunked, gzip": (post(b"Transfer-Encoding: chunked, gzip"), 400),
    "chunked twice": (post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    "chunked and identity": (
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
        400,
    ),
    "identity": (post(b"Transfer-Encoding: identity"), 400),
    "xchunked": (post(b"Transfer-Encoding: xchunked"), 400),
    "chunked with parameter": (post(b"Transfer-Encoding: chunked;a=b"), 400),
    "quoted": (post(b'Transfer-Encoding: "chunked"'), 400),
    "vertical tab": (post(b"Transfer-Encoding:\x0bchunked"), 400),
    "no coding": (post(b"Transfer-Encoding:"), 400),
    "blank before the colon of the coding": (post(b"Transfer-Encoding : chunked"), 400),
    "folded coding": (post(b"Transfer-Encoding:", b" chunked"), 400),
    # Lines
    "bare LF for all": (get().replace(b"\r\n", b"\n"), 400),
    "0.9 with bare LF": (b"GET /x\nHost: a\n\n", 400),
    "bare LF behind the request line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "bare LF behind a field": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    "bare LF for the blank line": (b"GET / HTTP/1.1\r\nHost: a\r\n\n" + NEXT, 400),
    "bare LF before": (b"\n" + get(), 400),
    "bare CR before": (b"\r" + get(), 400),
    "bare CR in a value": (get(b"/", b"HTTP/1.1", b"X: a\rb"), 400),
    "bare CR at the end of a value": (get(b"/", b"HTTP/1.1", b"X: a\r"), 400),
    "bare CR in a name": (get(b"/", b"HTTP/1.1", b"X\r: a"), 400),
    "bare CR for a line end": (b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
    "bare CR before the blank line": (b"GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", 400),
    "folded": (get(b"/", b"HTTP/1.1", b"X: a", b" b"), 400),
    "folded by tab": (get(b"/", b"HTTP/1.1", b"X: a", b"\tb"), 400),
    "folded Host": (b"GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", 400),
    "blank before the first field": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "blank before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "NUL in a value": (get(b"/", b"HTTP/1.1", b"X: a\0b"), 400),
    "NUL in a name": (get(b"/", b"HTTP/1.1", b"X\0: b"), 400),
    "control in a value": (get(b"/", b"HTTP/1.1", b"X: a\x01b"), 400),
    "DEL in a value": (get(b"/", b"HTTP/1.1", b"X: a\x7fb"), 400),
    "no colon": (get(b"/", b"HTTP/1.1", b"X"), 400),
    "no name": (get(b"/", b"HTTP/1.1", b": a"), 400),
    "letters beyond ASCII in a name": (get(b"/", b"HTTP/1.1", b"X\xc3\xa4: a"), 400),
    # The request line
    "0.9": (b"GET /\r\n", 400),
    "0.9 with fields": (b"GET /\r\nHost: a\r\n\r\n", 400),
    "version 0.9": (get(b"/", b"HTTP/0.9"), 505),
    "version 3.1": (get(b"/", b"HTTP/3.1"), 505),
    "version 2.0": (get(b"/", b"HTTP/2.0"), 505),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "version 2": (get(b"/", b"HTTP/2"), 400),
    "version 1.10": (get(b"/", b"HTTP/1.10"), 400),
    "version in small letters": (get(b"/", b"http/1.1"), 400),
    "another protocol": (b"OPTIONS rtsp://a RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400),
    "blank behind the version": (get(b"/", b"HTTP/1.1 "), 400),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "two blanks before the version": (b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "tab": (b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "blank before the method": (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "blank in the target": (get(b"/a b"), 400),
    "no target": (b"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "unknown method": (get().replace(b"GET", b"BREW"), 501),
    "method in small letters": (get().replace(b"GET", b"get"), 501),
    "RTSP method": (get().replace(b"GET", b"DESCRIBE"), 400),
    "method that is no token": (get().replace(b"GET", b"G(T"), 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "JSON": (b'{"op": "mostrar"}\n', 400),
    "CONNECT": (get(b"a:80").replace(b"GET", b"CONNECT"), 405),
    "CONNECT with a body": (
        get(b"a:80", b"HTTP/1.1", b"Content-Length: 3").replace(b"GET", b"CONNECT") + b"abc",
        405,
    ),
    "fragment": (get(b"/a#b"), 400),
    "letters beyond ASCII": (get(b"/\xc3\xa4"), 400),
    "control in the target": (get(b"/\x01"), 400),
    "NUL in the target": (get(b"/\0"), 400),
    "LF in the target": (b"GET /x\nHost:a HTTP/1.1\r\n\r\n", 400),
    "no slash": (get(b"a"), 400),
    "asterisk for GET": (get(b"*"), 400),
    "another scheme": (get(b"ftp://a/b"), 400),
    "absolute without host": (get(b"http:///b"), 400),
    "absolute with user": (get(b"http://u@a/b"), 400),
    "percent without digits": (get(b"/%zz"), 400),
    "percent with one digit": (get(b"/%4"), 400),
    "percent, no UTF-8": (get(b"/%ff"), 400),
    "percent, a lone surrogate": (get(b"/%ED%A0%80"), 400),
    "percent, NUL": (get(b"/%00"), 400),
    # Host
    "no Host": (get(host=b""), 400),
    "two Hosts": (get(b"/", b"HTTP/1.1", b"Host: a"), 400),
    "two Hosts in 1.0": (get(b"/", b"HTTP/1.0", b"Host: b"), 400),
    "two names in a Host": (get(host=b"Host: a b\r\n"), 400),
    "Host with user": (get(host=b"Host: u@a\r\n"), 400),
    "Host with path": (get(host=b"Host: a/b\r\n"), 400),
    "Host with a bad port": (get(host=b"Host: a:b\r\n"), 400),
    "Host with an open bracket": (get(host=b"Host: [::1\r\n"), 400),
    "Host of colons": (get(host=b"Host: [:::::]\r\n"), 400),
    "absolute of colons": (get(b"http://[:::::]/"), 400),
    "Host beyond ASCII": (get(host=b"Host: \xc3\xa4\r\n"), 400),
    # Sizes
    "a field too many": (get(b"/", b"HTTP/1.1", *[b"a:"] * 6), 431),
    "a byte of target too many": (get(b"/" + b"a" * 60), 414),
    "a target far too long": (get(b"/" + b"a" * 600), 414),
    "a target without end": (b"GET /" + b"a" * 600, 414),
    "a method without end": (b"G" * 600, 400),
    "a byte of header too many": (
        get(b"/", b"HTTP/1.1", b"a:" + b"b" * (401 - len(get()) - 4)),
        431,
    ),
    "a header without end": (get()[:-2] + b"a: b\r\n" * 100, 431),
    "a field without end": (get()[:-2] + b"a" * 400, 431),
    "a byte of body too many": (post(b"Content-Length: 1001", body=b"x" * 1001), 413),
    "a chunk too many": (chunked(b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n0\r\n\r\n"), 413),
    # Chunks
    "chunk size that is none": (chunked(b"x\r\n"), 400),
    "chunk size that is empty": (chunked(b"\r\n"), 400),
    "chunk size with sign": (chunked(b"+1\r\nx\r\n"), 400),
    "chunk size with 0x": (chunked(b"0x1\r\nx\r\n"), 400),
    "chunk size beyond 64 bits": (chunked(b"10000000000000001\r\nx\r\n"), 400),
    "chunk size with blank": (chunked(b"1 \r\nx\r\n0\r\n\r\n"), 400),
    "chunk size with blank before": (chunked(b" 1\r\nx\r\n0\r\n\r\n"), 400),
    "chunk size with bare LF": (chunked(b"1\nx\r\n0\r\n\r\n"), 400),
    "chunk extension without name": (chunked(b"1;\r\nx\r\n0\r\n\r\n"), 400),
    "chunk extension with an open quote": (chunked(b'1;a="q\r\nx\r\n0\r\n\r\n'), 400),
    "chunks of hardly any data": (chunked(b"1\r\nx\r\n" * 101 + b"0\r\n\r\n"), 400),
    "chunk extension with bare CR": (chunked(b"1;a\rb\r\nx\r\n0\r\n\r\n"), 400),
    "chunk extension with bare LF": (chunked(b"1;a\nx\r\n0\r\n\r\n"), 400),
    "chunk longer than said": (chunked(b"1\r\nxy\r\n0\r\n\r\n"), 400),
    "chunk with bare LF behind": (chunked(b"1\r\nx\n0\r\n\r\n"), 400),
    "chunk extensions without end": (chunked(b"1;" + b"a" * 2000), 400),
    "chunk extensions without number": (chunked((b"1;" + b"a" * 80 + b"\r\nx\r\n") * 6), 400),
    "trailers without end": (chunked(b"0\r\n" + b"a" * 402), 431),
    "trailers too large": (chunked(b"0\r\na:" + b"b" * 396 + b"\r\nc:\r\n\r\n"), 431),
    "trailers too many": (chunked(b"0\r\n" + b"a:\r\n" * 7 + b"\r\n"), 431),
    "trailer that is none": (chunked(b"0\r\nabc\r\n\r\n"), 400),
    "trailer with bare LF": (chunked(b"0\r\na: b\n\r\n"), 400),
    "last chunk with bare LF": (chunked(b"0\r\n\n"), 400),
}

CUT_SHORT: dict[str, bytes] = {
    "a letter": b"G",
    "a request line": b"GET / HTTP/1.1\r\n",
    "a header": get()[:-1],
    "a body": post(b"Content-Length: 3", body=b"ab"),
    "no body": post(b"Content-Length: 3"),
    "chunks": chunked(b"3\r\nabc\r\n"),
    "a last chunk": chunked(b"0\r\n"),
}
