"""The API as Northflank has it, over what has been collected from Northflank."""
