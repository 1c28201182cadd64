"""Fixtures for all tests. Each service has a module of its own."""

from tests.engine_service import bench as bench
from tests.kafka_service import kafka as kafka
from tests.kafka_service import new_broker as new_broker
