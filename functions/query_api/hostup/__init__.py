"""The API as HostUp has it, over what has been collected from HostUp."""
