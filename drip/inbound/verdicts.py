"""A status code and a mail server's words → whose fault it is that a mail came back.

The codes are RFC 3463's (and the registry of RFC 5248); the words are those of the large providers. A 5.x alone is not
hard: full mailboxes, policies, reputation and content are not the address's fault, and many servers say 5.1.1 or 5.0.0
for them all the same. So the words go over the code where they speak of a policy, and a code in the other server's own
words goes over the one that ours, or a relay, has made of them.
"""

from __future__ import annotations

import re

from drip.track.heard import News, Verdict

Code = tuple[int, int, int]

#: Characters of the words that are looked at.
_MOST = 4_000
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
#: A basic reply (RFC 5321), where no enhanced code stands.
_BASIC = re.compile(r"(?<![\d.-])([45])(\d\d)(?=[ -](?!\d))")
_ADDRESS = re.compile(r"[^\s<>\"]{1,254}@[^\s<>\"]{1,254}")


def _any(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


_UNKNOWN = _any(
    r"user (?:is )?unknown|unknown (?:user|recipient|mailbox|address|local)|recipient (?:is )?unknown",
    r"no such (?:user|recipient|mailbox|address|account|person|domain)|no mailbox (?:here|by that name)",
    r"(?:does ?n[o']t|does not|do not|don't) exist|not exist\b|no longer (?:exists|valid|available|with|works|in use)",
    r"(?:invalid|bad) (?:recipient|mailbox|address|user)|not a (?:valid|known) (?:mailbox|user|recipient|address)",
    r"(?:user|mailbox|recipient|address|account|email)(?: address)?(?: was| could)?(?:n't|n’t| not)(?: be)? found",
    r"could(?:n't|n’t| not) be found|recip(?:ient)?notfound",
    r"doesn['’]t have an? \S{1,60} account|recipient address rejected: (?:access denied|undeliverable|user)",
    r"name or service not known|domain (?:name )?not found|host (?:or domain name )?not found|nullmx|null mx",
    r"unrouteable address",
    r"okänd (?:mottagare|användare)|finns inte|mottagaren (?:är )?okänd|hittades inte|kunde inte hittas",
    r"unbekannter? (?:empfänger|benutzer)|(?:empfänger|benutzer) unbekannt|existiert nicht|wurde nicht gefunden",
    r"utilisateur inconnu|destinataire inconnu|n['’]existe pas|no existe|desconocido|non esiste|bestaat niet",
    r"存在しません|見つかりません|宛先不明|不存在",
)
#: Said of mailboxes that are not there, and as often of mails that are not wanted: a policy's words go over it.
_UNAVAILABLE = _any(r"mailbox (?:is )?unavailable|undeliverable address|address rejected")
_FULL = _any(
    r"quota|(?:mail|in)?box (?:is |was )?(?:over)?full|storage (?:space|limit)|out of storage|mailbox size limit",
    r"insufficient (?:system |disk )?(?:storage|space)|exceeded (?:the )?(?:storage|mailbox)|diskspace|disk full",
    r"(?:postfach|mailbox) (?:ist )?(?:voll|überfüllt)|(?:brevlådan|inkorgen|postlådan) är full|boîte .{0,20}pleine",
    r"容量|いっぱい",
)
#: An account that somebody has closed. One that is suspended may be opened again.
_CLOSED = _any(
    r"(?:disabled|deactivated|discontinued|inactive|not active|has been closed)",
    r"inaktiverat|avslutat|deaktiviert|désactivé",
)
_POLICY = _any(
    r"\bspam|\bunsolicited|block(?:ed|list| list)|black ?list|\b(?:rbl|dnsbl|surbl|uribl)\b|spamhaus|spamcop|barracuda",
    r"reputation|polic(?:y|ies)|\b(?:spf|dkim|dmarc)\b|authenticat|content|virus|malware|phish|banned",
    r"rate ?limit|too (?:many|fast|quickly)|throttl|gr[ae]ylist|deferred due to|complaint|suspicious",
    r"(?:relay|sender)(?:ing)?(?: address| access)? (?:denied|rejected)|unable to relay|not permitted to relay",
    r"sender verif|\bptr\b|reverse dns|not accepted from|access (?:is )?denied.{0,40}\bip\b|richtlinie|policyn",
)
_SIZE = _any(
    r"too (?:large|big)|size (?:limit|exceeds)|exceeds .{0,30}\bsize|maximum (?:message )?size|zu groß|för stor"
)
#: Not reached, or not now: says nothing of whether there is such a mailbox.
_LATER = _any(
    r"timed? ?out|try again|temporar|unverified address|connect(?:ion)? (?:to|refused|reset|failed)|expired",
    r"unreachable|too long|retry time",
)

#: News of a report's `Action` (RFC 3464, section 2.3.3; `error` is OpenSMTPD's).
_ACTIONS = {
    "failed": News.BOUNCED,
    "fail": News.BOUNCED,
    "error": News.BOUNCED,
    "delayed": News.DELAYED,
    "delivered": News.DELIVERED,
    "expanded": News.DELIVERED,
    "relayed": News.ACCEPTED,
}


def news_of(action: str, status: str) -> News:
    """What an `Action` says; where it says nothing that is known, the class of the code, and else that it failed."""
    word = re.match(r"[a-z]*", action.strip().lower())
    named = _ACTIONS.get(word[0] if word else "")
    return named or {"2": News.DELIVERED, "4": News.DELAYED}.get(status.strip()[:1], News.BOUNCED)


def status_in(words: str) -> str:
    """The first enhanced code in a text, such as 5.1.1; empty where there is none."""
    found = _CODE.search(words[:_MOST])
    return found[0] if found else ""


def verdict_of(status: str, said: str) -> Verdict:
    """What a mail that came back for good says of its address. `status` may be empty, and `said` in any language."""
    words = _ADDRESS.sub(" ", said[:_MOST])
    full = _FULL.search(words)
    if _POLICY.search(words) and not _UNKNOWN.search(words):
        return Verdict.OTHER
    if _SIZE.search(words) and not full:
        return Verdict.OTHER
    match _code(status, words):
        case (_, 6 | 7, _) | (_, 3, 4) | (_, 2, 3) | (_, 1, 7 | 8 | 9):
            return Verdict.OTHER
        case (5, 1, 1 | 2 | 3 | 6 | 10):
            return Verdict.SOFT if full else Verdict.HARD
        case (4, 1, 1):  # it was tried until it could not be any more
            return Verdict.SOFT if full or _LATER.search(words) else Verdict.HARD
        case (5, 4, 4 | 310):
            return Verdict.HARD
        case (4, _, _) | (_, 2, 2):
            return Verdict.SOFT
        case (5, 5, _) if not _gone(words):
            return Verdict.OTHER
        case _:
            pass
    return Verdict.HARD if not full and (_gone(words) or _CLOSED.search(words)) else Verdict.SOFT


def _gone(words: str) -> bool:
    """Whether they say that there is no such mailbox."""
    return bool(_UNKNOWN.search(words) or _UNAVAILABLE.search(words))


def _code(status: str, words: str) -> Code:
    """The code to go by: the first that says more than 5.0.0, in the other server's own words or else in the status."""
    theirs, ours = (
        [(int(a), int(b), int(c)) for a, b, c in _CODE.findall(text) if a != "2"] for text in (words, status)
    )
    for code in (*theirs, *ours):
        if code[1:] != (0, 0):
            return code
    for code in (*ours, *theirs):
        return code
    basic = _BASIC.search(words)
    return (int(basic[1]), 0, 0) if basic else (5, 0, 0)
