"""What stands for a network: the same for neighbours on one day, another on the next, and never an address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from drip.track.network import asker, mark, network_key

KEY = network_key("a secret that is long enough for tests")
AT = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("81.2.69.142", "81.2.69.1"),
        ("81.2.69.142", "81.2.69.142:50123"),
        ("81.2.69.142", "::ffff:81.2.69.142"),
        ("2a02:aa1:1000:1::7", "2a02:aa1:1000:ffff::1"),
        ("2a02:aa1:1000:1::7", "[2a02:aa1:1000:1::7]:443"),
    ],
)
def test_neighbours_have_one_mark(one: str, other: str) -> None:
    """IPv4 is cut to 24 bits, IPv6 to 48; how an address is written makes no difference."""
    assert mark(KEY, one, AT) == mark(KEY, other, AT) != ""


@pytest.mark.parametrize(("one", "other"), [("81.2.69.142", "81.2.70.142"), ("2a02:aa1:1000::1", "2a02:aa1:1001::1")])
def test_other_networks_have_other_marks(one: str, other: str) -> None:
    """The next network is another."""
    assert mark(KEY, one, AT) != mark(KEY, other, AT)


def test_a_mark_holds_for_a_day_and_a_key() -> None:
    """Nobody can be followed from one day to the next, nor from one academy to another."""
    today = mark(KEY, "81.2.69.142", AT)
    assert today == mark(KEY, "81.2.69.142", AT + timedelta(minutes=59))
    assert today != mark(KEY, "81.2.69.142", AT + timedelta(hours=1))
    assert today != mark(network_key("another secret"), "81.2.69.142", AT)
    assert len(today) == 8


@pytest.mark.parametrize(
    "address", ["", "unknown", "127.0.0.1", "10.1.2.3", "192.168.1.1", "::1", "fe80::1%eth0", "testclient", "9" * 5000]
)
def test_what_says_nothing_has_no_mark(address: str) -> None:
    """A proxy's own address, and what is no address at all."""
    assert mark(KEY, address, AT) == ""


@pytest.mark.parametrize(
    ("peer", "forwarded", "asked"),
    [
        ("81.2.69.142", ["1.1.1.1"], "81.2.69.142"),  # a stranger's word
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["81.2.69.142"], "81.2.69.142"),
        ("10.0.0.1", ["1.1.1.1, 81.2.69.142"], "81.2.69.142"),  # the first was written by whoever asked
        ("10.0.0.1", ["1.1.1.1", "81.2.69.142, 10.0.0.2"], "81.2.69.142"),
        ("10.0.0.1", ["81.2.69.142, nonsense"], "nonsense"),
        ("2001:db8:1::9", ["81.2.69.142"], "81.2.69.142"),
    ],
)
def test_forwarded_addresses_are_believed_of_our_proxies_alone(peer: str, forwarded: list[str], asked: str) -> None:
    """Counted from the end, the first that is no proxy of ours is who asked."""
    assert asker(peer, forwarded, PROXIES) == asked
