"""The whole stack on one machine: what `make run`, `make build` and `make sam-local` start."""
