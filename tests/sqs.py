"""SQS for tests: what Lambda's poller does between a queue and a function, on moto's queues."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

ARN = "arn:aws:sqs:eu-north-1:123456789012:{}"


def received(client: "SQSClient", queue_url: str) -> list["MessageTypeDef"]:
    """Every message that the queue hands out one by one, while none is deleted."""
    found: list[MessageTypeDef] = []
    while messages := client.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=1, MessageSystemAttributeNames=["All"]
    ).get("Messages"):
        found += messages
    return found


def delivery(queue_url: str, *messages: "MessageTypeDef") -> dict[str, Any]:
    """The event in which Lambda hands messages to a function.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message["Attributes"]),
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN.format(queue_url.rpartition("/")[2]),
                "awsRegion": "eu-north-1",
            }
            for message in messages
        ]
    }
