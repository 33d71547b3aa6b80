// Follows topics and shows, once a second on stderr, how far behind the end of each partition it is.
//
//   tail [-e ENDPOINT] [-s START] [-i SECONDS] [-n COUNT] TOPIC|^PATTERN
//
// -e  the cluster, host:port of its SC; without it, the current profile of the official tools' file
// -s  where to begin: end (default), end-10, beginning, an offset, time:...
// -i  how often to show the lag; 0: only at the end
// -n  stop after COUNT records; without it, at the first Ctrl-C
#include <fluvio.hpp>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <unistd.h>

namespace {

volatile std::sig_atomic_t stopped = 0;

void show_lag(fluvio::consumer &consumer) {
  for (const fluvio::position &p : consumer.positions(std::chrono::seconds(1)))
    std::cerr << p.topic << '-' << p.partition << ": next " << p.position << ", end " << p.high_watermark << ", lag " << p.lag << '\n';
}

void follow(fluvio::consumer &consumer, std::chrono::seconds interval, long long limit) {
  using clock = std::chrono::steady_clock;
  auto shown = clock::now();
  while (!stopped && limit != 0) {
    const auto batch = consumer.poll(fluvio::milliseconds(100)); // so short for Ctrl-C's sake
    if (batch) {
      for (const fluvio::record &r : *batch) {
        if (limit == 0) break;
        std::cout << batch->topic() << '-' << r.partition << ' ' << r.offset << ' ' << (r.key ? *r.key : "-") << ' ' << r.value << '\n';
        if (limit > 0) limit--;
      }
      std::cout.flush();
    }
    if (interval.count() > 0 && clock::now() - shown >= interval) {
      show_lag(consumer);
      shown = clock::now();
    }
  }
  show_lag(consumer);
}

} // namespace

int main(int argc, char **argv) {
  fluvio::config cluster, settings;
  std::chrono::seconds interval(1);
  long long limit = -1;
  for (int option; (option = getopt(argc, argv, "e:s:i:n:")) != -1;) {
    switch (option) {
      case 'e': cluster.set({"endpoint", optarg}); break;
      case 's': settings.set({"start", optarg}); break;
      case 'i': interval = std::chrono::seconds(std::atoll(optarg)); break;
      case 'n': limit = std::atoll(optarg); break;
      default: return 2;
    }
  }
  if (optind != argc - 1) {
    std::cerr << "usage: tail [-e ENDPOINT] [-s START] [-i SECONDS] [-n COUNT] TOPIC|^PATTERN\n";
    return 2;
  }
  const auto stop = [](int) { stopped = 1; };
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  try {
    fluvio::client client(cluster, std::chrono::seconds(10));
    fluvio::consumer consumer = client.open_consumer(argv[optind], settings, std::chrono::seconds(10));
    follow(consumer, interval, limit);
    consumer.close(std::chrono::seconds(1));
    client.close(std::chrono::seconds(1));
  } catch (const fluvio::error &failure) {
    std::cerr << "tail: " << failure.what() << '\n';
    return 1;
  }
  return 0;
}
