// fluvio.hpp: what it adds to the C functions, that is ownership, exceptions, optional keys, ranges and callbacks.
#include <fluvio.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <thread>

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) {                                                               \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);  \
      std::exit(1);                                                                   \
    }                                                                                 \
  } while (0)

namespace {

using std::chrono::seconds;
constexpr seconds wait(20);
const fluvio::config whole{{"start", "beginning"}, {"stop_at", "end"}};

// Runs f and gives the error that it must throw.
template <class F> fluvio::error thrown(F &&f) {
  try {
    f();
  } catch (const fluvio::error &e) {
    return e;
  }
  std::fprintf(stderr, "nothing was thrown\n");
  std::exit(1);
}

void errors(fluvio::client &client) {
  const fluvio::error unknown = thrown([&] { client.open_producer("no-such-topic", {}, nullptr, wait); });
  const fluvio::error copy = unknown; // keeps the texts
  CHECK(copy.status() == FLUVIO_ERR_NOT_FOUND && copy.detail("topic") == "no-such-topic" && !copy.detail("nothing"));
  CHECK(std::string(copy.what()).find("no-such-topic") != std::string::npos && !copy.maybe_written());
  const fluvio::error settings = thrown([&] { client.create_topic("x", {{"partitions", -1}, {"dry_run", true}, {"bogus", 1.5}}, wait); });
  CHECK(settings.status() == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(std::string(settings.what()).find("bogus") != std::string::npos && std::string(settings.what()).find("partitions") != std::string::npos);
  CHECK(thrown([] { fluvio::config().set_json("[]"); }).status() == FLUVIO_ERR_INVALID_ARGUMENT);
  CHECK(thrown([] { fluvio::client nowhere("127.0.0.1:1", fluvio::milliseconds(2000)); }).status() != FLUVIO_OK);
}

void records(fluvio::client &client) {
  client.create_topic("cpp", {{"partitions", 2}}, wait);
  const auto topics = client.topics(wait);
  CHECK(topics.size() == 1 && topics[0].name == "cpp" && topics[0].partitions == 2 && !topics[0].is_system);
  CHECK(!client.platform_version().empty());

  fluvio::queue deliveries;
  fluvio::producer producer = client.open_producer("cpp", {}, &deliveries, wait);
  producer.set_partitioner([](std::optional<std::string_view> key, std::string_view, std::int32_t partitions, const std::int32_t *, std::size_t) {
    return key ? partitions - 1 : 0;
  });
  producer.send("plain", wait);
  producer.send("keyed", "k", wait);
  producer.send({"empty key", std::string_view(), -1, 1234, 77}, wait);
  std::vector<fluvio::outgoing> many(1000, fluvio::outgoing{"many", std::nullopt, 0, 0, 5});
  std::size_t accepted = 0;
  producer.send(many.data(), many.size(), wait, &accepted);
  CHECK(accepted == many.size());
  producer.send(nullptr, 0, wait, &accepted);
  CHECK(accepted == 0);
  const std::string big(2 << 20, 'x');
  many[500].value = big;
  CHECK(thrown([&] { producer.send(many.data(), many.size(), wait, &accepted); }).status() == FLUVIO_ERR_TOO_LARGE && accepted == 500);
  producer.hurry();
  producer.flush(wait);
  std::map<std::uint64_t, int> reports;
  for (int left = 1503; left > 0;) {
    const auto event = deliveries.poll(wait);
    CHECK(event && event->type() == FLUVIO_EVENT_DELIVERY);
    const fluvio_delivery_t d = event->delivery();
    CHECK(d.status == FLUVIO_OK && d.persisted == FLUVIO_PERSISTED);
    CHECK(thrown([&] { event->consumer(); }).status() == FLUVIO_ERR_INVALID_ARGUMENT);
    for (std::uint64_t i = 0; i < d.count; i++) reports[d.opaque[i]]++, left--;
  }
  CHECK(reports[77] == 1 && reports[5] == 1500 && reports[0] == 2);
  CHECK(producer.stats(wait).find("\"records_acknowledged\":1503") != std::string::npos);
  producer.close(wait);
  CHECK(thrown([&] { producer.send("late", wait); }).status() == FLUVIO_ERR_CLOSED);

  std::map<std::string, int> seen;
  std::optional<fluvio::batch> kept;
  {
    fluvio::consumer consumer = client.open_consumer("cpp", whole, wait);
    for (const fluvio::batch &batch : consumer) {
      CHECK(batch.topic() == "cpp" && !batch.empty() && batch.high_watermark() > 0);
      std::int64_t expected = batch[0].offset;
      for (const fluvio::record &r : batch) {
        CHECK(r.offset == expected++ && r.partition == batch.partition());
        CHECK((r.key ? 1 : 0) == r.partition);
        if (r.value == "empty key") CHECK(r.key && r.key->empty() && r.timestamp == 1234);
        seen[std::string(r.value)]++;
      }
      if (batch[0].partition == 1) kept = batch;
    }
    CHECK(consumer.ended() && !consumer.poll(fluvio::milliseconds(0)) && consumer.ended());
  }
  CHECK(seen["plain"] == 1 && seen["keyed"] == 1 && seen["empty key"] == 1 && seen["many"] == 1500);
  const fluvio::batch copy = *kept; // outlives the consumer, and the batch it was copied from
  kept.reset();
  CHECK(copy[0].value == "keyed" && *copy[0].key == "k");
}

void positions(fluvio::client &client) {
  fluvio::consumer consumer = client.open_consumer("cpp", {{"consumer_id", "cpp"}, {"offset_strategy", "manual"}, {"start", "beginning"}}, wait);
  std::int64_t read = 0;
  while (read < 1503) {
    const auto batch = consumer.poll(wait);
    CHECK(batch);
    read += static_cast<std::int64_t>(batch->size());
  }
  consumer.commit(wait);
  CHECK(!consumer.poll(fluvio::milliseconds(0)) && !consumer.ended());
  std::int64_t committed = 0;
  for (const fluvio::position &p : consumer.positions(wait)) {
    CHECK(p.topic == "cpp" && p.lag == 0 && p.position == p.high_watermark && !p.paused);
    committed += p.committed + 1;
  }
  CHECK(committed == 1503);
  consumer.commit_offset(0, 3, {}, wait);
  consumer.pause(0, -1, "cpp", wait);
  for (const fluvio::position &p : consumer.positions(wait)) CHECK(p.paused == (p.partition == 0));
  const std::int64_t end = consumer.offset_for(0, "end", {}, wait);
  consumer.seek(0, "end-1", "cpp", wait);
  consumer.resume(0, {}, wait);
  const auto last = consumer.poll(wait);
  CHECK(last && last->partition() == 0 && last->size() == 1 && (*last)[0].offset == end - 1 && (*last)[0].topic == "cpp");
  consumer.seek(0, "end-5", "cpp", wait);
  const fluvio::record_list three = consumer.poll_many(3, 0, wait);
  CHECK(three.size() == 3 && three[0].offset == end - 5 && three[2].offset == end - 3 && three[0].topic == "cpp");
  CHECK(consumer.poll_many(0, 0, fluvio::milliseconds(0)).size() == 2 && consumer.poll_many(1, 0, fluvio::milliseconds(0)).empty());
  CHECK(consumer.end_reason() == FLUVIO_END_NONE);

  std::thread waker([&] { consumer.wakeup(); });
  for (const fluvio::batch &batch : consumer) static_cast<void>(batch); // ends by the wake-up
  waker.join();
  CHECK(!consumer.ended());
  consumer.drain(wait);
  for (const fluvio::batch &batch : consumer) static_cast<void>(batch);
  CHECK(consumer.ended() && consumer.end_reason() == FLUVIO_END_DRAINED);
  consumer.close(wait);
  CHECK(thrown([&] { consumer.poll(wait); }).end_reason() == FLUVIO_END_CLOSED && consumer.end_reason() == FLUVIO_END_CLOSED);
}

void callback(fluvio::client &client) {
  std::atomic<int> count{0};
  std::promise<fluvio_status_t> end;
  auto token = std::make_shared<int>(0); // says when the callback is destroyed
  {
    fluvio::consumer consumer = client.open_consumer("cpp", whole, wait);
    consumer.start([&, token](std::optional<fluvio::batch> batch, const fluvio_error_t *failure) {
      if (batch) count += static_cast<int>(batch->size());
      else end.set_value(fluvio_error_status(failure));
      return true;
    });
    CHECK(end.get_future().get() == FLUVIO_ERR_END && count == 1503);
    CHECK(thrown([&] { consumer.start([](std::optional<fluvio::batch>, const fluvio_error_t *) { return false; }); }).status() == FLUVIO_ERR_INVALID_STATE);
    consumer.close(wait);
  }
  CHECK(token.use_count() == 1);
}

} // namespace

static void objects(fluvio::client &client) {
  client.create_topic("objects", {{"retention_seconds", "1h"}}, wait);
  client.add_partitions("objects", 1, wait);
  client.wait_topic("objects", wait);
  fluvio::watch watch = client.open_watch("topic", wait);
  CHECK(watch.next(wait).text("0.event") == "added");
  const fluvio::value topic = client.describe_object("topic", "objects", wait);
  CHECK(topic.number("partitions") == 2 && topic.number("retention_seconds") == 3600 && topic.text("status") == "provisioned");
  CHECK(topic.count("replicas") == 2 && topic.type("mirror") == FLUVIO_VALUE_NULL && !topic.json().empty());
  CHECK(client.list_objects("partition", {{"topic", "objects"}}, wait).number("1.partition") == 1);
  CHECK(client.create_object("mirror", "edge", {}, wait) == "edge");
  CHECK(thrown([&] { client.add_mirror("objects", "edge", wait); }).status() == FLUVIO_ERR_SERVER);
  client.delete_object("mirror", "edge", {}, wait);
  CHECK(thrown([&] { client.describe_object("mirror", "edge", wait); }).status() == FLUVIO_ERR_NOT_FOUND);
  CHECK(topic.bytes("name").empty());
  watch.close(wait);
  CHECK(thrown([&] { watch.next(wait); }).status() == FLUVIO_ERR_CLOSED);
  client.delete_topic("objects", wait);
}

int main(int argc, char **argv) {
  CHECK(argc > 1);
  fluvio::client client(argv[1], wait);
  errors(client);
  records(client);
  positions(client);
  callback(client);
  CHECK(client.stats(wait).find("\"api\":\"Produce\"") != std::string::npos);
  CHECK(client.prometheus(wait).find("\nfluvio_requests_total{client=") != std::string::npos);
  objects(client);
  fluvio::client moved = std::move(client);
  moved.delete_topic("cpp", wait);
  moved.close(wait);
  CHECK(thrown([&] { moved.topics(wait); }).status() == FLUVIO_ERR_CLOSED);
  return 0;
}
