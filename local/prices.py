"""Prices of AWS in us-east-1, on demand, in USD: the one place where they stand.

Other regions cost up to half as much again. Free tiers are left out.
"""

AS_OF = "November 2026"

# https://aws.amazon.com/dynamodb/pricing/on-demand/
WRITE_UNITS_MILLION = 0.625
READ_UNITS_MILLION = 0.125
TABLE_GB_MONTH = 0.25
RECOVERY_GB_MONTH = 0.20
# https://aws.amazon.com/lambda/pricing/ for arm64; x86_64 costs a quarter more.
LAMBDA_GB_SECOND = 0.0000133334
LAMBDA_REQUESTS_MILLION = 0.20
PROVISIONED_GB_SECOND = 0.0000033334
SNAPSHOT_GB_SECOND = 0.0000015046
# https://aws.amazon.com/cloudwatch/pricing/
METRIC_MONTH = 0.30
PUT_METRIC_DATA_THOUSAND = 0.01
ALARM_METRIC_MONTH = 0.10
LOG_GB = 0.50
# https://aws.amazon.com/api-gateway/pricing/
HTTP_API_MILLION = 1.00
# https://aws.amazon.com/secrets-manager/pricing/
SECRET_MONTH = 0.40
# https://aws.amazon.com/sqs/pricing/ for FIFO queues
SQS_REQUESTS_MILLION = 0.50

HOURS_A_MONTH = 730


def million(price: float, count: float) -> float:
    """What so many cost at a price per million."""
    return price * count / 1e6


def usd(amount: float) -> str:
    """An amount as a line shows it."""
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.4f}"
