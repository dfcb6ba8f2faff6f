"""Simulated providers: HTTP servers that answer as Northflank and HostUp do, about this machine."""

from local.providers.faults import Fault, Faulty, Kind
from local.providers.hostup import HostupSimulator
from local.providers.ledger import Ledger, ServedSample
from local.providers.load import Load, LoadSource, MachineLoad, Signal
from local.providers.northflank import NorthflankSimulator
from local.providers.occasion import Occasion
from local.providers.server import RunningServer, serve
from local.providers.settling import Provisional
from local.providers.traffic import Traffic

__all__ = [
    "Fault",
    "Faulty",
    "HostupSimulator",
    "Kind",
    "Ledger",
    "Load",
    "LoadSource",
    "MachineLoad",
    "NorthflankSimulator",
    "Occasion",
    "Provisional",
    "RunningServer",
    "ServedSample",
    "Signal",
    "Traffic",
    "serve",
]
