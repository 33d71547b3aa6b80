# Sends the lines of stdin to a topic, each with its number as key, and prints what the topic holds: libfluvio through Fiddle, which
# comes with Ruby.
#
#   LIBFLUVIO_PATH=libfluvio.so.1 ruby roundtrip.rb ENDPOINT TOPIC < lines
require 'fiddle/import'

module Fluvio
  extend Fiddle::Importer
  dlload ENV.fetch('LIBFLUVIO_PATH', 'libfluvio.so.1')

  extern 'const char *fluvio_error_message(void *)'
  extern 'void fluvio_error_free(void *)'
  extern 'void *fluvio_config_new()'
  extern 'int fluvio_config_set(void *, const char *, const char *, void **)'
  extern 'void fluvio_config_free(void *)'
  extern 'int fluvio_client_connect(void *, long long, void **, void **)'
  extern 'int fluvio_client_close(void *, long long, void **)'
  extern 'void fluvio_client_free(void *)'
  extern 'int fluvio_producer_open(void *, const char *, void *, void *, long long, void **, void **)'
  extern 'int fluvio_producer_send(void *, const char *, size_t, const char *, size_t, unsigned long long, long long, void **)'
  extern 'int fluvio_producer_close(void *, long long, void **)'
  extern 'void fluvio_producer_free(void *)'
  extern 'int fluvio_consumer_open(void *, const char *, void *, long long, void **, void **)'
  extern 'int fluvio_consumer_poll(void *, long long, void **, void **)'
  extern 'void fluvio_consumer_free(void *)'
  extern 'int fluvio_batch_get(void *, size_t, void *)'
  extern 'void fluvio_batch_release(void *)'

  # fluvio_record_t; Fiddle's structs have a method partition of their own.
  Record = struct ['unsigned int struct_size', 'int partition_number', 'long long offset', 'long long timestamp',
                   'void *key', 'size_t key_len', 'void *value', 'size_t value_len', 'const char *topic']
  OK = 0
  ERR_END = -23

  # Calls a function that gives a status and, as its last parameter, an error, which is raised unless it is expected.
  def self.call(name, *arguments, expect: [OK])
    error = pointer
    status = send("fluvio_#{name}", *arguments, error)
    return status if expect.include?(status)

    raise "#{name}: #{fluvio_error_message(error.ptr)}"
  ensure
    fluvio_error_free(error.ptr)
  end

  # Room for a pointer that a function gives.
  def self.pointer = Fiddle::Pointer.malloc(Fiddle::SIZEOF_VOIDP, Fiddle::RUBY_FREE).tap { |p| p[0, Fiddle::SIZEOF_VOIDP] = "\0" * Fiddle::SIZEOF_VOIDP }

  def self.config(settings)
    config = fluvio_config_new
    settings.each { |name, value| call(:config_set, config, name, value) }
    yield config
  ensure
    fluvio_config_free(config)
  end
end

SECONDS = 1000
endpoint, topic = ARGV
client, producer, consumer, batch = Array.new(4) { Fluvio.pointer }
Fluvio.config('endpoint' => endpoint) { |c| Fluvio.call(:client_connect, c, 30 * SECONDS, client) }

Fluvio.call(:producer_open, client.ptr, topic, nil, nil, 30 * SECONDS, producer)
$stdin.each_line(chomp: true).with_index do |line, i|
  Fluvio.call(:producer_send, producer.ptr, i.to_s, i.to_s.bytesize, line, line.bytesize, i, 30 * SECONDS)
end
Fluvio.call(:producer_close, producer.ptr, 30 * SECONDS) # everything is stored, or it raises
Fluvio.fluvio_producer_free(producer.ptr)

Fluvio.config('start' => 'beginning', 'stop_at' => 'end') { |c| Fluvio.call(:consumer_open, client.ptr, topic, c, 30 * SECONDS, consumer) }
record = Fluvio::Record.malloc(Fiddle::RUBY_FREE)
record.struct_size = Fluvio::Record.size
while Fluvio.call(:consumer_poll, consumer.ptr, 30 * SECONDS, batch, expect: [Fluvio::OK, Fluvio::ERR_END]) == Fluvio::OK
  i = 0
  while Fluvio.fluvio_batch_get(batch.ptr, i, record) == Fluvio::OK
    puts "#{record.partition_number} #{record.offset} #{record.key[0, record.key_len]} #{record.value[0, record.value_len]}"
    i += 1
  end
  Fluvio.fluvio_batch_release(batch.ptr)
end
Fluvio.fluvio_consumer_free(consumer.ptr)
Fluvio.call(:client_close, client.ptr, 30 * SECONDS)
Fluvio.fluvio_client_free(client.ptr)
