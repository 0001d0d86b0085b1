"""Who may log in to an installed system, and what scripts and templates are told beside.

Owns the forms of account names, SSH keys, hosts' names, proxies and template variables.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue

from .base import Model
from .fields import SecretPath

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_NOT_OURS = frozenset({"root", "daemon", "bin", "sys", "nobody", "mail", "adm", "sync", "halt", "shutdown"})
_FULL_NAME = re.compile(r"[^\W_][\w .'()-]{0,60}")
_KEY = re.compile(
    r"(ssh-(rsa|ed25519|dss)|ecdsa-sha2-nistp(256|384|521)"
    r"|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) "
    r"[A-Za-z0-9+/]{20,}={0,3}( [A-Za-z0-9 ._@+:/-]{1,100})?"
)
_NAMED = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_PROXY = re.compile(r"https?://([A-Za-z0-9._~%-]+(:[A-Za-z0-9._~%-]+)?@)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/?")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
_GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,30}")


def _user_name(value: str) -> str:
    if not _USER.fullmatch(value):
        raise ValueError("not an account's name; write up to 31 small letters, digits, - and _: ansible, say")
    if value in _NOT_OURS:
        what = "rootpw_file and ssh_keys of the profile are its" if value == "root" else "write another one"
        raise ValueError(f"is an account of the system itself; {what}")
    return value


def _full_name(value: str) -> str:
    if not _FULL_NAME.fullmatch(value):
        raise ValueError("must be letters, digits, blanks and . ' ( ) - such as Ann O'Hara")
    return value


def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise ValueError("not an SSH public key; write the one line of a .pub file: ssh-ed25519 AAAA... name")
    return value


def _host_or_address(value: str) -> str:
    if not _NAMED.fullmatch(value):
        raise ValueError("not a host name or an address; write one such as ntp.example.lan or 192.0.2.1")
    return value


def _proxy(value: str) -> str:
    if not _PROXY.fullmatch(value):
        raise ValueError("not a proxy; write one such as http://proxy.example.lan:3128")
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError("not a variable's name; write letters, digits and _ after a letter, such as rack")
    return value


def _group(value: str) -> str:
    if not _GROUP.fullmatch(value):
        raise ValueError("not a group's name; write one such as docker")
    return value


SshKey = Annotated[str, AfterValidator(_key)]
HostOrAddress = Annotated[str, AfterValidator(_host_or_address)]
Proxy = Annotated[str, AfterValidator(_proxy)]
Variables = dict[Annotated[str, AfterValidator(_variable)], JsonValue]


class User(Model):
    """An account of the installed system."""

    name: Annotated[str, AfterValidator(_user_name)] = Field(description="its name, such as ansible")
    full_name: Annotated[str, AfterValidator(_full_name)] | None = Field(
        default=None, description="who it is, for people"
    )
    password_file: SecretPath | None = Field(
        default=None,
        description="file beside the site file with the password's hash; without it no password opens it",
    )
    ssh_keys: tuple[SshKey, ...] = Field(default=(), description="SSH public keys that open it")
    sudo: bool = Field(
        default=False, description="may become root: by its own password, without one when it has none"
    )
    groups: tuple[Annotated[str, AfterValidator(_group)], ...] = Field(
        default=(), description="groups it is in beside its own; they must be there"
    )
