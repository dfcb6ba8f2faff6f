"""The query API: merged series of every provider over HTTP."""
