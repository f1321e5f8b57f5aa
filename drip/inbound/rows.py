"""News → the few words that `drip bounces` prints of it."""

from __future__ import annotations

from drip.track.heard import News

_KINDS = {
    News.BOUNCED: "bounce",
    News.DELAYED: "bounce",
    News.DROPPED: "bounce",
    News.COMPLAINED: "complaint",
    News.LEFT: "complaint",
    News.AUTO_REPLY: "auto-reply",
    News.DELIVERED: "delivered",
    News.ACCEPTED: "delivered",
    News.OTHER: "none",
}


def kind_of(news: News) -> str:
    """bounce, complaint, auto-reply, delivered or none."""
    return _KINDS[news]
