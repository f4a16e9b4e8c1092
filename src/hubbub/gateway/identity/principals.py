"""Who makes a request, and what that person may do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum

from hubbub.gateway.problems import Refusal

__all__ = ["LOCAL", "Principal", "Role", "is_user_name", "role_of"]

_USER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.@+|:/=-]{0,127})")


class Role(IntEnum):
    """What somebody may do; each role may also do what those below it may."""

    USER = 0
    """See and answer one's own tasks, start new ones, talk to agents."""
    VIEWER = 1
    """See everything."""
    OPERATOR = 2
    """Answer, cancel, replay and retry everybody's."""
    ADMIN = 3
    """Everything."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has been let in.

    Attributes:
        user: the name that tasks are owned under.
        role: what they may do.
        session: names the session that they came by; empty if it was a credential.
    """

    user: str
    role: Role
    session: str = field(default="", compare=False)

    @property
    def sees_all(self) -> bool:
        """Whether other people's tasks are to be seen."""
        return self.role >= Role.VIEWER

    def sees(self, owner: str) -> bool:
        """Tell whether what belongs to somebody is to be seen."""
        return self.sees_all or owner == self.user

    def acts_for(self, owner: str) -> bool:
        """Tell whether what belongs to somebody may be answered, canceled and retried."""
        return self.role >= Role.OPERATOR or owner == self.user

    def expect(self, role: Role) -> None:
        """Refuse whoever has not at least this role.

        Raises:
            Refusal: 403.
        """
        if self.role < role:
            raise Refusal(403, "role-needed", f"This needs the role {role.name.lower()}")


LOCAL = Principal("local", Role.ADMIN)
"""Everybody, where requests need no credentials: they come from this machine."""


def is_user_name(name: object) -> bool:
    """Tell whether a name can own tasks; it travels in a header."""
    return isinstance(name, str) and _USER.fullmatch(name) is not None


def role_of(names: object) -> Role | None:
    """Return the highest role that a name, or one of a list of names, stands for.

    Names that are no role are passed over: a token may carry those of other programs.
    """
    every = names if isinstance(names, list) else [names]  # pyright: ignore[reportUnknownVariableType]
    known = {role.name.lower(): role for role in Role}
    found = [known[name] for name in every if isinstance(name, str) and name in known]  # pyright: ignore[reportUnknownVariableType]
    return max(found) if found else None
