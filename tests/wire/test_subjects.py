from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire.names import is_agent_token
from hubbub.wire.subjects import LANES, OPEN, SECURED, Address, Layout, layout, parse

from .material import median_microseconds, message_ids, tokens

LAYOUTS = [OPEN, SECURED]
both_layouts = pytest.mark.parametrize("laid_out", LAYOUTS, ids=["open", "secured"])
lanes = st.sampled_from(LANES)
keys = message_ids | st.sampled_from(["answer:q-1", "a=b", "~1", "x/y", "k" * 200])


def takes(subject_filter: str, subject: str) -> bool:
    """Tell whether a NATS filter takes a subject."""
    wanted, given_tokens = subject_filter.split("."), subject.split(".")
    for position, token in enumerate(wanted):
        if token == ">":
            return len(given_tokens) > position
        if position >= len(given_tokens) or token not in ("*", given_tokens[position]):
            return False
    return len(wanted) == len(given_tokens)


def overlap(one: str, other: str) -> bool:
    """Tell whether some subject is taken by both filters (which hold no `>`)."""
    pairs = list(zip(one.split("."), other.split("."), strict=False))
    same_length = one.count(".") == other.count(".")
    return same_length and all(a == b or "*" in (a, b) for a, b in pairs)


def bare_forms(agent: str) -> list[str]:
    return [f"agents.direct.{agent}", *(f"agents.direct.{agent}.{lane}" for lane in LANES)]


def lanes_taking(laid_out: Layout, agent: str, subject: str) -> list[int]:
    return [
        lane
        for lane in LANES
        for lane_filter in laid_out.lane_filters(agent, lane)
        if takes(lane_filter, subject)
    ]


def test_the_matcher_of_these_tests_matches_as_nats_does() -> None:
    assert takes("a.*.c", "a.b.c")
    assert takes("a.>", "a.b.c")
    assert not takes("a.>", "a")
    assert not takes("a.*", "a.b.c")
    assert not takes("a.b", "a")


@pytest.mark.parametrize(("name", "expected"), [("open", OPEN), ("secured", SECURED)])
def test_a_layout_is_found_by_its_name(name: str, expected: Layout) -> None:
    assert layout("secured" if name == "secured" else "open") is expected


# Every subject made is read back


@both_layouts
@given(agent=tokens, sender=tokens, lane=lanes)
def test_subjects_between_agents_are_read_back(
    laid_out: Layout, agent: str, sender: str, lane: int
) -> None:
    known = sender if laid_out.secured else ""
    assert parse(laid_out.everybody(sender)) == Address("all", sender=known)
    assert parse(laid_out.direct(agent, lane, sender)) == Address(
        "direct", agent=agent, sender=sender, priority=lane
    )
    assert parse(laid_out.done(agent)) == Address("done", agent=agent)
    assert parse(laid_out.hint(agent)) == Address("hint", agent=agent)
    assert parse(laid_out.request(agent, sender)) == Address("request", agent=agent, sender=sender)
    assert parse(laid_out.cancel(agent, sender)) == Address("cancel", agent=agent, sender=sender)
    assert parse(laid_out.recall(agent, sender)) == Address("recall", agent=agent, sender=sender)
    assert parse(laid_out.handoff(sender, agent)) == Address("handoff", agent=agent, sender=sender)
    kept = parse(laid_out.kept_request(agent, sender)), parse(laid_out.kept_reply(agent, sender))
    assert kept == (
        Address("kept_request", agent=agent, sender=sender),
        Address("kept_reply", agent=agent, sender=sender),
    )


@both_layouts
@given(requester=tokens, responder=tokens, connection=message_ids, number=st.integers(0))
def test_replies_are_read_back(
    laid_out: Layout, requester: str, responder: str, connection: str, number: int
) -> None:
    subject = laid_out.reply(requester, responder, connection, number)
    assert parse(subject) == Address("reply", agent=requester, sender=responder)


@both_layouts
@given(agent=tokens, task_id=message_ids, key=keys)
def test_subjects_of_tasks_are_read_back(
    laid_out: Layout, agent: str, task_id: str, key: str
) -> None:
    assert parse(laid_out.log(agent, task_id)) == Address("log", agent=agent, task_id=task_id)
    assert parse(laid_out.live(agent, task_id)) == Address("live", agent=agent, task_id=task_id)
    assert parse(laid_out.input(agent, task_id, key)) == Address(
        "input", agent=agent, task_id=task_id, key=key
    )


@both_layouts
@pytest.mark.parametrize(
    "word",
    ["all", "direct", "done", "request", "reply", "from", "to", "in", "log", "live", "3", "agents"],
)
def test_words_of_our_own_subjects_are_good_names(laid_out: Layout, word: str) -> None:
    for lane in LANES:
        direct = Address("direct", agent=word, sender=word, priority=lane)
        assert parse(laid_out.direct(word, lane, word)) == direct
        assert lanes_taking(laid_out, word, laid_out.direct(word, lane, word)) == [lane]
    assert parse(laid_out.done(word)) == Address("done", agent=word)
    assert parse(laid_out.request(word, word)) == Address("request", agent=word, sender=word)
    assert parse(laid_out.handoff(word, word)) == Address("handoff", agent=word, sender=word)
    assert parse(laid_out.input(word, word, word)) == Address(
        "input", agent=word, task_id=word, key=word
    )


@given(tokens)
def test_bare_forms_are_direct_messages_from_anonymous(agent: str) -> None:
    bare, *with_lane = [parse(subject) for subject in bare_forms(agent)]
    assert bare == Address("direct", agent=agent, sender="anonymous", priority=3)
    assert with_lane == [
        Address("direct", agent=agent, sender="anonymous", priority=lane) for lane in LANES
    ]
    assert parse(f"agents.request.{agent}") == Address("request", agent=agent)


# What reaches an inbox


@both_layouts
@given(agent=tokens, other=tokens, sender=tokens, lane=lanes)
def test_a_direct_message_is_taken_by_exactly_one_lane(
    laid_out: Layout, agent: str, other: str, sender: str, lane: int
) -> None:
    subject = laid_out.direct(agent, lane, sender)
    assert lanes_taking(laid_out, agent, subject) == [lane]
    assert sum(takes(stored, subject) for stored in laid_out.inbox_subjects) == 1
    if other != agent:
        assert lanes_taking(laid_out, other, subject) == []


@given(tokens)
def test_the_open_layout_takes_the_bare_forms_each_in_one_lane(agent: str) -> None:
    for subject in bare_forms(agent):
        address = parse(subject)
        assert address is not None
        assert lanes_taking(OPEN, agent, subject) == [address.priority]
        assert sum(takes(stored, subject) for stored in OPEN.inbox_subjects) == 1
        assert any(takes(wakeup, subject) for wakeup in OPEN.plain_wakeups(agent))


@given(tokens)
def test_the_secured_layout_never_takes_the_bare_forms(agent: str) -> None:
    for subject in bare_forms(agent):
        assert lanes_taking(SECURED, agent, subject) == []
        assert not any(takes(stored, subject) for stored in SECURED.inbox_subjects)
    assert SECURED.plain_wakeups(agent) == []
    bare_request = f"agents.request.{agent}"
    assert not any(takes(heard, bare_request) for heard in SECURED.request_filters(agent))
    assert any(takes(heard, bare_request) for heard in OPEN.request_filters(agent))
    assert not takes(SECURED.everybody_filter, "agents.all")


@both_layouts
@given(agent=tokens, sender=tokens, connection=message_ids, task_id=message_ids)
def test_what_is_no_direct_message_is_never_stored_in_an_inbox(
    laid_out: Layout, agent: str, sender: str, connection: str, task_id: str
) -> None:
    for subject in (
        laid_out.done(agent),
        laid_out.hint(agent),
        laid_out.request(agent, sender),
        f"agents.request.{agent}",
        laid_out.cancel(agent, sender),
        laid_out.recall(agent, sender),
        laid_out.reply(agent, sender, connection, 1),
        laid_out.handoff(sender, agent),
        laid_out.kept_request(agent, sender),
        laid_out.kept_reply(agent, sender),
        laid_out.everybody(sender),
        laid_out.log(agent, task_id),
        laid_out.input(agent, task_id, "cancel"),
        laid_out.live(agent, task_id),
    ):
        assert lanes_taking(laid_out, agent, subject) == []
        assert not any(takes(stored, subject) for stored in laid_out.inbox_subjects)


@both_layouts
def test_the_subjects_of_a_stream_do_not_overlap(laid_out: Layout) -> None:
    for one, other in combinations(laid_out.inbox_subjects, 2):
        assert not overlap(one, other)
    for lane in LANES:
        for one, other in combinations(laid_out.lane_filters("weather_bot", lane), 2):
            assert not overlap(one, other)


@both_layouts
@pytest.mark.parametrize("lane", ["0", "6", "33", "x", "done", "from", "-1", "٣"])
def test_there_is_no_sixth_lane(laid_out: Layout, lane: str) -> None:
    for subject in (f"agents.direct.a.{lane}", f"agents.direct.a.{lane}.from.b"):
        assert not any(takes(stored, subject) for stored in laid_out.inbox_subjects)
        address = parse(subject)
        assert address is None or address.kind == "done"


# Who hears what


@both_layouts
@given(agent=tokens, other=tokens, sender=tokens)
def test_a_request_is_heard_once_and_by_its_agent_only(
    laid_out: Layout, agent: str, other: str, sender: str
) -> None:
    subject = laid_out.request(agent, sender)
    assert sum(takes(heard, subject) for heard in laid_out.request_filters(agent)) == 1
    if other != agent:
        assert not any(takes(heard, subject) for heard in laid_out.request_filters(other))


@both_layouts
@given(agent=tokens, other=tokens, sender=tokens)
def test_what_is_said_about_a_request_is_heard_by_its_agent_and_as_no_request(
    laid_out: Layout, agent: str, other: str, sender: str
) -> None:
    cancel, recall = laid_out.cancel(agent, sender), laid_out.recall(agent, sender)
    for listener in {agent, other}:
        assert takes(laid_out.cancel_filter(listener), cancel) is (listener == agent)
        assert takes(laid_out.recall_filter(listener), recall) is (listener == agent)
        assert not takes(laid_out.cancel_filter(listener), recall)
        for said in (cancel, recall):
            assert not any(takes(heard, said) for heard in laid_out.request_filters(listener))


@both_layouts
@given(requester=tokens, responder=tokens, one=message_ids, other=message_ids)
def test_a_reply_is_heard_by_the_connection_that_asked(
    laid_out: Layout, requester: str, responder: str, one: str, other: str
) -> None:
    subject = laid_out.reply(requester, responder, one, 17)
    assert takes(laid_out.reply_filter(requester, one), subject)
    assert takes(laid_out.reply_filter(requester, other), subject) is (one == other)


@both_layouts
@given(agent=tokens, other=tokens, sender=tokens, task_id=message_ids, key=keys)
def test_broadcasts_and_inputs_are_heard_where_they_should(
    laid_out: Layout, agent: str, other: str, sender: str, task_id: str, key: str
) -> None:
    assert takes(laid_out.everybody_filter, laid_out.everybody(sender))
    told = laid_out.input(agent, task_id, key)
    assert takes(laid_out.input_filter(agent), told)
    assert takes(laid_out.input_filter(other), told) is (agent == other)
    assert not takes(laid_out.input_filter(agent), laid_out.log(agent, task_id))
    assert not takes(laid_out.input_filter(agent), laid_out.live(agent, task_id))


@given(agent=tokens, lane=lanes, sender=tokens)
def test_in_the_secured_layout_the_senders_name_stands_where_permissions_look(
    agent: str, lane: int, sender: str
) -> None:
    assert takes(f"agents.direct.*.*.from.{sender}", SECURED.direct(agent, lane, sender))
    assert takes(f"agents.request.*.from.{sender}", SECURED.request(agent, sender))
    assert takes(f"agents.cancel.*.from.{sender}", SECURED.cancel(agent, sender))
    assert takes(f"agents.recall.*.from.{sender}", SECURED.recall(agent, sender))
    assert takes(f"agents.all.from.{sender}", SECURED.everybody(sender))
    assert takes(f"agents.handoff.{sender}.to.*", SECURED.handoff(sender, agent))
    assert takes(f"agents.reply.*.from.{sender}.>", SECURED.reply(agent, sender, "c", 1))


# What is none of ours

HOSTILE_TOKENS = [
    "*",
    ">",
    "",
    " ",
    "a b",
    "a.b.c.d",
    "a\n",
    "a\r\n",
    "\n",
    "a\tb",
    "\0",
    "A",
    "Weather-Bot",
    "_a",
    "a_",
    "é",
    "🌦",
    "\u212a",
    "\ud800",
    "a" * 64,
    "a" * 300,
    "a*",
    ">a",
    "$SYS",
]
NAME_FORMS = [
    "agents.all.from.{}",
    "agents.direct.{}",
    "agents.direct.{}.3",
    "agents.direct.{}.done",
    "agents.direct.{}.3.from.a",
    "agents.direct.a.3.from.{}",
    "agents.request.{}",
    "agents.request.{}.from.a",
    "agents.request.a.from.{}",
    "agents.cancel.{}.from.a",
    "agents.cancel.a.from.{}",
    "agents.recall.{}.from.a",
    "agents.recall.a.from.{}",
    "agents.reply.{}.from.a.c.1",
    "agents.reply.a.from.{}.c.1",
    "agents.handoff.{}.to.a",
    "agents.handoff.a.to.{}",
    "agents.hint.{}",
    "tasks.{}.t-1.log",
    "tasks.{}.t-1.in.cancel",
    "tasks.{}.t-1.live",
]
TASK_FORMS = ["tasks.a.{}.log", "tasks.a.{}.in.cancel", "tasks.a.{}.live"]
KEY_FORMS = ["tasks.a.t-1.in.{}", "agents.reply.a.from.b.{}.1", "agents.reply.a.from.b.c.{}"]


@pytest.mark.parametrize("form", NAME_FORMS)
@pytest.mark.parametrize("token", HOSTILE_TOKENS, ids=ascii)
def test_a_hostile_name_is_never_read(form: str, token: str) -> None:
    assert parse(form.format(token)) is None


@pytest.mark.parametrize("form", TASK_FORMS)
@pytest.mark.parametrize(
    "token",
    ["*", ">", "", " ", "a b", "a.b", "a\n", "é", "🌦", "\ud800", "a" * 65, "a:b", "$SYS", "a*"],
    ids=ascii,
)
def test_a_hostile_task_id_is_never_read(form: str, token: str) -> None:
    assert parse(form.format(token)) is None


@pytest.mark.parametrize("form", KEY_FORMS)
@pytest.mark.parametrize(
    "token", ["*", ">", "", " ", "a b", "a.b", "a\n", "\0", "é", "🌦", "\ud800", "a*"], ids=ascii
)
def test_a_hostile_key_is_never_read(form: str, token: str) -> None:
    assert parse(form.format(token)) is None


@pytest.mark.parametrize(
    "subject",
    [
        "",
        ".",
        "agents",
        "agents.",
        "agents.all.",
        ".agents.all",
        "agents.all.from",
        "agents.all.weather_bot",
        "Agents.all",
        "agents.direct",
        "agents.direct.",
        "agents.direct.a.3.from",
        "agents.direct.a.3.from.b.c",
        "agents.direct.a.from.b",
        "agents.direct.a.done.x",
        "agents.request.a.b",
        "agents.cancel.a",
        "agents.recall.a",
        "agents.handoff.a.b",
        "agents.handoff.a.to",
        "agents.hint",
        "tasks.a.log",
        "tasks.a.t-1",
        "tasks.a.t-1.in",
        "tasks.a.t-1.out",
        "tasks.a.t-1.in.a.b",
        "agents.>",
        "agents.*",
        "$JS.API.STREAM.NAMES",
        "_INBOX.abc",
        "agents.all\n",
        " agents.all",
        "agents.direct.a\0",
    ],
    ids=repr,
)
def test_a_subject_that_is_none_of_ours_is_not_read(subject: str) -> None:
    assert parse(subject) is None


WORDS = ["agents", "direct", "all", "request", "3", "done", "from", "to", "tasks", "in", "log", "a"]
pieces = st.sampled_from([*WORDS, "", "*"])


@given(st.text() | st.lists(pieces | st.text(max_size=3), max_size=8).map(".".join))
def test_whatever_is_read_holds_clean_names_only(subject: str) -> None:
    address = parse(subject)
    if address is None:
        return
    assert all(is_agent_token(name) for name in (address.agent, address.sender) if name)
    assert address.agent or address.kind == "all"
    assert address.priority in LANES
    for text in (address.task_id, address.key):
        assert not set(text) & set(".*> \t\r\n\0")


def test_making_and_reading_a_subject_costs_little() -> None:
    subject = OPEN.direct("weather_bot", 3, "task_coordinator")
    assert median_microseconds(lambda: OPEN.direct("weather_bot", 3, "task_coordinator")) < 50
    assert median_microseconds(lambda: parse(subject)) < 50
