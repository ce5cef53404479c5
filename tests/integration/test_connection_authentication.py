# SPDX-License-Identifier: Apache-2.0
"""A backend that authenticates its connections, as NTLM and Negotiate do: each serves one client only."""
import threading

import pytest

from wire import answer, message


def with_credentials(leg, user):
    return message("GET /login HTTP/1.1", "Host: h", f"Authorization: NTLM {leg}:{user}")


def authenticating(peer):
    """A script: identifies the client by its connection, and reports it."""
    user = b"nobody"
    while True:
        request = peer.read_request()
        scheme, _, token = (request.fields.get("authorization") or "").partition(" ")
        leg, _, name = token.partition(":")
        if scheme == "NTLM" and leg == "first":
            peer.send(answer(b"", f"WWW-Authenticate: NTLM challenge:{name}", status="401 Unauthorized"))
            continue
        if scheme == "NTLM" and leg == "last":
            user = name.encode()
        peer.send(answer(user))


def challenging(peer):
    """A script: the second message of a handshake is valid only on the connection of the first."""
    user, challenged = b"nobody", False
    while True:
        request = peer.read_request()
        leg, _, name = (request.fields.get("authorization") or "").removeprefix("NTLM ").partition(":")
        if leg == "last" and challenged:
            user = name.encode()
        challenged = leg == "first"
        refused = leg == "first" or (leg == "last" and user == b"nobody")
        if refused:
            peer.send(answer(b"", f"WWW-Authenticate: NTLM challenge:{name}", status="401 Unauthorized"))
        else:
            peer.send(answer(user))


def test_a_handshake_completes_without_connection_pooling(hop_with):
    """Its second message used to arrive on another connection."""
    hop = hop_with("--workers", "1", "--pool-size", "0")
    hop.backend.play(challenging)
    with hop.client() as client:
        assert client.ask(with_credentials("first", "alice")).status == 401
        assert client.ask(with_credentials("last", "alice")).body == b"alice"
        assert client.get("/").body == b"nobody", "and then it is not kept"


@pytest.mark.parametrize("flags", [(), ("--max-connections", "6")])
def test_no_client_is_served_as_another_under_load(hop_with, flags):
    hop = hop_with("--workers", "2", *flags)
    hop.backend.play(authenticating)
    mixed_up, failed, logins = [], [], []

    def alice(name):
        for _ in range(6):
            with hop.client() as client:
                for _ in range(3):
                    client.ask(with_credentials("first", name))
                    if client.ask(with_credentials("last", name)).body == name.encode():
                        logins.append(name)
                    for _ in range(4):
                        body = client.get("/").body
                        if body not in (name.encode(), b"nobody"):
                            mixed_up.append((name, body))

    def bob():
        for _ in range(8):
            with hop.client() as client:
                for _ in range(8):
                    body = client.get("/").body
                    if body != b"nobody":
                        mixed_up.append(("bob", body))

    def guarded(work, *args):
        try:
            work(*args)
        except Exception as error:  # pylint: disable=broad-except
            failed.append(repr(error))

    threads = [threading.Thread(target=guarded, args=(alice, f"alice{number}")) for number in range(4)]
    threads += [threading.Thread(target=guarded, args=(bob,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert not mixed_up
    assert len(logins) == 4 * 6 * 3
