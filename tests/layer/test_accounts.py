"""Accounts: what a provider's secret may hold, and that no error tells what it holds."""

import json
import re
from typing import Any

import boto3
import pytest

from tests.layer.world import Calls
from tributary.accounts import Account, Accounts, accounts_in
from tributary.errors import SettingsError, StorageError
from tributary.secret import Secret

TOKEN = "nf-s3cr3t-t0k3n"


def secret(*accounts: Any) -> str:
    return json.dumps({"accounts": accounts})


def test_accounts_are_read_with_and_without_a_team() -> None:
    text = secret(
        {"name": "main", "token": TOKEN},
        {"name": "lab-2", "token": f" {TOKEN}\n", "team": "research", "note": "ours"},
        {"name": "third", "token": TOKEN, "team": ""},
        {"name": "fourth", "token": TOKEN, "team": None},
    )

    assert accounts_in(text) == [
        Account("main", TOKEN),
        Account("lab-2", TOKEN, "research"),
        Account("third", TOKEN),
        Account("fourth", TOKEN),
    ]


def test_the_secret_as_the_stack_makes_it_has_no_accounts() -> None:
    assert accounts_in('{"accounts": []}') == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the provider's secret is not JSON; it should be"),
        (TOKEN, "the provider's secret is not JSON"),
        (f'{{"accounts": [{{"name": "main", "token": "{TOKEN}"}}]', "is not JSON"),
        ("[" * 200_000, "is not JSON"),
        (f'["{TOKEN}"]', "has no list of accounts; it should be"),
        (f'{{"main": "{TOKEN}"}}', "has no list of accounts"),
        (f'{{"accounts": "{TOKEN}"}}', "has no list of accounts"),
        (f'{{"accounts": {{"main": "{TOKEN}"}}}}', "has no list of accounts"),
        ("null", "has no list of accounts"),
        (secret(TOKEN), "account 1 in the provider's secret is not an object"),
        (secret({"token": TOKEN}), "account 1 in the provider's secret needs a name of letters"),
        (secret({"name": f"a b {TOKEN}", "token": "x"}), "account 1 .* needs a name of letters"),
        (secret({"name": 7, "token": TOKEN}), "needs a name"),
        (secret({"name": "-x", "token": TOKEN}), "needs a name"),
        (secret({"name": "x" * 65, "token": TOKEN}), "needs a name .* at most 64"),
        (
            secret({"name": "a", "token": "x"}, {"name": "main"}),
            "account 2 .*, main, needs a token",
        ),
        (secret({"name": "main", "token": "  "}), "account 1 .*, main, needs a token"),
        (secret({"name": "main", "token": [TOKEN]}), "main, needs a token"),
        (secret({"name": "main", "token": TOKEN, "team": [TOKEN]}), "main, has a team that is not"),
        (
            secret({"name": "main", "token": TOKEN}, {"name": "main", "token": "x"}),
            "names the account 'main' twice",
        ),
    ],
)
def test_a_malformed_secret_says_what_to_change_and_never_what_it_holds(
    text: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as failure:
        accounts_in(text)

    assert TOKEN not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__ or failure.value.__context__ is None


def test_a_token_is_not_shown_where_an_account_is() -> None:
    assert TOKEN not in repr(Account("main", TOKEN, "research"))


def accounts_and_calls(text: str) -> tuple[Accounts, Calls]:
    boto3.client("secretsmanager").create_secret(Name="provider", SecretString=text)
    client = boto3.client("secretsmanager")
    return Accounts(Secret(client, "provider")), Calls(client)


def replace(text: str) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId="provider", SecretString=text)


def test_the_secret_is_kept_while_it_is_young(aws: None) -> None:
    accounts, calls = accounts_and_calls(secret({"name": "main", "token": "old"}))
    assert accounts.all() == [Account("main", "old")]
    replace(secret({"name": "main", "token": "new"}))

    assert accounts.all() == [Account("main", "old")]
    assert calls == ["GetSecretValue"]


def test_the_secret_is_read_anew_where_that_is_asked_for_and_then_kept(aws: None) -> None:
    accounts, calls = accounts_and_calls(secret({"name": "main", "token": "old"}))
    accounts.all()
    replace(secret({"name": "main", "token": "new"}))

    assert accounts.all(anew=True) == [Account("main", "new")]
    assert accounts.all() == [Account("main", "new")]
    assert calls == ["GetSecretValue", "GetSecretValue"]


def test_a_malformed_secret_is_read_again_once_it_was_mended(aws: None) -> None:
    accounts, _ = accounts_and_calls("oops")
    with pytest.raises(SettingsError):
        accounts.all()
    replace(secret())

    assert accounts.all(anew=True) == []


def test_a_binary_secret_is_none_that_can_be_read(aws: None) -> None:
    boto3.client("secretsmanager").create_secret(Name="provider", SecretBinary=TOKEN.encode())

    with pytest.raises(SettingsError, match="is not JSON"):
        Accounts.from_env().all()


def test_a_secret_that_cannot_be_read_is_a_storage_error_that_names_it(aws: None) -> None:
    with pytest.raises(StorageError, match=r"reading the secret provider: .*ResourceNotFound"):
        Accounts.from_env().all()


def test_the_environment_names_the_secret(aws: None) -> None:
    accounts_and_calls(secret({"name": "main", "token": TOKEN}))

    assert Accounts.from_env().all() == [Account("main", TOKEN)]


def test_the_shape_that_is_asked_for_is_one_that_is_taken() -> None:
    with pytest.raises(SettingsError) as failure:
        accounts_in("")

    shape = re.search(r"\{.*\}", str(failure.value))
    assert shape is not None
    assert accounts_in(shape[0]) == [Account("main", "…", "…")]
