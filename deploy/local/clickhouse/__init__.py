"""The real ClickHouse engine (chDB) behind ClickHouse's native TCP protocol, for one machine and loopback only.

`python -m deploy.local.clickhouse --data DIR` starts it; see docs/local-clickhouse.md for what it is and is not.
"""
