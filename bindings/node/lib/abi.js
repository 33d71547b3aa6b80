'use strict';

/**
 * What this package uses of fluvio.h: functions, structs and constants. A test holds every line against the header.
 *
 * Types: ptr (a handle, or memory to read from or write to), str (a text that the library only reads, or gives), i32, u32,
 * i64, u64, size, void. Handles are BigInts; NULL is null.
 */

const VERSION_HEX = 0x000100;
const NO_KEY = 0xffffffff;
const OK = 0;
const EVENT_OP = 1;
const EVENT_DELIVERY = 2;
const EVENT_LOG = 3;
const EVENT_CONSUMER = 4;
const EVENT_OFFSETS = 5;
const EVENT_STATS = 6;
const EVENT_CLIENT = 9;
const MAYBE_PERSISTED = 2;

/** FLUVIO_END_REACHED ...: why a stream has ended, by number. */
const END_REASONS = [null, 'reached', 'drained', 'closed', 'topic_deleted', 'gave_up', 'failed', 'silent'];

/** FLUVIO_PARTITION_ASSIGNED ...: what happened to a partition, by number. */
const CONSUMER_EVENTS = [null, 'assigned', 'lost', 'retry', 'resumed', 'offset_reset', 'batch_skipped'];

/** FLUVIO_CLIENT_CONNECTED ...: what happened to a client, by number. */
const CLIENT_EVENTS = [null, 'connected', 'lost', 'retry', 'recovered', 'gave_up', 'leader_moved', 'breaker_opened', 'breaker_half_open', 'breaker_closed'];

/** FLUVIO_LOG_ERROR ...: levels of the log, by number. */
const LOG_LEVELS = [null, 'error', 'warn', 'info', 'debug'];

/** name: [result, parameters] */
const functions = {
  fluvio_version_string: ['str', []],
  fluvio_check: ['i32', ['u32']],
  fluvio_status_name: ['str', ['i32']],

  fluvio_error_status: ['i32', ['ptr']],
  fluvio_error_message: ['str', ['ptr']],
  fluvio_error_server_code: ['i32', ['ptr']],
  fluvio_error_is_retriable: ['i32', ['ptr']],
  fluvio_error_is_fatal: ['i32', ['ptr']],
  fluvio_error_maybe_written: ['i32', ['ptr']],
  fluvio_error_end_reason: ['i32', ['ptr']],
  fluvio_error_detail_at: ['i32', ['ptr', 'size', 'ptr', 'ptr']],
  fluvio_error_free: ['void', ['ptr']],

  fluvio_config_new: ['ptr', []],
  fluvio_config_set_json: ['i32', ['ptr', 'str', 'ptr']],
  fluvio_config_set_events: ['i32', ['ptr', 'ptr', 'u64', 'ptr']],
  fluvio_config_set_offset_store: ['i32', ['ptr', 'ptr', 'u64', 'ptr']],
  fluvio_config_set_log: ['i32', ['ptr', 'ptr', 'u64', 'ptr']],
  fluvio_config_free: ['void', ['ptr']],

  fluvio_op_wait: ['i32', ['ptr', 'i64', 'ptr']],
  fluvio_op_cancel: ['void', ['ptr']],
  fluvio_op_take_client: ['ptr', ['ptr']],
  fluvio_op_take_producer: ['ptr', ['ptr']],
  fluvio_op_take_consumer: ['ptr', ['ptr']],
  fluvio_op_take_topic_list: ['ptr', ['ptr']],
  fluvio_op_take_consumer_offset_list: ['ptr', ['ptr']],
  fluvio_op_take_text: ['ptr', ['ptr']],
  fluvio_op_take_position_list: ['ptr', ['ptr']],
  fluvio_op_take_offset: ['i64', ['ptr']],
  fluvio_op_take_value: ['ptr', ['ptr']],
  fluvio_op_take_watch: ['ptr', ['ptr']],
  fluvio_op_free: ['void', ['ptr']],
  fluvio_text_get: ['str', ['ptr']],
  fluvio_text_free: ['void', ['ptr']],

  fluvio_queue_new: ['ptr', []],
  fluvio_queue_poll: ['ptr', ['ptr', 'i64']],
  fluvio_queue_fd: ['i32', ['ptr']],
  fluvio_queue_free: ['void', ['ptr']],
  fluvio_event_type: ['i32', ['ptr']],
  fluvio_event_opaque: ['u64', ['ptr']],
  fluvio_event_delivery: ['i32', ['ptr', 'ptr']],
  fluvio_event_consumer: ['i32', ['ptr', 'ptr']],
  fluvio_event_client: ['i32', ['ptr', 'ptr']],
  fluvio_event_offsets: ['i32', ['ptr', 'ptr']],
  fluvio_event_offsets_reply: ['i32', ['ptr', 'ptr', 'size', 'str', 'ptr']],
  fluvio_event_log: ['i32', ['ptr', 'ptr']],
  fluvio_event_stats: ['str', ['ptr']],
  fluvio_event_free: ['void', ['ptr']],

  fluvio_client_connect_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_client_close_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_client_free: ['void', ['ptr']],
  fluvio_client_platform_version: ['str', ['ptr']],
  fluvio_client_stats_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_client_prometheus_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_client_health_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],

  fluvio_topic_create_async: ['ptr', ['ptr', 'str', 'ptr', 'i64', 'ptr', 'u64']],
  fluvio_topic_add_partitions_async: ['ptr', ['ptr', 'str', 'u32', 'i64', 'ptr', 'u64']],
  fluvio_topic_add_mirror_async: ['ptr', ['ptr', 'str', 'str', 'i64', 'ptr', 'u64']],
  fluvio_topic_wait_async: ['ptr', ['ptr', 'str', 'i64', 'ptr', 'u64']],

  fluvio_value_json: ['str', ['ptr']],
  fluvio_value_free: ['void', ['ptr']],
  fluvio_object_create_async: ['ptr', ['ptr', 'str', 'str', 'ptr', 'i64', 'ptr', 'u64']],
  fluvio_object_delete_async: ['ptr', ['ptr', 'str', 'str', 'ptr', 'i64', 'ptr', 'u64']],
  fluvio_object_describe_async: ['ptr', ['ptr', 'str', 'str', 'i64', 'ptr', 'u64']],
  fluvio_object_list_async: ['ptr', ['ptr', 'str', 'ptr', 'i64', 'ptr', 'u64']],
  fluvio_watch_open_async: ['ptr', ['ptr', 'str', 'i64', 'ptr', 'u64']],
  fluvio_watch_next_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_watch_close_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_watch_free: ['void', ['ptr']],

  fluvio_consumer_offsets_list_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_consumer_offset_delete_async: ['ptr', ['ptr', 'str', 'str', 'i32', 'i64', 'ptr', 'u64']],
  fluvio_consumer_offset_reset_async: ['ptr', ['ptr', 'str', 'str', 'i32', 'str', 'i64', 'ptr', 'u64']],
  fluvio_consumer_offset_list_count: ['size', ['ptr']],
  fluvio_consumer_offset_list_get: ['i32', ['ptr', 'size', 'ptr']],
  fluvio_consumer_offset_list_free: ['void', ['ptr']],

  fluvio_producer_open_async: ['ptr', ['ptr', 'str', 'ptr', 'ptr', 'i64', 'ptr', 'u64']],
  fluvio_producer_send_batch: ['i32', ['ptr', 'ptr', 'size', 'i64', 'ptr', 'ptr']],
  fluvio_producer_send_columns: ['i32', ['ptr', 'ptr', 'size', 'ptr', 'ptr', 'size', 'u64', 'i64', 'ptr', 'ptr']],
  fluvio_producer_hurry: ['i32', ['ptr', 'ptr']],
  fluvio_producer_flush_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_producer_stats_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_producer_close_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_producer_free: ['void', ['ptr']],

  fluvio_consumer_open_async: ['ptr', ['ptr', 'str', 'ptr', 'i64', 'ptr', 'u64']],
  fluvio_consumer_poll: ['i32', ['ptr', 'i64', 'ptr', 'ptr']],
  fluvio_consumer_fd: ['i32', ['ptr']],
  fluvio_consumer_commit_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_consumer_commit_offset_async: ['ptr', ['ptr', 'str', 'i32', 'i64', 'i64', 'ptr', 'u64']],
  fluvio_consumer_seek_async: ['ptr', ['ptr', 'str', 'i32', 'str', 'i64', 'ptr', 'u64']],
  fluvio_consumer_offset_for_async: ['ptr', ['ptr', 'str', 'i32', 'str', 'i64', 'ptr', 'u64']],
  fluvio_consumer_pause_async: ['ptr', ['ptr', 'str', 'i32', 'i64', 'i64', 'ptr', 'u64']],
  fluvio_consumer_resume_async: ['ptr', ['ptr', 'str', 'i32', 'i64', 'ptr', 'u64']],
  fluvio_consumer_drain_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_consumer_positions_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_position_list_count: ['size', ['ptr']],
  fluvio_position_list_get: ['i32', ['ptr', 'size', 'ptr']],
  fluvio_position_list_free: ['void', ['ptr']],
  fluvio_consumer_close_async: ['ptr', ['ptr', 'i64', 'ptr', 'u64']],
  fluvio_consumer_free: ['void', ['ptr']],

  fluvio_batch_release: ['void', ['ptr']],
  fluvio_batch_view: ['i32', ['ptr', 'ptr']],
};

const SIZES = { i32: 4, u32: 4, i64: 8, u64: 8, size: 8, ptr: 8 };

/** The layout of a struct on 64-bit platforms: offset of each field, and the size. */
function layout(fields) {
  const out = { types: fields, size: 0 };
  let end = 0;
  for (const [name, type] of Object.entries(fields)) {
    const size = SIZES[type];
    end = Math.ceil(end / size) * size;
    out[name] = end;
    end += size;
  }
  out.size = Math.ceil(end / 8) * 8;
  return Object.freeze(out);
}

const structs = {
  fluvio_delivery: layout({
    struct_size: 'u32',
    status: 'i32',
    persisted: 'i32',
    partition: 'i32',
    base_offset: 'i64',
    latency_us: 'i64',
    count: 'u64',
    opaque: 'ptr',
    error: 'ptr',
    producer: 'ptr',
    consecutive: 'i32',
    reserved: 'i32',
  }),
  fluvio_consumer_offset: layout({
    struct_size: 'u32',
    partition: 'i32',
    consumer_id: 'ptr',
    topic: 'ptr',
    offset: 'i64',
    modified: 'i64',
  }),
  fluvio_position: layout({
    struct_size: 'u32',
    partition: 'i32',
    topic: 'ptr',
    position: 'i64',
    high_watermark: 'i64',
    log_end_offset: 'i64',
    lag: 'i64',
    committed: 'i64',
    skipped: 'i64',
    paused: 'i32',
  }),
  fluvio_consumer_event: layout({
    struct_size: 'u32',
    kind: 'i32',
    partition: 'i32',
    attempt: 'i32',
    topic: 'ptr',
    offset: 'i64',
    next: 'i64',
    delay_ms: 'i64',
    error: 'ptr',
    dropped: 'u64',
  }),
  fluvio_log: layout({
    struct_size: 'u32',
    level: 'i32',
    time_us: 'i64',
    message: 'ptr',
    fields: 'ptr',
    field_count: 'u64',
    dropped: 'u64',
  }),
  fluvio_client_event: layout({
    struct_size: 'u32',
    kind: 'i32',
    address: 'ptr',
    topic: 'ptr',
    partition: 'i32',
    spu: 'i32',
    from_spu: 'i32',
    attempt: 'i32',
    delay_ms: 'i64',
    error: 'ptr',
    dropped: 'u64',
  }),
  fluvio_offsets_event: layout({
    struct_size: 'u32',
    save: 'i32',
    consumer_id: 'ptr',
    count: 'u64',
    offsets: 'ptr',
  }),
  fluvio_record_in: layout({
    key: 'ptr',
    key_len: 'size',
    value: 'ptr',
    value_len: 'size',
    timestamp: 'i64',
    opaque: 'u64',
    partition: 'i32',
    reserved: 'i32',
  }),
  fluvio_batch_view: layout({
    struct_size: 'u32',
    partition: 'i32',
    count: 'u64',
    topic: 'ptr',
    data: 'ptr',
    data_len: 'u64',
    offset: 'ptr',
    timestamp: 'ptr',
    key_pos: 'ptr',
    key_len: 'ptr',
    value_pos: 'ptr',
    value_len: 'ptr',
    high_watermark: 'i64',
  }),
};

module.exports = {
  VERSION_HEX, NO_KEY, OK, EVENT_OP, EVENT_DELIVERY, EVENT_LOG, EVENT_CONSUMER, EVENT_OFFSETS, EVENT_STATS, EVENT_CLIENT, MAYBE_PERSISTED,
  END_REASONS, CONSUMER_EVENTS, CLIENT_EVENTS, LOG_LEVELS, functions, structs,
};
