"""The C contract as ctypes sees it: every function of fluvio.h, its structures and its constants.

A test parses fluvio.h and compares names, argument counts, types, structure layouts and constants with this table, so
the two cannot drift apart. Pointers to data and to opaque objects are ``c_void_p`` (addresses as plain ints), pointers
to zero-terminated text are ``c_char_p``.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, Sequence, Tuple

VERSION_HEX = 0x000100
"""The version of the header this table was written against: 0xMMmmpp."""

OK = 0
TIMEOUT = -1
CLOSED = -2
INTERRUPTED = -3
INVALID_ARGUMENT = -5
QUEUE_FULL = -7
VERSION = -18
FORKED = -19
OUT_OF_MEMORY = -21
END = -23

EVENT_OP = 1
EVENT_DELIVERY = 2
EVENT_LOG = 3
EVENT_CONSUMER = 4
EVENT_OFFSETS = 5
EVENT_STATS = 6
EVENT_CLIENT = 9
LOG_ERROR = 1
LOG_WARN = 2
LOG_INFO = 3
LOG_DEBUG = 4
PARTITION_ASSIGNED = 1
PARTITION_LOST = 2
PARTITION_RETRY = 3
PARTITION_RESUMED = 4
OFFSET_RESET = 5
BATCH_SKIPPED = 6
CLIENT_CONNECTED = 1
CLIENT_LOST = 2
CLIENT_RETRY = 3
CLIENT_RECOVERED = 4
CLIENT_GAVE_UP = 5
LEADER_MOVED = 6
BREAKER_OPENED = 7
BREAKER_HALF_OPEN = 8
BREAKER_CLOSED = 9
NOT_PERSISTED = 0
PERSISTED = 1
MAYBE_PERSISTED = 2
END_NONE = 0
END_REACHED = 1
END_DRAINED = 2
END_CLOSED = 3
END_TOPIC_DELETED = 4
END_GAVE_UP = 5
END_FAILED = 6
END_SILENT = 7
CONTINUE = 0
STOP = 1
NO_KEY = 0xFFFFFFFF


class Delivery(ctypes.Structure):
    """``fluvio_delivery_t``: what became of the records of one batch."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("status", c_int32),
        ("persisted", c_int32),
        ("partition", c_int32),
        ("base_offset", c_int64),
        ("latency_us", c_int64),
        ("count", c_uint64),
        ("opaque", c_void_p),
        ("error", c_void_p),
        ("producer", c_void_p),
        ("consecutive", c_int32),
        ("reserved", c_int32),
    ]


class Topic(ctypes.Structure):
    """``fluvio_topic_t``: one row of a list of topics."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("is_system", c_int32),
        ("name", c_char_p),
        ("status", c_char_p),
        ("reason", c_char_p),
        ("compression", c_char_p),
        ("partitions", c_uint32),
        ("replication", c_uint32),
        ("retention_seconds", c_uint32),
        ("segment_size", c_uint32),
        ("max_partition_size", c_uint64),
    ]


class ConsumerOffset(ctypes.Structure):
    """``fluvio_consumer_offset_t``: one row of a list of stored offsets."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("partition", c_int32),
        ("consumer_id", c_char_p),
        ("topic", c_char_p),
        ("offset", c_int64),
        ("modified", c_int64),
    ]


class Position(ctypes.Structure):
    """``fluvio_position_t``: one row of a list of positions."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("partition", c_int32),
        ("topic", c_char_p),
        ("position", c_int64),
        ("high_watermark", c_int64),
        ("log_end_offset", c_int64),
        ("lag", c_int64),
        ("committed", c_int64),
        ("skipped", c_int64),
        ("paused", c_int32),
    ]


class ConsumerEvent(ctypes.Structure):
    """``fluvio_consumer_event_t``: what happened to a partition."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_int32),
        ("partition", c_int32),
        ("attempt", c_int32),
        ("topic", c_char_p),
        ("offset", c_int64),
        ("next", c_int64),
        ("delay_ms", c_int64),
        ("error", c_void_p),
        ("dropped", c_uint64),
    ]


class ClientEvent(ctypes.Structure):
    """``fluvio_client_event_t``: what happened to a client."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_int32),
        ("address", c_char_p),
        ("topic", c_char_p),
        ("partition", c_int32),
        ("spu", c_int32),
        ("from_spu", c_int32),
        ("attempt", c_int32),
        ("delay_ms", c_int64),
        ("error", c_void_p),
        ("dropped", c_uint64),
    ]


class OffsetsEvent(ctypes.Structure):
    """``fluvio_offsets_event_t``: what a consumer asks its offset store."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("save", c_int32),
        ("consumer_id", c_char_p),
        ("count", c_uint64),
        ("offsets", c_void_p),
    ]


class RecordIn(ctypes.Structure):
    """``fluvio_record_in_t``: a record to send."""

    _fields_ = [
        ("key", c_void_p),
        ("key_len", c_size_t),
        ("value", c_void_p),
        ("value_len", c_size_t),
        ("timestamp", c_int64),
        ("opaque", c_uint64),
        ("partition", c_int32),
        ("reserved", c_int32),
    ]


class RecordOut(ctypes.Structure):
    """``fluvio_record_t``: a record that was read."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("partition", c_int32),
        ("offset", c_int64),
        ("timestamp", c_int64),
        ("key", c_void_p),
        ("key_len", c_size_t),
        ("value", c_void_p),
        ("value_len", c_size_t),
        ("topic", c_char_p),
    ]


class BatchView(ctypes.Structure):
    """``fluvio_batch_view_t``: the columns of a batch."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("partition", c_int32),
        ("count", c_uint64),
        ("topic", c_char_p),
        ("data", c_void_p),
        ("data_len", c_uint64),
        ("offset", c_void_p),
        ("timestamp", c_void_p),
        ("key_pos", c_void_p),
        ("key_len", c_void_p),
        ("value_pos", c_void_p),
        ("value_len", c_void_p),
        ("high_watermark", c_int64),
    ]


class Field(ctypes.Structure):
    """``fluvio_field_t``: a key and a value."""

    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class Log(ctypes.Structure):
    """``fluvio_log_t``: a line of the log."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("level", c_int32),
        ("time_us", c_int64),
        ("message", c_char_p),
        ("fields", ctypes.POINTER(Field)),
        ("field_count", c_uint64),
        ("dropped", c_uint64),
    ]


class Span(ctypes.Structure):
    """``fluvio_span_t``: the start or the end of something."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_int32),
        ("id", c_uint64),
        ("parent", c_uint64),
        ("time_us", c_int64),
        ("name", c_char_p),
        ("fields", ctypes.POINTER(Field)),
        ("field_count", c_uint64),
        ("dropped", c_uint64),
        ("error", c_void_p),
    ]


STRUCTURES: Dict[str, Any] = {
    "fluvio_field": Field,
    "fluvio_log": Log,
    "fluvio_span": Span,
    "fluvio_delivery": Delivery,
    "fluvio_topic": Topic,
    "fluvio_consumer_offset": ConsumerOffset,
    "fluvio_position": Position,
    "fluvio_consumer_event": ConsumerEvent,
    "fluvio_client_event": ClientEvent,
    "fluvio_offsets_event": OffsetsEvent,
    "fluvio_record_in": RecordIn,
    "fluvio_record": RecordOut,
    "fluvio_batch_view": BatchView,
}

# Short names keep the table readable; each stands for one spelling in the header.
_PTR = c_void_p  # any object, data or out-parameter
_TXT = c_char_p  # const char *
_STA = c_int32  # fluvio_status_t
_I32 = c_int32
_U32 = c_uint32
_I64 = c_int64
_U64 = c_uint64
_LEN = c_size_t

FUNCTIONS: Dict[str, Tuple[Any, Sequence[Any]]] = {
    "fluvio_version": (_U32, ()),
    "fluvio_version_string": (_TXT, ()),
    "fluvio_check": (_I32, (_U32,)),
    "fluvio_status_name": (_TXT, (_STA,)),
    "fluvio_forked": (_I32, ()),
    # error
    "fluvio_error_status": (_STA, (_PTR,)),
    "fluvio_error_message": (_TXT, (_PTR,)),
    "fluvio_error_server_code": (_I32, (_PTR,)),
    "fluvio_error_is_retriable": (_I32, (_PTR,)),
    "fluvio_error_is_fatal": (_I32, (_PTR,)),
    "fluvio_error_maybe_written": (_I32, (_PTR,)),
    "fluvio_error_end_reason": (_I32, (_PTR,)),
    "fluvio_error_detail": (_TXT, (_PTR, _TXT)),
    "fluvio_error_detail_at": (_I32, (_PTR, _LEN, _PTR, _PTR)),
    "fluvio_error_free": (None, (_PTR,)),
    # config
    "fluvio_config_new": (_PTR, ()),
    "fluvio_config_set": (_STA, (_PTR, _TXT, _TXT, _PTR)),
    "fluvio_config_set_json": (_STA, (_PTR, _TXT, _PTR)),
    "fluvio_config_set_tls_verify": (_STA, (_PTR, _PTR, _PTR, _PTR, _PTR)),
    "fluvio_config_set_events": (_STA, (_PTR, _PTR, _U64, _PTR)),
    "fluvio_config_set_offset_store": (_STA, (_PTR, _PTR, _U64, _PTR)),
    "fluvio_config_set_log": (_STA, (_PTR, _PTR, _U64, _PTR)),
    "fluvio_config_set_hooks": (_STA, (_PTR, _PTR, _U64, _PTR)),
    "fluvio_config_free": (None, (_PTR,)),
    # operations and queues
    "fluvio_op_wait": (_STA, (_PTR, _I64, _PTR)),
    "fluvio_op_cancel": (None, (_PTR,)),
    "fluvio_op_take_client": (_PTR, (_PTR,)),
    "fluvio_op_take_producer": (_PTR, (_PTR,)),
    "fluvio_op_take_consumer": (_PTR, (_PTR,)),
    "fluvio_op_take_topic_list": (_PTR, (_PTR,)),
    "fluvio_op_take_consumer_offset_list": (_PTR, (_PTR,)),
    "fluvio_op_take_text": (_PTR, (_PTR,)),
    "fluvio_op_take_position_list": (_PTR, (_PTR,)),
    "fluvio_op_take_offset": (_I64, (_PTR,)),
    "fluvio_op_take_value": (_PTR, (_PTR,)),
    "fluvio_op_take_watch": (_PTR, (_PTR,)),
    "fluvio_op_free": (None, (_PTR,)),
    "fluvio_text_get": (_TXT, (_PTR,)),
    "fluvio_text_free": (None, (_PTR,)),
    "fluvio_queue_new": (_PTR, ()),
    "fluvio_queue_poll": (_PTR, (_PTR, _I64)),
    "fluvio_queue_fd": (_I32, (_PTR,)),
    "fluvio_queue_wakeup": (None, (_PTR,)),
    "fluvio_queue_start": (_STA, (_PTR, _PTR, _PTR, _PTR, _PTR)),
    "fluvio_queue_free": (None, (_PTR,)),
    "fluvio_event_type": (_I32, (_PTR,)),
    "fluvio_event_opaque": (_U64, (_PTR,)),
    "fluvio_event_delivery": (_STA, (_PTR, _PTR)),
    "fluvio_event_consumer": (_STA, (_PTR, _PTR)),
    "fluvio_event_client": (_STA, (_PTR, _PTR)),
    "fluvio_event_offsets": (_STA, (_PTR, _PTR)),
    "fluvio_event_offsets_reply": (_STA, (_PTR, _PTR, _LEN, _TXT, _PTR)),
    "fluvio_event_log": (_STA, (_PTR, _PTR)),
    "fluvio_event_span": (_STA, (_PTR, _PTR)),
    "fluvio_event_stats": (_TXT, (_PTR,)),
    "fluvio_event_free": (None, (_PTR,)),
    # client
    "fluvio_client_connect": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_client_connect_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_client_close": (_STA, (_PTR, _I64, _PTR)),
    "fluvio_client_close_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_client_free": (None, (_PTR,)),
    "fluvio_client_platform_version": (_TXT, (_PTR,)),
    "fluvio_client_stats": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_client_stats_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_client_prometheus": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_client_prometheus_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_client_health": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_client_health_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    # admin
    "fluvio_topic_create": (_STA, (_PTR, _TXT, _PTR, _I64, _PTR)),
    "fluvio_topic_create_async": (_PTR, (_PTR, _TXT, _PTR, _I64, _PTR, _U64)),
    "fluvio_topic_delete": (_STA, (_PTR, _TXT, _I64, _PTR)),
    "fluvio_topic_delete_async": (_PTR, (_PTR, _TXT, _I64, _PTR, _U64)),
    "fluvio_topic_list": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_topic_list_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_topic_list_count": (_LEN, (_PTR,)),
    "fluvio_topic_list_get": (_STA, (_PTR, _LEN, _PTR)),
    "fluvio_topic_list_free": (None, (_PTR,)),
    "fluvio_value_type": (_I32, (_PTR, _TXT)),
    "fluvio_value_text": (_TXT, (_PTR, _TXT)),
    "fluvio_value_number": (_I64, (_PTR, _TXT, _I64)),
    "fluvio_value_bytes": (_PTR, (_PTR, _TXT, _PTR)),
    "fluvio_value_count": (_LEN, (_PTR, _TXT)),
    "fluvio_value_key": (_TXT, (_PTR, _TXT, _LEN)),
    "fluvio_value_json": (_TXT, (_PTR,)),
    "fluvio_value_free": (None, (_PTR,)),
    "fluvio_object_create": (_STA, (_PTR, _TXT, _TXT, _PTR, _I64, _PTR, _PTR)),
    "fluvio_object_create_async": (_PTR, (_PTR, _TXT, _TXT, _PTR, _I64, _PTR, _U64)),
    "fluvio_object_delete": (_STA, (_PTR, _TXT, _TXT, _PTR, _I64, _PTR)),
    "fluvio_object_delete_async": (_PTR, (_PTR, _TXT, _TXT, _PTR, _I64, _PTR, _U64)),
    "fluvio_object_describe": (_STA, (_PTR, _TXT, _TXT, _I64, _PTR, _PTR)),
    "fluvio_object_describe_async": (_PTR, (_PTR, _TXT, _TXT, _I64, _PTR, _U64)),
    "fluvio_object_list": (_STA, (_PTR, _TXT, _PTR, _I64, _PTR, _PTR)),
    "fluvio_object_list_async": (_PTR, (_PTR, _TXT, _PTR, _I64, _PTR, _U64)),
    "fluvio_topic_add_partitions": (_STA, (_PTR, _TXT, _U32, _I64, _PTR)),
    "fluvio_topic_add_partitions_async": (_PTR, (_PTR, _TXT, _U32, _I64, _PTR, _U64)),
    "fluvio_topic_add_mirror": (_STA, (_PTR, _TXT, _TXT, _I64, _PTR)),
    "fluvio_topic_add_mirror_async": (_PTR, (_PTR, _TXT, _TXT, _I64, _PTR, _U64)),
    "fluvio_topic_wait": (_STA, (_PTR, _TXT, _I64, _PTR)),
    "fluvio_topic_wait_async": (_PTR, (_PTR, _TXT, _I64, _PTR, _U64)),
    "fluvio_watch_open": (_STA, (_PTR, _TXT, _I64, _PTR, _PTR)),
    "fluvio_watch_open_async": (_PTR, (_PTR, _TXT, _I64, _PTR, _U64)),
    "fluvio_watch_next": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_watch_next_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_watch_close": (_STA, (_PTR, _I64, _PTR)),
    "fluvio_watch_close_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_watch_free": (None, (_PTR,)),
    "fluvio_consumer_offsets_list": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_consumer_offsets_list_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_consumer_offset_delete": (_STA, (_PTR, _TXT, _TXT, _I32, _I64, _PTR)),
    "fluvio_consumer_offset_delete_async": (_PTR, (_PTR, _TXT, _TXT, _I32, _I64, _PTR, _U64)),
    "fluvio_consumer_offset_reset": (_STA, (_PTR, _TXT, _TXT, _I32, _TXT, _I64, _PTR)),
    "fluvio_consumer_offset_reset_async": (_PTR, (_PTR, _TXT, _TXT, _I32, _TXT, _I64, _PTR, _U64)),
    "fluvio_consumer_offset_list_count": (_LEN, (_PTR,)),
    "fluvio_consumer_offset_list_get": (_STA, (_PTR, _LEN, _PTR)),
    "fluvio_consumer_offset_list_free": (None, (_PTR,)),
    # producer
    "fluvio_producer_open": (_STA, (_PTR, _TXT, _PTR, _PTR, _I64, _PTR, _PTR)),
    "fluvio_producer_open_async": (_PTR, (_PTR, _TXT, _PTR, _PTR, _I64, _PTR, _U64)),
    "fluvio_producer_set_partitioner": (_STA, (_PTR, _PTR, _PTR, _PTR, _PTR)),
    "fluvio_producer_send": (_STA, (_PTR, _PTR, _LEN, _PTR, _LEN, _U64, _I64, _PTR)),
    "fluvio_producer_try_send": (_STA, (_PTR, _PTR, _U32, _PTR, _U32, _U32)),
    "fluvio_producer_try_send_block": (_STA, (_PTR, _PTR, _PTR, _U32)),
    "fluvio_producer_send_batch": (_STA, (_PTR, _PTR, _LEN, _I64, _PTR, _PTR)),
    "fluvio_producer_send_blocks": (_STA, (_PTR, _PTR, _LEN, _LEN, _LEN, _U64, _I64, _PTR, _PTR)),
    "fluvio_producer_send_columns": (_STA, (_PTR, _PTR, _LEN, _PTR, _PTR, _LEN, _U64, _I64, _PTR, _PTR)),
    "fluvio_producer_hurry": (_STA, (_PTR, _PTR)),
    "fluvio_producer_flush": (_STA, (_PTR, _I64, _PTR)),
    "fluvio_producer_flush_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_producer_stats": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_producer_stats_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_producer_close": (_STA, (_PTR, _I64, _PTR)),
    "fluvio_producer_close_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_producer_free": (None, (_PTR,)),
    # consumer
    "fluvio_consumer_open": (_STA, (_PTR, _TXT, _PTR, _I64, _PTR, _PTR)),
    "fluvio_consumer_open_async": (_PTR, (_PTR, _TXT, _PTR, _I64, _PTR, _U64)),
    "fluvio_consumer_poll": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_consumer_poll_many": (_STA, (_PTR, _LEN, _U64, _I64, _PTR, _PTR)),
    "fluvio_record_list_count": (_LEN, (_PTR,)),
    "fluvio_record_list_get": (_STA, (_PTR, _LEN, _PTR)),
    "fluvio_record_list_free": (None, (_PTR,)),
    "fluvio_consumer_fd": (_I32, (_PTR,)),
    "fluvio_consumer_wakeup": (None, (_PTR,)),
    "fluvio_consumer_start": (_STA, (_PTR, _PTR, _PTR, _PTR, _PTR)),
    "fluvio_consumer_start_records": (_STA, (_PTR, _PTR, _PTR, _PTR, _PTR)),
    "fluvio_consumer_commit": (_STA, (_PTR, _I64, _PTR)),
    "fluvio_consumer_commit_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_consumer_commit_offset": (_STA, (_PTR, _TXT, _I32, _I64, _I64, _PTR)),
    "fluvio_consumer_commit_offset_async": (_PTR, (_PTR, _TXT, _I32, _I64, _I64, _PTR, _U64)),
    "fluvio_consumer_seek": (_STA, (_PTR, _TXT, _I32, _TXT, _I64, _PTR)),
    "fluvio_consumer_seek_async": (_PTR, (_PTR, _TXT, _I32, _TXT, _I64, _PTR, _U64)),
    "fluvio_consumer_offset_for": (_STA, (_PTR, _TXT, _I32, _TXT, _I64, _PTR, _PTR)),
    "fluvio_consumer_offset_for_async": (_PTR, (_PTR, _TXT, _I32, _TXT, _I64, _PTR, _U64)),
    "fluvio_consumer_pause": (_STA, (_PTR, _TXT, _I32, _I64, _I64, _PTR)),
    "fluvio_consumer_pause_async": (_PTR, (_PTR, _TXT, _I32, _I64, _I64, _PTR, _U64)),
    "fluvio_consumer_resume": (_STA, (_PTR, _TXT, _I32, _I64, _PTR)),
    "fluvio_consumer_resume_async": (_PTR, (_PTR, _TXT, _I32, _I64, _PTR, _U64)),
    "fluvio_consumer_drain": (_STA, (_PTR, _I64, _PTR)),
    "fluvio_consumer_drain_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_consumer_positions": (_STA, (_PTR, _I64, _PTR, _PTR)),
    "fluvio_consumer_positions_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_position_list_count": (_LEN, (_PTR,)),
    "fluvio_position_list_get": (_STA, (_PTR, _LEN, _PTR)),
    "fluvio_position_list_free": (None, (_PTR,)),
    "fluvio_consumer_close": (_STA, (_PTR, _I64, _PTR)),
    "fluvio_consumer_close_async": (_PTR, (_PTR, _I64, _PTR, _U64)),
    "fluvio_consumer_free": (None, (_PTR,)),
    # batch
    "fluvio_batch_retain": (_PTR, (_PTR,)),
    "fluvio_batch_release": (None, (_PTR,)),
    "fluvio_batch_count": (_LEN, (_PTR,)),
    "fluvio_batch_view": (_STA, (_PTR, _PTR)),
    "fluvio_batch_get": (_STA, (_PTR, _LEN, _PTR)),
    # Arrow
    "fluvio_batch_export_arrow": (_STA, (_PTR, _I32, _PTR, _PTR, _PTR)),
    "fluvio_consumer_export_arrow": (_STA, (_PTR, _I32, _PTR, _PTR)),
}
"""Result type and argument types of every function, by name."""

SHORT = {"fluvio_producer_try_send", "fluvio_producer_try_send_block", "fluvio_producer_hurry"}
"""Functions that return at once. They are called with the GIL, and without argument types, which cost more than the
call: ctypes passes None, bytes, what ``from_param`` gave, and whole numbers below 2**32 by itself."""
