/* calls.h - the functions of fluvio.h, by number. Arguments are read one after the other, as compilers order those of a call as they like. */

static void *h, *h2, *config, *queue;
static const char *text, *text2;
static uint64_t n, n2;
static int64_t t;
static int32_t part;

#define H(kind) (h = pick(kind))
#define H2(kind) (h2 = pick(kind))
#define C() (config = pick(CONFIG))
#define Q() (queue = pick(QUEUE))
#define S(table) (text = ONE_OF(table))
#define S2(table) (text2 = ONE_OF(table))
#define N() (n = number())
#define N2() (n2 = number())
#define T() (t = timeout())
#define P() (part = (int32_t)number())
#define STARTED(call) keep(OP, call)

static void look_at_fields(const fluvio_field_t *fields, uint64_t count)
{
  uint64_t i;
  for (i = 0; i < count; i++) {
    look(fields[i].key);
    look(fields[i].value);
  }
}

static void look_at_record(const fluvio_record_t *r)
{
  touch(r->key, r->key != NULL ? r->key_len : 0);
  touch(r->value, r->value_len);
  look(r->topic);
}

static void look_at_batch(void)
{
  fluvio_batch_view_t *v;
  fluvio_record_t *r;
  uint64_t i;
  H(BATCH);
  v = ROOM(fluvio_batch_view_t);
  if (fluvio_batch_view(h, v) == FLUVIO_OK && WHOLE(v)) {
    MUST(v->count == fluvio_batch_count(h));
    look(v->topic);
    touch(v->data, v->data_len);
    for (i = 0; i < v->count; i++) {
      MUST(v->value_pos[i] <= v->data_len && v->value_len[i] <= v->data_len - v->value_pos[i]);
      MUST(v->key_len[i] == FLUVIO_NO_KEY || (v->key_pos[i] <= v->data_len && v->key_len[i] <= v->data_len - v->key_pos[i]));
      sink += (unsigned)(v->offset[i] + v->timestamp[i]);
    }
  }
  N();
  r = ROOM(fluvio_record_t);
  if (fluvio_batch_get(h, (size_t)n, r) == FLUVIO_OK && WHOLE(r))
    look_at_record(r);
  if (byte() < 64)
    keep(BATCH, fluvio_batch_retain(own(BATCH)));
}

static void look_at_event(void)
{
  fluvio_delivery_t *d;
  fluvio_consumer_event_t *c;
  fluvio_client_event_t *l;
  fluvio_log_t *g;
  fluvio_span_t *s;
  fluvio_offsets_event_t *o;
  H(EVENT);
  sink += (unsigned)fluvio_event_type(h) + (unsigned)fluvio_event_opaque(h);
  look(fluvio_event_stats(h));
  d = ROOM(fluvio_delivery_t);
  if (fluvio_event_delivery(h, d) == FLUVIO_OK && WHOLE(d)) {
    touch(d->opaque, (size_t)d->count * sizeof *d->opaque);
    look_at_error(d->error);
  }
  c = ROOM(fluvio_consumer_event_t);
  if (fluvio_event_consumer(h, c) == FLUVIO_OK && WHOLE(c)) {
    look(c->topic);
    look_at_error(c->error);
  }
  l = ROOM(fluvio_client_event_t);
  if (fluvio_event_client(h, l) == FLUVIO_OK && WHOLE(l)) {
    look(l->address);
    look(l->topic);
    look_at_error(l->error);
  }
  g = ROOM(fluvio_log_t);
  if (fluvio_event_log(h, g) == FLUVIO_OK && WHOLE(g)) {
    look(g->message);
    look_at_fields(g->fields, g->field_count);
  }
  s = ROOM(fluvio_span_t);
  if (fluvio_event_span(h, s) == FLUVIO_OK && WHOLE(s)) {
    look(s->name);
    look_at_fields(s->fields, s->field_count);
    look_at_error(s->error);
  }
  o = ROOM(fluvio_offsets_event_t);
  if (fluvio_event_offsets(h, o) == FLUVIO_OK && WHOLE(o)) {
    uint64_t i;
    look(o->consumer_id);
    for (i = 0; i < o->count; i++)
      look(o->offsets[i].topic);
  }
}

static void reply(void)
{
  size_t count = byte() % 3, i;
  fluvio_consumer_offset_t *rows = lend(count * sizeof *rows);
  H(EVENT);
  for (i = 0; i < count; i++) {
    rows[i].struct_size = byte() < 200 ? sizeof rows[i] : byte();
    rows[i].topic = ONE_OF(names);
    rows[i].partition = (int32_t)number();
    rows[i].offset = (int64_t)number();
  }
  S(values);
  if (byte() < 128)
    text = NULL;
  ended(fluvio_event_offsets_reply(h, byte() < 240 ? rows : NULL, count, text, error));
}

static void look_at_lists(void)
{
  fluvio_topic_t *topic;
  fluvio_consumer_offset_t *offset;
  fluvio_position_t *position;
  fluvio_record_t *record;
  N();
  n = n % 8 == 7 ? n : n % 3;
  H(TOPICS);
  sink += (unsigned)fluvio_topic_list_count(h);
  topic = ROOM(fluvio_topic_t);
  if (fluvio_topic_list_get(h, (size_t)n, topic) == FLUVIO_OK && WHOLE(topic)) {
    look(topic->name);
    look(topic->status);
    look(topic->reason);
    look(topic->compression);
  }
  H(OFFSETS);
  sink += (unsigned)fluvio_consumer_offset_list_count(h);
  offset = ROOM(fluvio_consumer_offset_t);
  if (fluvio_consumer_offset_list_get(h, (size_t)n, offset) == FLUVIO_OK && WHOLE(offset)) {
    look(offset->consumer_id);
    look(offset->topic);
  }
  H(POSITIONS);
  sink += (unsigned)fluvio_position_list_count(h);
  position = ROOM(fluvio_position_t);
  if (fluvio_position_list_get(h, (size_t)n, position) == FLUVIO_OK && WHOLE(position))
    look(position->topic);
  H(RECORDS);
  sink += (unsigned)fluvio_record_list_count(h);
  record = ROOM(fluvio_record_t);
  if (fluvio_record_list_get(h, (size_t)n, record) == FLUVIO_OK && WHOLE(record))
    look_at_record(record);
}

static void look_at_value(void)
{
  const uint8_t *b;
  size_t len = 0, i;
  H(VALUE);
  S(paths);
  N();
  sink += (unsigned)fluvio_value_type(h, text) + (unsigned)fluvio_value_number(h, text, (int64_t)n);
  look(fluvio_value_text(h, text));
  b = fluvio_value_bytes(h, text, byte() < 240 ? &len : NULL);
  touch(b, b != NULL ? len : 0);
  for (i = 0; i <= fluvio_value_count(h, text) && i < 100; i++)
    look(fluvio_value_key(h, text, i));
  look(fluvio_value_key(h, text, (size_t)n));
  look(fluvio_value_json(h));
}

/* Key or value of a record, and a length of it that may be a lie: either too large for any memory, or of nothing. */
static const void *piece(size_t *length)
{
  static const size_t lies[] = { (size_t)1 << 32, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX };
  unsigned b = byte();
  const void *p = NULL;
  *length = b < 200 ? b % 32 : b < 240 ? (size_t)b << 8 : b % 5;
  if (b < 240)
    p = bytes(*length);
  else if (b < 245)
    p = bytes(*length = 0);
  if (b >= 250)
    *length = lies[b % 4];
  return p;
}

static void send(void)
{
  size_t key_len, value_len;
  const void *key = piece(&key_len), *value = piece(&value_len);
  H(PRODUCER);
  N();
  T();
  if (byte() < 200)
    ended(fluvio_producer_send(h, key, key_len, value, value_len, n, t, error));
  else if (key_len <= UINT32_MAX && value_len <= UINT32_MAX)
    ended(fluvio_producer_try_send(h, key, (uint32_t)key_len, value, (uint32_t)value_len, (uint32_t)n));
}

static void send_batch(void)
{
  size_t count = byte() % 6, i, sent = 0;
  fluvio_record_in_t *records = lend(count * sizeof *records);
  for (i = 0; i < count; i++) {
    records[i].key = piece(&records[i].key_len);
    records[i].value = piece(&records[i].value_len);
    records[i].timestamp = byte() < 200 ? 0 : (int64_t)number();
    records[i].partition = byte() < 128 ? -1 : (int32_t)number();
    records[i].reserved = byte() < 250 ? 0 : 1;
    records[i].opaque = i;
  }
  H(PRODUCER);
  T();
  ended(fluvio_producer_send_batch(h, byte() < 250 ? records : NULL, count, t, byte() < 128 ? &sent : NULL, error));
  MUST(sent <= count);
}

static void send_columns(void)
{
  size_t count = byte() % 6, i, sent = 0, size = 0;
  uint32_t *key_len = lend(count * sizeof *key_len), *value_len = lend(count * sizeof *value_len);
  const void *data;
  for (i = 0; i < count; i++) {
    key_len[i] = byte() < 128 ? FLUVIO_NO_KEY : byte() < 250 ? byte() % 8 : (uint32_t)number();
    value_len[i] = byte() < 250 ? byte() : (uint32_t)number();
    size += (key_len[i] == FLUVIO_NO_KEY ? 0 : key_len[i]) + (size_t)value_len[i];
  }
  if (size > 4096 || byte() >= 240)
    size = byte();
  data = bytes(size);
  H(PRODUCER);
  N();
  T();
  ended(fluvio_producer_send_columns(h, byte() < 250 ? data : NULL, size, byte() < 128 ? key_len : NULL, byte() < 250 ? value_len : NULL, count, n, t, byte() < 128 ? &sent : NULL, error));
  MUST(sent <= count);
}

static void send_blocks(void)
{
  size_t count = byte() % 6, i, sent = 0, size;
  const void **blocks = lend(count * sizeof *blocks);
  uint8_t *block;
  for (i = 0; i < count; i++) {
    size = byte();
    block = lend(2 * sizeof size + size);
    memset(block + sizeof size, 'b', sizeof size + size);
    if (byte() >= 250)
      size = SIZE_MAX - byte(); /* more than there is: to be refused before it is read */
    memcpy(block, &size, sizeof size);
    blocks[i] = byte() < 250 ? block : NULL;
  }
  H(PRODUCER);
  N();
  T();
  if (count > 0 && blocks[0] != NULL && byte() < 50)
    ended(fluvio_producer_try_send_block(h, byte() < 128 ? (const uint8_t *)blocks[0] + 2 * sizeof size : NULL, (const uint8_t *)blocks[0] + 2 * sizeof size, (uint32_t)n));
  else
    ended(fluvio_producer_send_blocks(h, byte() < 250 ? blocks : NULL, 0, 2 * sizeof size, count, n, t, byte() < 128 ? &sent : NULL, error));
  MUST(sent <= count);
}

static void arrow(void)
{
  struct ArrowArray array, *a = &array;
  struct ArrowSchema schema, *s = &schema;
  struct ArrowArrayStream stream;
  if (byte() < 160) {
    fluvio_status_t status;
    H(BATCH);
    a = byte() < 200 ? a : NULL;
    s = byte() < 200 ? s : NULL;
    status = fluvio_batch_export_arrow(h, (int32_t)(byte() % 3), a, s, error);
    ended(status);
    if (status == FLUVIO_OK && a != NULL) {
      sink += (unsigned)a->length + (unsigned)a->n_children;
      a->release(a);
    }
    if (status == FLUVIO_OK && s != NULL) {
      look(s->format);
      s->release(s);
    }
    return;
  }
  h = own(CONSUMER);
  if (fluvio_consumer_export_arrow(h, (int32_t)(byte() % 3), &stream, NULL) != FLUVIO_OK)
    return;
  if (stream.get_schema(&stream, s) == 0)
    s->release(s);
  fluvio_consumer_wakeup(h); /* get_next has no deadline */
  if (stream.get_next(&stream, a) == 0 && a->release != NULL)
    a->release(a);
  look(stream.get_last_error(&stream));
  stream.release(&stream);
}

/* Frees one handle: the last call on it. */
static void let_go(void)
{
  enum kind kind = (enum kind)(byte() % KINDS);
  int i = byte() % EACH;
  void *gone = handles[kind][i];
  handles[kind][i] = NULL;
  drop(kind, gone);
}

/* Frees what is no handle of that kind, which does nothing. */
static void let_other_go(void)
{
  enum kind kind = (enum kind)(byte() % KINDS);
  unsigned b = byte();
  int i = byte() % EACH;
  if (b % KINDS != kind)
    drop(kind, b < 200 ? handles[b % KINDS][i] : bytes(512));
}

static void look_around(void)
{
  H(ERROR);
  look_at_error(h);
  S(keys);
  look(fluvio_error_detail(h, text));
  N();
  sink += (unsigned)fluvio_error_detail_at(h, (size_t)n, &text, byte() < 200 ? &text2 : NULL);
  look(fluvio_status_name((fluvio_status_t)n));
  MUST(fluvio_check(FLUVIO_VERSION_HEX) == FLUVIO_OK && fluvio_version() == FLUVIO_VERSION_HEX && !fluvio_forked());
  sink += (unsigned)fluvio_check((uint32_t)n);
  look(fluvio_version_string());
  H(TEXT);
  look(fluvio_text_get(h));
  H(CLIENT);
  look(fluvio_client_platform_version(h));
  H(QUEUE);
  sink += (unsigned)fluvio_queue_fd(h);
  H(CONSUMER);
  sink += (unsigned)fluvio_consumer_fd(h);
}

static void take(void)
{
  H(OP);
  switch (byte() % 10) {
  case 0: keep(CLIENT, fluvio_op_take_client(h)); break;
  case 1: keep(PRODUCER, fluvio_op_take_producer(h)); break;
  case 2: keep(CONSUMER, fluvio_op_take_consumer(h)); break;
  case 3: keep(TOPICS, fluvio_op_take_topic_list(h)); break;
  case 4: keep(OFFSETS, fluvio_op_take_consumer_offset_list(h)); break;
  case 5: keep(TEXT, fluvio_op_take_text(h)); break;
  case 6: keep(POSITIONS, fluvio_op_take_position_list(h)); break;
  case 7: keep(VALUE, fluvio_op_take_value(h)); break;
  case 8: keep(WATCH, fluvio_op_take_watch(h)); break;
  default: sink += (unsigned)fluvio_op_take_offset(h);
  }
}

static void configure(void)
{
  H(CONFIG);
  switch (byte() % 8) {
  case 0: case 1: case 2: {
    S(keys);
    S2(values);
    if (text != NULL && strcmp(text, "endpoint") == 0)
      text2 = byte() < 128 ? getenv("FLUVIO_FUZZ_ENDPOINT") : "127.0.0.1:1"; /* nobody else is to be called */
    ended(fluvio_config_set(h, text, text2, error));
    break;
  }
  case 3: S(objects); ended(fluvio_config_set_json(h, text, error)); break;
  case 4: Q(); N(); ended(fluvio_config_set_events(h, queue, n, error)); break;
  case 5: Q(); N(); ended(byte() < 128 ? fluvio_config_set_log(h, queue, n, error) : fluvio_config_set_hooks(h, queue, n, error)); break;
  case 6: Q(); N(); ended(fluvio_config_set_offset_store(h, queue, n, error)); break;
  default: STARTS(fluvio_config_set_tls_verify(h, judge, ctx, free_ctx, error));
  }
}

/* What the functions of objects, and some others, take: a client, a kind, a name, settings, a time. */
static void objects_call(unsigned which)
{
  H(CLIENT);
  S(kinds);
  S2(names);
  C();
  T();
  Q();
  N();
  switch (which % 10) {
  case 0: GIVES(TEXT, fluvio_text_t, fluvio_object_create(h, text, text2, config, t, byte() < 128 ? &out : NULL, error)); break;
  case 1: STARTED(fluvio_object_create_async(h, text, text2, config, t, queue, n)); break;
  case 2: ended(fluvio_object_delete(h, text, text2, config, t, error)); break;
  case 3: STARTED(fluvio_object_delete_async(h, text, text2, config, t, queue, n)); break;
  case 4: GIVES(VALUE, fluvio_value_t, fluvio_object_describe(h, text, text2, t, &out, error)); break;
  case 5: STARTED(fluvio_object_describe_async(h, text, text2, t, queue, n)); break;
  case 6: GIVES(VALUE, fluvio_value_t, fluvio_object_list(h, text, config, t, &out, error)); break;
  case 7: STARTED(fluvio_object_list_async(h, text, config, t, queue, n)); break;
  case 8: GIVES(WATCH, fluvio_watch_t, fluvio_watch_open(h, text, t, &out, error)); break;
  default: STARTED(fluvio_watch_open_async(h, text, t, queue, n));
  }
}

/* A client, a topic, settings, a time. */
static void topics_call(unsigned which)
{
  H(CLIENT);
  S(names);
  C();
  T();
  Q();
  N();
  H2(QUEUE);
  switch (which % 16) {
  case 0: ended(fluvio_topic_create(h, text, config, t, error)); break;
  case 1: STARTED(fluvio_topic_create_async(h, text, config, t, queue, n)); break;
  case 2: ended(fluvio_topic_delete(h, text, t, error)); break;
  case 3: STARTED(fluvio_topic_delete_async(h, text, t, queue, n)); break;
  case 4: GIVES(TOPICS, fluvio_topic_list_t, fluvio_topic_list(h, t, &out, error)); break;
  case 5: STARTED(fluvio_topic_list_async(h, t, queue, n)); break;
  case 6: ended(fluvio_topic_add_partitions(h, text, (uint32_t)n, t, error)); break;
  case 7: STARTED(fluvio_topic_add_partitions_async(h, text, (uint32_t)n, t, queue, n)); break;
  case 8: ended(fluvio_topic_add_mirror(h, text, "r", t, error)); break;
  case 9: STARTED(fluvio_topic_add_mirror_async(h, text, text, t, queue, n)); break;
  case 10: ended(fluvio_topic_wait(h, text, t, error)); break;
  case 11: STARTED(fluvio_topic_wait_async(h, text, t, queue, n)); break;
  case 12: GIVES(PRODUCER, fluvio_producer_t, fluvio_producer_open(h, text, config, h2, t, &out, error)); break;
  case 13: STARTED(fluvio_producer_open_async(h, text, config, h2, t, queue, n)); break;
  case 14: GIVES(CONSUMER, fluvio_consumer_t, fluvio_consumer_open(h, text, config, t, &out, error)); break;
  default: STARTED(fluvio_consumer_open_async(h, text, config, t, queue, n));
  }
}

static void client_call(unsigned which)
{
  H(CLIENT);
  C();
  T();
  Q();
  N();
  switch (which % 16) {
  case 0: GIVES(CLIENT, fluvio_client_t, fluvio_client_connect(config, t, &out, error)); break;
  case 1: STARTED(fluvio_client_connect_async(config, t, queue, n)); break;
  case 2: ended(fluvio_client_close(h, t, error)); break;
  case 3: STARTED(fluvio_client_close_async(h, t, queue, n)); break;
  case 4: GIVES(TEXT, fluvio_text_t, fluvio_client_health(h, t, &out, error)); break;
  case 5: STARTED(fluvio_client_health_async(h, t, queue, n)); break;
  case 6: GIVES(TEXT, fluvio_text_t, fluvio_client_stats(h, t, &out, error)); break;
  case 7: STARTED(fluvio_client_stats_async(h, t, queue, n)); break;
  case 8: GIVES(TEXT, fluvio_text_t, fluvio_client_prometheus(h, t, &out, error)); break;
  case 9: STARTED(fluvio_client_prometheus_async(h, t, queue, n)); break;
  case 10: GIVES(OFFSETS, fluvio_consumer_offset_list_t, fluvio_consumer_offsets_list(h, t, &out, error)); break;
  case 11: STARTED(fluvio_consumer_offsets_list_async(h, t, queue, n)); break;
  default:
    S(names);
    S2(names);
    P();
    switch (which % 16) {
    case 12: ended(fluvio_consumer_offset_delete(h, text, text2, part, t, error)); break;
    case 13: STARTED(fluvio_consumer_offset_delete_async(h, text, text2, part, t, queue, n)); break;
    case 14: ended(fluvio_consumer_offset_reset(h, text, text2, part, ONE_OF(values), t, error)); break;
    default: STARTED(fluvio_consumer_offset_reset_async(h, text, text2, part, ONE_OF(values), t, queue, n));
    }
  }
}

static void producer_call(unsigned which)
{
  H(PRODUCER);
  T();
  Q();
  N();
  switch (which % 8) {
  case 0: ended(fluvio_producer_flush(h, t, error)); break;
  case 1: STARTED(fluvio_producer_flush_async(h, t, queue, n)); break;
  case 2: GIVES(TEXT, fluvio_text_t, fluvio_producer_stats(h, t, &out, error)); break;
  case 3: STARTED(fluvio_producer_stats_async(h, t, queue, n)); break;
  case 4: ended(fluvio_producer_close(h, t, error)); break;
  case 5: STARTED(fluvio_producer_close_async(h, t, queue, n)); break;
  case 6: ended(fluvio_producer_hurry(h, error)); break;
  default: STARTS(fluvio_producer_set_partitioner(h, choose, ctx, free_ctx, error));
  }
}

static void consumer_call(unsigned which)
{
  int64_t offset = 0;
  H(CONSUMER);
  S(names);
  P();
  T();
  Q();
  N();
  N2();
  S2(values);
  switch (which % 24) {
  case 0: case 1: case 2: GIVES(BATCH, fluvio_batch_t, fluvio_consumer_poll(h, t, &out, error)); break;
  case 3: GIVES(RECORDS, fluvio_record_list_t, fluvio_consumer_poll_many(h, (size_t)n, n2, t, &out, error)); break;
  case 4: fluvio_consumer_wakeup(h); break;
  case 5: STARTS(fluvio_consumer_start(h, on_batch, ctx, free_ctx, error)); break;
  case 6: STARTS(fluvio_consumer_start_records(h, on_record, ctx, free_ctx, error)); break;
  case 7: ended(fluvio_consumer_commit(h, t, error)); break;
  case 8: STARTED(fluvio_consumer_commit_async(h, t, queue, n)); break;
  case 9: ended(fluvio_consumer_commit_offset(h, text, part, (int64_t)n, t, error)); break;
  case 10: STARTED(fluvio_consumer_commit_offset_async(h, text, part, (int64_t)n, t, queue, n)); break;
  case 11: ended(fluvio_consumer_seek(h, text, part, text2, t, error)); break;
  case 12: STARTED(fluvio_consumer_seek_async(h, text, part, text2, t, queue, n)); break;
  case 13: ended(fluvio_consumer_offset_for(h, text, part, text2, t, &offset, error)); break;
  case 14: STARTED(fluvio_consumer_offset_for_async(h, text, part, text2, t, queue, n)); break;
  case 15: ended(fluvio_consumer_pause(h, text, part, (int64_t)n, t, error)); break;
  case 16: STARTED(fluvio_consumer_pause_async(h, text, part, (int64_t)n, t, queue, n)); break;
  case 17: ended(fluvio_consumer_resume(h, text, part, t, error)); break;
  case 18: STARTED(fluvio_consumer_resume_async(h, text, part, t, queue, n)); break;
  case 19: ended(fluvio_consumer_drain(h, t, error)); break;
  case 20: STARTED(fluvio_consumer_drain_async(h, t, queue, n)); break;
  case 21: GIVES(POSITIONS, fluvio_position_list_t, fluvio_consumer_positions(h, t, &out, error)); break;
  case 22: STARTED(fluvio_consumer_positions_async(h, t, queue, n)); break;
  default:
    if (n % 2)
      ended(fluvio_consumer_close(h, t, error));
    else
      STARTED(fluvio_consumer_close_async(h, t, queue, n));
  }
}

static void other_call(unsigned which)
{
  switch (which % 24) {
  case 0: keep(CONFIG, fluvio_config_new()); break;
  case 1: keep(QUEUE, fluvio_queue_new()); break;
  case 2: H(QUEUE); T(); keep(EVENT, fluvio_queue_poll(h, t)); break;
  case 3: H(QUEUE); fluvio_queue_wakeup(h); break;
  case 4: H(QUEUE); STARTS(fluvio_queue_start(h, on_event, ctx, free_ctx, error)); break;
  case 5: H(OP); T(); ended(fluvio_op_wait(h, t, error)); break;
  case 6: H(OP); fluvio_op_cancel(h); break;
  case 7: take(); break;
  case 8: look_at_batch(); break;
  case 9: look_at_event(); break;
  case 10: look_at_lists(); break;
  case 11: look_at_value(); break;
  case 12: look_around(); break;
  case 13: reply(); break;
  case 14: send(); break;
  case 15: send_batch(); break;
  case 16: byte() < 128 ? send_columns() : send_blocks(); break;
  case 17: arrow(); break;
  case 18: let_go(); break;
  case 19: let_other_go(); break;
  case 20: H(WATCH); T(); GIVES(VALUE, fluvio_value_t, fluvio_watch_next(h, t, &out, error)); break;
  case 21: H(WATCH); T(); Q(); N(); STARTED(fluvio_watch_next_async(h, t, queue, n)); break;
  case 22: H(WATCH); T(); ended(fluvio_watch_close(h, t, error)); break;
  default: H(WATCH); T(); Q(); N(); STARTED(fluvio_watch_close_async(h, t, queue, n));
  }
}

static void call(unsigned which)
{
  if (which < 24)
    other_call(which);
  else if (which < 48)
    consumer_call(which - 24);
  else if (which < 64)
    client_call(which - 48);
  else if (which < 80)
    topics_call(which - 64);
  else if (which < 90)
    objects_call(which - 80);
  else if (which < 98)
    producer_call(which - 90);
  else if (which < 114)
    configure();
  else
    other_call(which - 114 + 5); /* those that come most often */
}
