"""Fixtures for all tests. Each service has a module of its own."""

from tests.clickhouse_service import clickhouse as clickhouse
from tests.clickhouse_service import clickhouse_database as clickhouse_database
from tests.clickhouse_service import clickhouse_server as clickhouse_server
from tests.clickhouse_service import clickhouse_settings as clickhouse_settings
from tests.clickhouse_service import clickhouse_writer as clickhouse_writer
from tests.clickhouse_service import new_clickhouse as new_clickhouse
from tests.console_live import live as live
from tests.engine_service import bench as bench
from tests.kafka_service import kafka as kafka
from tests.kafka_service import new_broker as new_broker
from tests.main_service import product as product
from tests.sink_service import sink_service as sink_service
