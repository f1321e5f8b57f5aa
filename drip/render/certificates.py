"""Where a certificate is."""

from __future__ import annotations

from drip.track.token import Purpose, Ring, sign

#: What a certificate's token says of who may see what: the learner all of it, anybody that it is genuine.
OWN, CHECK = 1, 0


def certificate_link(ring: Ring, base_url: str, enrolment_id: int, *, item: int = OWN) -> str:
    """The address of an enrolment's certificate, for ever: the learner's own, or (`item` CHECK) the one to check it at.

    It leads to a page whether or not there is a certificate (store/awards.py knows).
    """
    return f"{base_url.rstrip('/')}/certificate/{certificate_token(ring, enrolment_id, item=item)}"


def certificate_token(ring: Ring, enrolment_id: int, *, item: int = OWN) -> str:
    """The same as a token alone."""
    return sign(ring, Purpose.CERTIFICATE, enrolment_id, item)
