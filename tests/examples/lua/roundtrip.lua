-- Sends the lines of stdin to a topic, each with its number as key, and prints what the topic holds: libfluvio through LuaJIT's ffi.
--
--   LIBFLUVIO_PATH=libfluvio.so.1 luajit roundtrip.lua ENDPOINT TOPIC < lines
local ffi = require 'ffi'

ffi.cdef [[
typedef struct fluvio_error fluvio_error_t;
typedef struct fluvio_config fluvio_config_t;
typedef struct fluvio_client fluvio_client_t;
typedef struct fluvio_producer fluvio_producer_t;
typedef struct fluvio_consumer fluvio_consumer_t;
typedef struct fluvio_batch fluvio_batch_t;
typedef struct fluvio_queue fluvio_queue_t;
typedef struct fluvio_record {
  uint32_t struct_size;
  int32_t partition;
  int64_t offset, timestamp;
  const uint8_t *key;
  size_t key_len;
  const uint8_t *value;
  size_t value_len;
  const char *topic;
} fluvio_record_t;
const char *fluvio_error_message(const fluvio_error_t *error);
void fluvio_error_free(fluvio_error_t *error);
fluvio_config_t *fluvio_config_new(void);
int32_t fluvio_config_set(fluvio_config_t *config, const char *key, const char *value, fluvio_error_t **error);
void fluvio_config_free(fluvio_config_t *config);
int32_t fluvio_client_connect(const fluvio_config_t *config, int64_t timeout_ms, fluvio_client_t **client, fluvio_error_t **error);
int32_t fluvio_client_close(fluvio_client_t *client, int64_t timeout_ms, fluvio_error_t **error);
void fluvio_client_free(fluvio_client_t *client);
int32_t fluvio_producer_open(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, fluvio_queue_t *deliveries, int64_t timeout_ms, fluvio_producer_t **producer, fluvio_error_t **error);
int32_t fluvio_producer_send(fluvio_producer_t *producer, const void *key, size_t key_len, const void *value, size_t value_len, uint64_t opaque, int64_t timeout_ms, fluvio_error_t **error);
int32_t fluvio_producer_close(fluvio_producer_t *producer, int64_t timeout_ms, fluvio_error_t **error);
void fluvio_producer_free(fluvio_producer_t *producer);
int32_t fluvio_consumer_open(fluvio_client_t *client, const char *topic, const fluvio_config_t *config, int64_t timeout_ms, fluvio_consumer_t **consumer, fluvio_error_t **error);
int32_t fluvio_consumer_poll(fluvio_consumer_t *consumer, int64_t timeout_ms, fluvio_batch_t **batch, fluvio_error_t **error);
void fluvio_consumer_free(fluvio_consumer_t *consumer);
int32_t fluvio_batch_get(const fluvio_batch_t *batch, size_t i, fluvio_record_t *record);
void fluvio_batch_release(fluvio_batch_t *batch);
]]
local C = ffi.load(os.getenv 'LIBFLUVIO_PATH' or 'libfluvio.so.1')
local OK, ERR_END = 0, -23
local SECONDS = 1000

-- Calls a function whose last parameter is an error, which is raised, unless the status is the one expected beside OK.
local function call(name, expected, ...)
  local failure = ffi.new 'fluvio_error_t *[1]'
  local arguments, n = { ... }, select('#', ...)
  arguments[n + 1] = failure
  local status = C['fluvio_' .. name](unpack(arguments, 1, n + 1))
  local message = name .. ': ' .. ffi.string(C.fluvio_error_message(failure[0]))
  C.fluvio_error_free(failure[0])
  if status ~= OK and status ~= expected then error(message, 0) end
  return status
end

-- Runs what takes a config.
local function with_config(settings, run)
  local config = C.fluvio_config_new()
  for name, value in pairs(settings) do call('config_set', nil, config, name, value) end
  run(config)
  C.fluvio_config_free(config)
end

local endpoint, topic = arg[1], arg[2]
local client, producer = ffi.new 'fluvio_client_t *[1]', ffi.new 'fluvio_producer_t *[1]'
local consumer, batch = ffi.new 'fluvio_consumer_t *[1]', ffi.new 'fluvio_batch_t *[1]'
with_config({ endpoint = endpoint }, function(c) call('client_connect', nil, c, 30 * SECONDS, client) end)

call('producer_open', nil, client[0], topic, nil, nil, 30 * SECONDS, producer)
local n = 0
for line in io.lines() do
  local key = tostring(n)
  call('producer_send', nil, producer[0], key, #key, line, #line, n, 30 * SECONDS)
  n = n + 1
end
call('producer_close', nil, producer[0], 30 * SECONDS) -- everything is stored, or it raises
C.fluvio_producer_free(producer[0])

with_config({ start = 'beginning', stop_at = 'end' }, function(c)
  call('consumer_open', nil, client[0], topic, c, 30 * SECONDS, consumer)
end)
local record = ffi.new 'fluvio_record_t'
record.struct_size = ffi.sizeof(record)
while call('consumer_poll', ERR_END, consumer[0], 30 * SECONDS, batch) == OK do
  local i = 0
  while C.fluvio_batch_get(batch[0], i, record) == OK do
    local key, value = ffi.string(record.key, record.key_len), ffi.string(record.value, record.value_len)
    print(('%d %d %s %s'):format(record.partition, tonumber(record.offset), key, value))
    i = i + 1
  end
  C.fluvio_batch_release(batch[0])
end
C.fluvio_consumer_free(consumer[0])
call('client_close', nil, client[0], 30 * SECONDS)
C.fluvio_client_free(client[0])
