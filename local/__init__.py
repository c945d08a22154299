"""The local default: everything behind `make run`, `make stop` and `make watch`.

The package starts from a bare `python3`: up to the point where `.venv` exists
only the standard library is imported. Modules that need an installed package
(`boto3`, `yaml`) import it where they use it.
"""
