"""A connector's configuration: Kafka Connect's JSON, checked as a whole before anything starts.

`load` is the way in; `Connector` is what comes out; `ConfigErrors` says everything that is wrong.
"""

from connector.config.connector import Connector, Service
from connector.config.errors import ConfigError, ConfigErrors
from connector.config.load import known_keys, load
from connector.config.reading import Need

__all__ = ["ConfigError", "ConfigErrors", "Connector", "Need", "Service", "known_keys", "load"]
