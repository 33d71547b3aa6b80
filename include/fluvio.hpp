/*
 * fluvio.hpp - libfluvio for C++17: owning handles, exceptions, ranges. Header only, on top of fluvio.h, with no library and no
 * ABI of its own; what a function does, waits for and may be called from is said in fluvio.h at the C function of its name.
 *
 *   fluvio::client client("127.0.0.1:9003");
 *   client.create_topic("orders");
 *   auto producer = client.open_producer("orders");
 *   producer.send("first", "key");
 *   producer.close();
 *   auto consumer = client.open_consumer("orders", {{"start", "beginning"}, {"stop_at", "end"}});
 *   for (const fluvio::batch &batch : consumer)
 *     for (const fluvio::record &record : batch) std::cout << record.offset << ' ' << record.value << '\n';
 *
 * Errors      are exceptions of type fluvio::error. "Nothing yet" is none: poll gives an empty optional.
 * Ownership   handles are move-only; their destructors never wait for the network, so records on their way may be lost when a
 *             producer is destroyed without close(). Batches are shared: a copy is another reference to the same records.
 * Views       keys and values are views into a batch, valid while any copy of the batch is.
 * Threads     as in C: every handle may be used from any thread, but destroyed or moved only when no other uses it.
 * Callbacks   run on a thread of the library; one that throws ends the program (std::terminate), as it has no caller.
 * More        get() of each class is its C handle, for everything that fluvio.h has besides.
 */
#ifndef FLUVIO_HPP
#define FLUVIO_HPP

#include <fluvio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace fluvio {

using std::chrono::milliseconds;

/* No timeout but those of the settings; a poll waits for ever. */
inline constexpr milliseconds forever{-1};

/* Why a call failed. Copies share the C error. */
class error : public std::runtime_error {
public:
  /* Takes over what a C function left in its error parameter; taken may be NULL. */
  error(fluvio_status_t status, fluvio_error_t *taken)
      : std::runtime_error(taken ? fluvio_error_message(taken) : fluvio_status_name(status)),
        status_(status),
        error_(taken, fluvio_error_free) {}

  fluvio_status_t status() const noexcept { return status_; }
  std::int32_t server_code() const noexcept { return fluvio_error_server_code(error_.get()); }
  bool is_retriable() const noexcept { return fluvio_error_is_retriable(error_.get()) != 0; }
  bool is_fatal() const noexcept { return fluvio_error_is_fatal(error_.get()) != 0; }
  bool maybe_written() const noexcept { return fluvio_error_maybe_written(error_.get()) != 0; }
  /* Of a consumer's error: FLUVIO_END_REACHED ..., why its stream has ended; FLUVIO_END_NONE: it goes on. */
  std::int32_t end_reason() const noexcept { return fluvio_error_end_reason(error_.get()); }
  /* A detail such as "topic" or "hint", as fluvio_error_detail has them. */
  std::optional<std::string> detail(const char *key) const {
    const char *value = fluvio_error_detail(error_.get(), key);
    return value ? std::optional<std::string>(value) : std::nullopt;
  }

private:
  fluvio_status_t status_;
  std::shared_ptr<fluvio_error_t> error_;
};

namespace detail {

template <class T, void (*Free)(T *)> struct deleter {
  void operator()(T *handle) const noexcept { Free(handle); }
};
template <class T, void (*Free)(T *)> using owner = std::unique_ptr<T, deleter<T, Free>>;

inline void check(fluvio_status_t status, fluvio_error_t *taken) {
  if (status != FLUVIO_OK) throw error(status, taken);
}

/* Calls f with an error parameter and throws what it leaves there. */
template <class F> void call(F &&f) {
  fluvio_error_t *taken = nullptr;
  const fluvio_status_t status = f(&taken);
  check(status, taken);
}

/* Calls f with a result and an error parameter. */
template <class T, class F> T *make(F &&f) {
  T *made = nullptr;
  call([&](fluvio_error_t **taken) { return f(&made, taken); });
  return made;
}

/* The i-th entry of a list, in a struct that knows its size. */
template <class T, class List> T entry(fluvio_status_t (*get)(const List *, std::size_t, T *), const List *list, std::size_t i) {
  T out{};
  out.struct_size = sizeof out;
  check(get(list, i, &out), nullptr);
  return out;
}

inline const char *topic_or_null(const std::string &topic) noexcept { return topic.empty() ? nullptr : topic.c_str(); }

template <class F> void destroy(void *f) noexcept { delete static_cast<F *>(f); }

} // namespace detail

/* Settings by name; docs/configuration.md lists them. Numbers and booleans are written as such: {{"linger_ms", 5}, {"compression", "lz4"}}. */
class config {
public:
  struct setting {
    std::string key, value;
    setting(std::string k, const char *v) : key(std::move(k)), value(v) {}
    setting(std::string k, std::string v) : key(std::move(k)), value(std::move(v)) {}
    template <class N, class = std::enable_if_t<std::is_arithmetic_v<N>>> setting(std::string k, N v) : key(std::move(k)) {
      if constexpr (std::is_same_v<N, bool>) value = v ? "true" : "false";
      else value = std::to_string(v);
    }
  };

  config() : config_(fluvio_config_new()) {
    if (!config_) throw std::bad_alloc();
  }
  config(std::initializer_list<setting> settings) : config() {
    for (const setting &s : settings) set(s);
  }
  config &set(const setting &s) {
    detail::call([&](fluvio_error_t **e) { return fluvio_config_set(get(), s.key.c_str(), s.value.c_str(), e); });
    return *this;
  }
  /* Every member of a JSON object, for settings that are lists or objects, such as smartmodules. */
  config &set_json(const std::string &json) {
    detail::call([&](fluvio_error_t **e) { return fluvio_config_set_json(get(), json.c_str(), e); });
    return *this;
  }
  fluvio_config_t *get() const noexcept { return config_.get(); }

private:
  detail::owner<fluvio_config_t, fluvio_config_free> config_;
};

/* A record that was read; key, value and topic are views into its batch, or list. */
struct record {
  std::int32_t partition;
  std::int64_t offset;
  std::int64_t timestamp; /* ms since the epoch, -1 unknown */
  std::optional<std::string_view> key;
  std::string_view value;
  std::string_view topic;
};

/* Records of one partition: a range with random access. A copy is a reference to the same records. */
class batch {
public:
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag; /* what * gives is made on the spot */
    using value_type = record;
    using difference_type = std::ptrdiff_t;
    using pointer = const record *;
    using reference = record;

    iterator(const fluvio_batch_view_t *view, std::size_t i) noexcept : view_(view), i_(i) {}
    record operator*() const noexcept { return at(*view_, i_); }
    iterator &operator++() noexcept { return ++i_, *this; }
    iterator operator++(int) noexcept { return iterator(view_, i_++); }
    bool operator==(const iterator &other) const noexcept { return i_ == other.i_; }
    bool operator!=(const iterator &other) const noexcept { return i_ != other.i_; }

  private:
    const fluvio_batch_view_t *view_;
    std::size_t i_;
  };

  /* Takes over a reference. */
  explicit batch(fluvio_batch_t *taken) : batch_(taken) {
    view_.struct_size = sizeof view_;
    detail::check(fluvio_batch_view(taken, &view_), nullptr);
  }
  batch(const batch &other) : batch_(fluvio_batch_retain(other.batch_.get())), view_(other.view_) {}
  batch(batch &&) noexcept = default;
  batch &operator=(batch other) noexcept {
    batch_.swap(other.batch_);
    std::swap(view_, other.view_);
    return *this;
  }

  std::size_t size() const noexcept { return static_cast<std::size_t>(view_.count); }
  bool empty() const noexcept { return view_.count == 0; }
  std::string_view topic() const noexcept { return view_.topic; }
  std::int32_t partition() const noexcept { return view_.partition; }
  std::int64_t high_watermark() const noexcept { return view_.high_watermark; }
  /* The i-th record, i < size(). */
  record operator[](std::size_t i) const noexcept { return at(view_, i); }
  iterator begin() const noexcept { return {&view_, 0}; }
  iterator end() const noexcept { return {&view_, size()}; }
  /* The columns themselves. */
  const fluvio_batch_view_t &view() const noexcept { return view_; }
  fluvio_batch_t *get() const noexcept { return batch_.get(); }

private:
  static std::string_view bytes(const fluvio_batch_view_t &view, std::uint32_t position, std::uint32_t length) noexcept {
    return {reinterpret_cast<const char *>(view.data) + position, length};
  }
  static record at(const fluvio_batch_view_t &view, std::size_t i) noexcept {
    record r{view.partition, view.offset[i], view.timestamp[i], std::nullopt, bytes(view, view.value_pos[i], view.value_len[i]), view.topic};
    if (view.key_len[i] != FLUVIO_NO_KEY) r.key = bytes(view, view.key_pos[i], view.key_len[i]);
    return r;
  }

  detail::owner<fluvio_batch_t, fluvio_batch_release> batch_;
  fluvio_batch_view_t view_{};
};

/* Records of any partitions, as poll_many gives them. */
class record_list {
public:
  record_list() = default;
  explicit record_list(fluvio_record_list_t *taken) noexcept : list_(taken) {}
  std::size_t size() const noexcept { return fluvio_record_list_count(list_.get()); }
  bool empty() const noexcept { return size() == 0; }
  /* The i-th record, i < size(). */
  record operator[](std::size_t i) const {
    const auto r = detail::entry<fluvio_record_t>(fluvio_record_list_get, list_.get(), i);
    record out{r.partition, r.offset, r.timestamp, std::nullopt, {reinterpret_cast<const char *>(r.value), r.value_len}, r.topic};
    if (r.key) out.key.emplace(reinterpret_cast<const char *>(r.key), r.key_len);
    return out;
  }
  fluvio_record_list_t *get() const noexcept { return list_.get(); }

private:
  detail::owner<fluvio_record_list_t, fluvio_record_list_free> list_;
};

/* Something that happened: an operation is done, records were delivered, a partition was assigned. */
class event {
public:
  explicit event(fluvio_event_t *taken) noexcept : event_(taken) {}

  std::int32_t type() const noexcept { return fluvio_event_type(get()); }
  std::uint64_t opaque() const noexcept { return fluvio_event_opaque(get()); }
  /* FLUVIO_EVENT_DELIVERY: what became of records. Its pointers live as long as the event. Throws for another type. */
  fluvio_delivery_t delivery() const { return read<fluvio_delivery_t>(fluvio_event_delivery); }
  /* FLUVIO_EVENT_CONSUMER: what happened to a partition. Its pointers live as long as the event. Throws for another type. */
  fluvio_consumer_event_t consumer() const { return read<fluvio_consumer_event_t>(fluvio_event_consumer); }
  /* FLUVIO_EVENT_CLIENT: what happened to a client. Its pointers live as long as the event. Throws for another type. */
  fluvio_client_event_t client() const { return read<fluvio_client_event_t>(fluvio_event_client); }
  /* FLUVIO_EVENT_LOG: a line of the log. Its pointers live as long as the event. Throws for another type. */
  fluvio_log_t log() const { return read<fluvio_log_t>(fluvio_event_log); }
  /* FLUVIO_EVENT_SPAN_START, FLUVIO_EVENT_SPAN_END. Its pointers live as long as the event. Throws for another type. */
  fluvio_span_t span() const { return read<fluvio_span_t>(fluvio_event_span); }
  /* FLUVIO_EVENT_STATS: the counters, a JSON object; "" for another type. */
  std::string stats() const { return fluvio_event_stats(get()); }
  fluvio_event_t *get() const noexcept { return event_.get(); }

private:
  template <class T> T read(fluvio_status_t (*f)(const fluvio_event_t *, T *)) const {
    T out{};
    out.struct_size = sizeof out;
    detail::check(f(get(), &out), nullptr);
    return out;
  }

  detail::owner<fluvio_event_t, fluvio_event_free> event_;
};

/* Events waiting for the application. It must outlive the producers and consumers that use it. */
class queue {
public:
  queue() : queue_(fluvio_queue_new()) {
    if (!queue_) throw std::bad_alloc();
  }
  /* The next event; none when none came by the deadline, or wakeup() was called. */
  std::optional<event> poll(milliseconds timeout = forever) {
    fluvio_event_t *taken = fluvio_queue_poll(get(), timeout.count());
    return taken ? std::optional<event>(std::in_place, taken) : std::nullopt;
  }
  std::int32_t fd() noexcept { return fluvio_queue_fd(get()); }
  void wakeup() noexcept { fluvio_queue_wakeup(get()); }
  fluvio_queue_t *get() const noexcept { return queue_.get(); }

private:
  detail::owner<fluvio_queue_t, fluvio_queue_free> queue_;
};

/* A record to send. What key and value view is copied by send. */
struct outgoing {
  std::string_view value;
  std::optional<std::string_view> key = std::nullopt; /* none, or one that may be empty */
  std::int32_t partition = -1;                        /* -1: the partitioner chooses */
  std::int64_t timestamp = 0;                         /* ms since the epoch; 0: now */
  std::uint64_t opaque = 0;                           /* comes back in the delivery report */
};

/* Writes records to a topic. */
class producer {
public:
  /* Chooses a partition below partitions for a record; available: those that are online, none while that is not known. */
  using partitioner = std::function<std::int32_t(std::optional<std::string_view> key, std::string_view value, std::int32_t partitions,
                                                 const std::int32_t *available, std::size_t available_count)>;

  explicit producer(fluvio_producer_t *taken) noexcept : producer_(taken) {}

  /* Hands a record over; returns when it is accepted, not when it is stored. */
  void send(const outgoing &r, milliseconds timeout = forever) { send(&r, 1, timeout); }
  void send(std::string_view value, milliseconds timeout = forever) { send(outgoing{value}, timeout); }
  void send(std::string_view value, std::string_view key, milliseconds timeout = forever) { send(outgoing{value, key}, timeout); }
  /* Hands n records over, in order, within the timeout all together. When it throws, accepted (if given) tells how many were. */
  void send(const outgoing *records, std::size_t n, milliseconds timeout = forever, std::size_t *accepted = nullptr) {
    constexpr std::size_t few = 64;
    const auto begun = std::chrono::steady_clock::now();
    milliseconds left = timeout;
    std::size_t sent = 0;
    if (accepted) *accepted = 0;
    do {
      fluvio_record_in_t in[few];
      const std::size_t count = n - sent < few ? n - sent : few;
      for (std::size_t i = 0; i < count; i++) in[i] = translate(records[sent + i]);
      std::size_t taken = 0;
      fluvio_error_t *failure = nullptr;
      const fluvio_status_t status = fluvio_producer_send_batch(get(), in, count, left.count(), &taken, &failure);
      sent += taken;
      if (accepted) *accepted = sent;
      detail::check(status, failure);
      if (timeout.count() > 0 && sent < n) {
        const auto passed = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
        left = passed < timeout ? timeout - passed : milliseconds(0);
      }
    } while (sent < n);
  }
  /* Makes what was accepted before the call leave now, whatever linger_ms says, and does not wait. */
  void hurry() {
    detail::call([&](fluvio_error_t **e) { return fluvio_producer_hurry(get(), e); });
  }
  void flush(milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_producer_flush(get(), timeout.count(), e); });
  }
  /* Drains up to the timeout, then fails what is left. */
  void close(milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_producer_close(get(), timeout.count(), e); });
  }
  /* Its counters, a JSON object. */
  std::string stats(milliseconds timeout = forever) {
    detail::owner<fluvio_text_t, fluvio_text_free> text(
        detail::make<fluvio_text_t>([&](fluvio_text_t **t, fluvio_error_t **e) { return fluvio_producer_stats(get(), timeout.count(), t, e); }));
    return fluvio_text_get(text.get());
  }
  void set_partitioner(partitioner choose) {
    auto kept = std::make_unique<partitioner>(std::move(choose));
    detail::call([&](fluvio_error_t **e) { return fluvio_producer_set_partitioner(get(), run_partitioner, kept.get(), detail::destroy<partitioner>, e); });
    static_cast<void>(kept.release());
  }
  fluvio_producer_t *get() const noexcept { return producer_.get(); }

private:
  static fluvio_record_in_t translate(const outgoing &r) noexcept {
    fluvio_record_in_t in = FLUVIO_RECORD_INIT;
    if (r.key) {
      in.key = r.key->data() ? r.key->data() : ""; /* NULL would mean that there is none */
      in.key_len = r.key->size();
    }
    in.value = r.value.data();
    in.value_len = r.value.size();
    in.partition = r.partition;
    in.timestamp = r.timestamp;
    in.opaque = r.opaque;
    return in;
  }
  static std::int32_t run_partitioner(const void *key, std::size_t key_len, const void *value, std::size_t value_len, std::int32_t partitions,
                                      const std::int32_t *available, std::size_t available_count, void *ctx) noexcept {
    std::optional<std::string_view> k;
    if (key) k.emplace(static_cast<const char *>(key), key_len);
    return (*static_cast<partitioner *>(ctx))(k, {static_cast<const char *>(value), value_len}, partitions, available, available_count);
  }

  detail::owner<fluvio_producer_t, fluvio_producer_free> producer_;
};

/* How far a consumer has come in a partition. */
struct position {
  std::string topic;
  std::int32_t partition;
  std::int64_t position, high_watermark, log_end_offset, lag, committed, skipped;
  bool paused;
};

/* Reads records of topics. A range of batches that ends with the stream, and when wakeup() is called. */
class consumer {
public:
  /* Takes a batch, or, with none, the error that ended the stream or disturbed it; returns whether to go on. */
  using callback = std::function<bool(std::optional<batch> taken, const fluvio_error_t *failure)>;

  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = batch;
    using difference_type = std::ptrdiff_t;
    using pointer = const batch *;
    using reference = const batch &;

    iterator() = default;
    explicit iterator(consumer *c) : consumer_(c) { ++*this; }
    const batch &operator*() const noexcept { return *batch_; }
    const batch *operator->() const noexcept { return &*batch_; }
    iterator &operator++() {
      batch_ = consumer_->poll(forever);
      if (!batch_) consumer_ = nullptr;
      return *this;
    }
    bool operator==(const iterator &other) const noexcept { return consumer_ == other.consumer_; }
    bool operator!=(const iterator &other) const noexcept { return consumer_ != other.consumer_; }

  private:
    consumer *consumer_ = nullptr;
    std::optional<batch> batch_;
  };

  explicit consumer(fluvio_consumer_t *taken) noexcept : consumer_(taken) {}

  /* The next batch. None: nothing came by the deadline, wakeup() was called, or the stream has ended (then ended() is true).
   * An error that is not fatal may be followed by more batches. */
  std::optional<batch> poll(milliseconds timeout = forever) {
    fluvio_batch_t *taken = nullptr;
    fluvio_error_t *failure = nullptr;
    const fluvio_status_t status = fluvio_consumer_poll(get(), timeout.count(), &taken, &failure);
    if (!got(status, failure)) return std::nullopt;
    return std::optional<batch>(std::in_place, taken);
  }
  /* Records of all partitions within limits, 0 for none; empty where poll gives none. */
  record_list poll_many(std::size_t max_records, std::uint64_t max_bytes = 0, milliseconds timeout = forever) {
    fluvio_record_list_t *taken = nullptr;
    fluvio_error_t *failure = nullptr;
    const fluvio_status_t status = fluvio_consumer_poll_many(get(), max_records, max_bytes, timeout.count(), &taken, &failure);
    got(status, failure);
    return record_list(taken);
  }
  /* Whether the latest poll found the end of the stream: stop_at was reached, or all of a drained one was taken. */
  bool ended() const noexcept { return ended_; }
  /* Why the stream has ended, as the latest poll found, or threw: FLUVIO_END_REACHED ...; FLUVIO_END_NONE: it goes on. */
  std::int32_t end_reason() const noexcept { return end_reason_; }
  iterator begin() { return iterator(this); }
  iterator end() noexcept { return iterator(); }
  std::int32_t fd() noexcept { return fluvio_consumer_fd(get()); }
  void wakeup() noexcept { fluvio_consumer_wakeup(get()); }
  /* Delivers by callback instead of poll. */
  void start(callback deliver) {
    auto kept = std::make_unique<callback>(std::move(deliver));
    detail::call([&](fluvio_error_t **e) { return fluvio_consumer_start(get(), run_callback, kept.get(), detail::destroy<callback>, e); });
    static_cast<void>(kept.release());
  }
  void commit(milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_consumer_commit(get(), timeout.count(), e); });
  }
  /* Stores a chosen offset. An empty topic here and below: the consumer's, if it reads one only. */
  void commit_offset(std::int32_t partition, std::int64_t offset, const std::string &topic = {}, milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) {
      return fluvio_consumer_commit_offset(get(), detail::topic_or_null(topic), partition, offset, timeout.count(), e);
    });
  }
  /* Goes on at a position: "beginning", "end-10", an offset, "time:..." */
  void seek(std::int32_t partition, const std::string &to, const std::string &topic = {}, milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) {
      return fluvio_consumer_seek(get(), detail::topic_or_null(topic), partition, to.c_str(), timeout.count(), e);
    });
  }
  /* The offset that a position stands for now. */
  std::int64_t offset_for(std::int32_t partition, const std::string &at, const std::string &topic = {}, milliseconds timeout = forever) {
    std::int64_t offset = -1;
    detail::call([&](fluvio_error_t **e) {
      return fluvio_consumer_offset_for(get(), detail::topic_or_null(topic), partition, at.c_str(), timeout.count(), &offset, e);
    });
    return offset;
  }
  /* Gives no records of a partition until resume; next, unless negative, is where it then goes on. */
  void pause(std::int32_t partition, std::int64_t next = -1, const std::string &topic = {}, milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) {
      return fluvio_consumer_pause(get(), detail::topic_or_null(topic), partition, next, timeout.count(), e);
    });
  }
  void resume(std::int32_t partition, const std::string &topic = {}, milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_consumer_resume(get(), detail::topic_or_null(topic), partition, timeout.count(), e); });
  }
  void drain(milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_consumer_drain(get(), timeout.count(), e); });
  }
  std::vector<position> positions(milliseconds timeout = forever) {
    detail::owner<fluvio_position_list_t, fluvio_position_list_free> list(detail::make<fluvio_position_list_t>(
        [&](fluvio_position_list_t **l, fluvio_error_t **e) { return fluvio_consumer_positions(get(), timeout.count(), l, e); }));
    std::vector<position> all;
    for (std::size_t i = 0; i < fluvio_position_list_count(list.get()); i++) {
      const auto p = detail::entry<fluvio_position_t>(fluvio_position_list_get, list.get(), i);
      all.push_back({p.topic, p.partition, p.position, p.high_watermark, p.log_end_offset, p.lag, p.committed, p.skipped, p.paused != 0});
    }
    return all;
  }
  void close(milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_consumer_close(get(), timeout.count(), e); });
  }
  fluvio_consumer_t *get() const noexcept { return consumer_.get(); }

private:
  /* Whether a poll has brought something; throws what is neither the end nor a wait that is over. */
  bool got(fluvio_status_t status, fluvio_error_t *failure) {
    ended_ = status == FLUVIO_ERR_END;
    end_reason_ = fluvio_error_end_reason(failure);
    if (status == FLUVIO_OK) return true;
    if (status != FLUVIO_ERR_END && status != FLUVIO_ERR_TIMEOUT && status != FLUVIO_ERR_INTERRUPTED) throw error(status, failure);
    fluvio_error_free(failure);
    return false;
  }
  static std::int32_t run_callback(fluvio_batch_t *taken, const fluvio_error_t *failure, void *ctx) noexcept {
    std::optional<batch> b;
    if (taken) b.emplace(fluvio_batch_retain(taken));
    return (*static_cast<callback *>(ctx))(std::move(b), failure) ? FLUVIO_CONTINUE : FLUVIO_STOP;
  }

  detail::owner<fluvio_consumer_t, fluvio_consumer_free> consumer_;
  bool ended_ = false;
  std::int32_t end_reason_ = FLUVIO_END_NONE;
};

/* A topic; see fluvio_topic_t. */
struct topic {
  std::string name, status, reason, compression;
  bool is_system;
  std::uint32_t partitions, replication, retention_seconds, segment_size;
  std::uint64_t max_partition_size;
};

/* What was read of the cluster's objects: a tree, by paths as fluvio_value_text has them. An empty path is all of it. */
class value {
public:
  /* Takes over a C value. */
  explicit value(fluvio_value_t *taken) noexcept : value_(taken) {}

  /* FLUVIO_VALUE_... */
  std::int32_t type(const std::string &path = {}) const noexcept { return fluvio_value_type(get(), path.c_str()); }
  std::optional<std::string> text(const std::string &path) const {
    const char *found = fluvio_value_text(get(), path.c_str());
    return found ? std::optional<std::string>(found) : std::nullopt;
  }
  /* A number or a truth value, or otherwise. */
  std::int64_t number(const std::string &path, std::int64_t otherwise = 0) const noexcept {
    return fluvio_value_number(get(), path.c_str(), otherwise);
  }
  /* Bytes, as long as the value lives. */
  std::string_view bytes(const std::string &path) const noexcept {
    std::size_t len = 0;
    const auto *found = fluvio_value_bytes(get(), path.c_str(), &len);
    return {reinterpret_cast<const char *>(found), found ? len : 0};
  }
  std::size_t count(const std::string &path = {}) const noexcept { return fluvio_value_count(get(), path.c_str()); }
  std::string json() const { return fluvio_value_json(get()); }
  fluvio_value_t *get() const noexcept { return value_.get(); }

private:
  detail::owner<fluvio_value_t, fluvio_value_free> value_;
};

/* Tells of changes of one kind of object; see fluvio_watch_next. */
class watch {
public:
  /* Takes over a C watch. */
  explicit watch(fluvio_watch_t *taken) noexcept : watch_(taken) {}

  /* The next events: a list of {event, object, error}. An error of FLUVIO_ERR_TIMEOUT: nothing changed. */
  value next(milliseconds timeout = forever) {
    return value(detail::make<fluvio_value_t>(
        [&](fluvio_value_t **v, fluvio_error_t **e) { return fluvio_watch_next(get(), timeout.count(), v, e); }));
  }
  void close(milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_watch_close(get(), timeout.count(), e); });
  }
  fluvio_watch_t *get() const noexcept { return watch_.get(); }

private:
  detail::owner<fluvio_watch_t, fluvio_watch_free> watch_;
};

/* The connection to a cluster. */
class client {
public:
  /* Connects with settings; without any, by the current profile of the official tools' file. */
  explicit client(const config &settings = {}, milliseconds timeout = forever)
      : client_(detail::make<fluvio_client_t>(
            [&](fluvio_client_t **c, fluvio_error_t **e) { return fluvio_client_connect(settings.get(), timeout.count(), c, e); })) {}
  /* Connects to the SC at host:port. */
  explicit client(const char *endpoint, milliseconds timeout = forever) : client(config{{"endpoint", endpoint}}, timeout) {}

  std::string platform_version() const { return fluvio_client_platform_version(get()); }
  /* How the client and its cluster are, a JSON object; see fluvio_client_health. */
  std::string health(milliseconds timeout = forever) { return text(fluvio_client_health, timeout); }
  /* The client's counters, a JSON object. */
  std::string stats(milliseconds timeout = forever) { return text(fluvio_client_stats, timeout); }
  /* The same in Prometheus's text format. */
  std::string prometheus(milliseconds timeout = forever) { return text(fluvio_client_prometheus, timeout); }

  void create_topic(const std::string &name, const config &settings = {}, milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_topic_create(get(), name.c_str(), settings.get(), timeout.count(), e); });
  }
  void delete_topic(const std::string &name, milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_topic_delete(get(), name.c_str(), timeout.count(), e); });
  }
  std::vector<topic> topics(milliseconds timeout = forever) {
    detail::owner<fluvio_topic_list_t, fluvio_topic_list_free> list(detail::make<fluvio_topic_list_t>(
        [&](fluvio_topic_list_t **l, fluvio_error_t **e) { return fluvio_topic_list(get(), timeout.count(), l, e); }));
    std::vector<topic> all;
    for (std::size_t i = 0; i < fluvio_topic_list_count(list.get()); i++) {
      const auto t = detail::entry<fluvio_topic_t>(fluvio_topic_list_get, list.get(), i);
      all.push_back({t.name, t.status, t.reason, t.compression, t.is_system != 0, t.partitions, t.replication, t.retention_seconds, t.segment_size,
                     t.max_partition_size});
    }
    return all;
  }
  void add_partitions(const std::string &name, std::uint32_t number, milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_topic_add_partitions(get(), name.c_str(), number, timeout.count(), e); });
  }
  void add_mirror(const std::string &name, const std::string &remote_cluster, milliseconds timeout = forever) {
    detail::call(
        [&](fluvio_error_t **e) { return fluvio_topic_add_mirror(get(), name.c_str(), remote_cluster.c_str(), timeout.count(), e); });
  }
  void wait_topic(const std::string &name, milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_topic_wait(get(), name.c_str(), timeout.count(), e); });
  }
  /* Objects of every kind; fluvio_object_create has the kinds and their settings. Returns what the object is called. */
  std::string create_object(const char *kind, const std::string &name, const config &settings = {}, milliseconds timeout = forever) {
    detail::owner<fluvio_text_t, fluvio_text_free> stored(detail::make<fluvio_text_t>([&](fluvio_text_t **t, fluvio_error_t **e) {
      return fluvio_object_create(get(), kind, name.c_str(), settings.get(), timeout.count(), t, e);
    }));
    return fluvio_text_get(stored.get());
  }
  void delete_object(const char *kind, const std::string &name, const config &settings = {}, milliseconds timeout = forever) {
    detail::call(
        [&](fluvio_error_t **e) { return fluvio_object_delete(get(), kind, name.c_str(), settings.get(), timeout.count(), e); });
  }
  value describe_object(const char *kind, const std::string &name, milliseconds timeout = forever) {
    return value(detail::make<fluvio_value_t>(
        [&](fluvio_value_t **v, fluvio_error_t **e) { return fluvio_object_describe(get(), kind, name.c_str(), timeout.count(), v, e); }));
  }
  value list_objects(const char *kind, const config &settings = {}, milliseconds timeout = forever) {
    return value(detail::make<fluvio_value_t>(
        [&](fluvio_value_t **v, fluvio_error_t **e) { return fluvio_object_list(get(), kind, settings.get(), timeout.count(), v, e); }));
  }
  watch open_watch(const char *kind, milliseconds timeout = forever) {
    return watch(detail::make<fluvio_watch_t>(
        [&](fluvio_watch_t **w, fluvio_error_t **e) { return fluvio_watch_open(get(), kind, timeout.count(), w, e); }));
  }
  /* Opens a producer; deliveries, where reports go, must outlive it. */
  producer open_producer(const std::string &name, const config &settings = {}, queue *deliveries = nullptr, milliseconds timeout = forever) {
    return producer(detail::make<fluvio_producer_t>([&](fluvio_producer_t **p, fluvio_error_t **e) {
      return fluvio_producer_open(get(), name.c_str(), settings.get(), deliveries ? deliveries->get() : nullptr, timeout.count(), p, e);
    }));
  }
  /* Opens a consumer of a topic, of all that match a pattern (^...), or, with an empty name, of those of the setting topics. */
  consumer open_consumer(const std::string &name, const config &settings = {}, milliseconds timeout = forever) {
    return consumer(detail::make<fluvio_consumer_t>([&](fluvio_consumer_t **c, fluvio_error_t **e) {
      return fluvio_consumer_open(get(), detail::topic_or_null(name), settings.get(), timeout.count(), c, e);
    }));
  }
  void close(milliseconds timeout = forever) {
    detail::call([&](fluvio_error_t **e) { return fluvio_client_close(get(), timeout.count(), e); });
  }
  fluvio_client_t *get() const noexcept { return client_.get(); }

private:
  template <class F> std::string text(F make, milliseconds timeout) {
    detail::owner<fluvio_text_t, fluvio_text_free> made(
        detail::make<fluvio_text_t>([&](fluvio_text_t **t, fluvio_error_t **e) { return make(get(), timeout.count(), t, e); }));
    return fluvio_text_get(made.get());
  }
  detail::owner<fluvio_client_t, fluvio_client_free> client_;
};

} // namespace fluvio

#endif // FLUVIO_HPP
