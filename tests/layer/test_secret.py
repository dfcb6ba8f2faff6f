"""A secret under moto: read seldom, and anew when its time is over."""

import boto3

from tests.layer.samples import TEN
from tests.layer.world import Calls
from tributary.secret import Secret


def test_a_secret_is_read_again_after_five_minutes(aws: None) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="provider", SecretString="old")
    calls, now = Calls(client), [TEN / 1000]
    secret = Secret(client, "provider", lambda: now[0])
    assert secret.text() == "old"
    client.put_secret_value(SecretId="provider", SecretString="new")
    calls.clear()

    now[0] += 299
    assert secret.text() == "old"
    now[0] += 1
    assert secret.text() == "new"

    assert calls == ["GetSecretValue"]


def test_a_secret_that_is_no_text_is_empty(aws: None) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="provider", SecretBinary=b"text all the same")

    assert Secret(client, "provider").text() == ""
