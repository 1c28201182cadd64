"""The live console: what is going wrong, where, for whom, and whether somebody is on it.

One reader asks ClickHouse and follows topics; pages are rendered once and sent to everybody who watches the same.
"""
