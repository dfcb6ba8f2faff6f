"""Credentials: renewed from the secret once for each token that was refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.layer.world import Calls
from tributary.accounts import Account, Accounts
from tributary.credentials import Credentials
from tributary.errors import SettingsError
from tributary.secret import Secret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def stored(**tokens: str) -> str:
    return json.dumps(
        {"accounts": [{"name": name, "token": token} for name, token in tokens.items()]}
    )


def put(text: str) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId="provider", SecretString=text)


@pytest.fixture
def secrets(aws: None) -> "SecretsManagerClient":
    """Secrets Manager, whose secret holds `old` for the account `main`."""
    client = boto3.client("secretsmanager")
    client.create_secret(Name="provider", SecretString=stored(main="old", lab="other"))
    return client


@pytest.fixture
def credentials(secrets: "SecretsManagerClient") -> Credentials:
    """Those of `main`."""
    return Credentials.of(Account("main", "old"), Accounts(Secret(secrets, "provider")))


def test_a_rotated_token_takes_the_refused_ones_place(credentials: Credentials) -> None:
    put(stored(lab="other", main="new"))
    assert credentials.renewed("old") == "new"
    assert credentials.token == "new"
    assert not credentials.refused


def test_a_token_that_is_still_the_secrets_is_refused(credentials: Credentials) -> None:
    assert credentials.renewed("old") is None
    assert credentials.token == "old"
    assert credentials.refused


def test_an_account_that_has_left_the_secret_has_no_other_token(credentials: Credentials) -> None:
    put(stored(lab="other"))
    assert credentials.renewed("old") is None
    assert credentials.refused


def test_the_secret_is_read_once_for_all_threads(
    credentials: Credentials, secrets: "SecretsManagerClient"
) -> None:
    put(stored(main="new"))
    calls, together = Calls(secrets), Barrier(8)

    def renewed(_: int) -> str | None:
        together.wait()
        return credentials.renewed("old")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(renewed, range(8))) == ["new"] * 8
    assert calls == ["GetSecretValue"]


def test_a_token_that_was_answered_is_not_refused_by_one_401(credentials: Credentials) -> None:
    credentials.answered("old")
    assert credentials.renewed("old") is None
    assert credentials.accepted
    assert not credentials.refused


def test_the_renewed_token_may_be_refused_too(credentials: Credentials) -> None:
    put(stored(main="new"))
    credentials.renewed("old")
    assert credentials.renewed("new") is None
    assert credentials.refused


def test_a_secret_that_can_no_longer_be_read_says_so(credentials: Credentials) -> None:
    put("oops")
    with pytest.raises(SettingsError, match="is not JSON"):
        credentials.renewed("old")
    assert credentials.refused


def test_a_token_is_not_shown_where_credentials_are() -> None:
    assert "nf-s3cr3t" not in repr(Credentials("nf-s3cr3t"))
