"""What a mail server's reply means: who failed, if anybody did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.transports.smtp_replies import Reply, Stage, Verdict, judge

BEFORE_A_RECIPIENT = (Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH, Stage.MAIL)


@pytest.mark.parametrize(
    "text",
    [
        "5.1.1 <x@y>: Recipient address rejected: User unknown in local recipient table",
        "5.1.1 The email account that you tried to reach does not exist.\n5.1.1 Please try double-checking",
        "5.1.2 Bad destination system address",
        "5.1.0 Address rejected",
        "5.1.3 Bad recipient address syntax",
        "5.1.6 Mailbox has moved",
        "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "No such user here",
        "Unrouteable address",
        "Requested action not taken: mailbox unavailable",
        "sorry, no mailbox here by that name (#5.1.1)",
        "5.0.0 <x@y>... User unknown",
        "",
    ],
)
def test_dead_address_at_rcpt(text: str) -> None:
    """5.1.x, or a plain 550 that blames nothing else, means a dead address."""
    assert judge(Stage.RCPT, Reply(550, text)) is Verdict.DEAD


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (552, "5.2.2 The email account that you tried to reach is over quota"),
        (552, "Mailbox full"),
        (550, "Mailbox full"),
        (550, "5.2.1 The mailbox is disabled"),
        (550, "5.5.0 Requested action not taken"),
        (554, "Transaction failed"),
        (550, "Message blocked by the recipient's policy"),
        (550, "rejected because of the reputation of 192.0.2.1"),
        (550, "Access denied"),
        (550, "Sender verify failed"),
        (550, "relay.example.net said: mailbox full"),
        (501, "Syntax error in parameters"),
        (503, "Bad sequence of commands"),
    ],
)
def test_refused_but_not_dead(code: int, text: str) -> None:
    """A full mailbox, content or policy in words is a no that a person looks at; the address is not dead."""
    assert judge(Stage.RCPT, Reply(code, text)) is Verdict.REFUSED


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA])
@pytest.mark.parametrize(
    ("code", "text"),
    [
        (554, "5.7.1 <x@y>: Relay access denied"),
        (550, "5.7.26 This mail has been blocked because the sender is unauthenticated."),
        (530, "5.7.0 Must issue a STARTTLS command first"),
        (553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
        (530, "Authentication required"),
        (550, "5.1.8 Sender address rejected: Domain not found"),
        (550, "5.1.7 Bad sender's mailbox address syntax"),
    ],
)
def test_the_senders_own_trouble(stage: Stage, code: int, text: str) -> None:
    """5.7.x, and the 5.1.x that blame the sender's address, are the sender's trouble and never a person's."""
    assert judge(stage, Reply(code, text)) is Verdict.TROUBLE


@pytest.mark.parametrize("text", ["relay not permitted", "Relaying denied", "authentication required"])
def test_relaying_refused_in_words_is_the_senders_trouble(text: str) -> None:
    """A server without enhanced codes that refuses to relay has not called the address dead."""
    assert judge(Stage.RCPT, Reply(550, text)) is Verdict.TROUBLE


@pytest.mark.parametrize("text", ["5.1.1 User unknown", "No such user", "5.6.0 content", "Message content rejected"])
def test_no_after_data_is_never_a_dead_address(text: str) -> None:
    """A 5xx to the body is about the message: a person looks, and the enrolment goes on afterwards."""
    assert judge(Stage.DATA, Reply(554, text)) is Verdict.REFUSED
    assert judge(Stage.DATA, Reply(550, text)) is Verdict.REFUSED


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA])
@pytest.mark.parametrize("code", [421, 450, 451, 452])
def test_not_now_for_this_message(stage: Stage, code: int) -> None:
    """4xx once a message is under way is a retry of that message, whatever its enhanced code says."""
    assert judge(stage, Reply(code, "4.7.1 Greylisted")) is Verdict.LATER
    assert judge(stage, Reply(code, "4.1.1 User unknown")) is Verdict.LATER


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH])
def test_not_now_before_any_message(stage: Stage) -> None:
    """4xx before MAIL means that the server cannot be used at the moment; nobody has failed."""
    assert judge(stage, Reply(421, "too many connections")) is Verdict.UNREACHABLE
    assert judge(stage, Reply(454, "4.7.0 Temporary authentication failure")) is Verdict.UNREACHABLE


@given(st.sampled_from(BEFORE_A_RECIPIENT), st.integers(500, 599), st.text(max_size=60))
def test_no_before_a_recipient_never_fails_a_person(stage: Stage, code: int, text: str) -> None:
    """Every 5xx before RCPT is the sender's own trouble, whatever its words."""
    assert judge(stage, Reply(code, text)) is Verdict.TROUBLE


@given(st.sampled_from(Stage), st.integers(0, 999), st.text(max_size=80))
def test_every_reply_means_something(stage: Stage, code: int, text: str) -> None:
    """No reply raises; only RCPT can kill an address, and only a 2xx or the 354 of DATA is fine."""
    verdict = judge(stage, Reply(code, text))
    assert verdict is not Verdict.DEAD or (stage is Stage.RCPT and 500 <= code <= 599)
    assert (verdict is Verdict.FINE) == (200 <= code <= 299 or (stage is Stage.DATA and code == 354))


@pytest.mark.parametrize(
    ("code", "text", "enhanced"),
    [
        (550, "5.1.1 x", (1, 1)),
        (550, "5.7.26 x", (7, 26)),
        (550, "4.1.1 the class contradicts the code", None),
        (550, "5.0.0 says nothing", None),
        (550, "version 5.1.1 of our server", None),
        (550, "5.1.1234 x", None),
        (451, "4.7.1 x", (7, 1)),
    ],
)
def test_enhanced_code(code: int, text: str, enhanced: tuple[int, int] | None) -> None:
    """The enhanced code counts where it stands first, agrees with the code and says something."""
    assert Reply(code, text).enhanced == enhanced


def test_words_are_one_short_line() -> None:
    """A server's words are kept without control characters and cut where they grow silly."""
    assert str(Reply(451, "4.7.1 Grey\r\nlisted\x1b[31m\udc80 å")) == "451 4.7.1 Grey listed [31m å"
    assert len(str(Reply(550, "x" * 5000))) == 400
