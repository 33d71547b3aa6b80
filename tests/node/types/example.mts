// An ESM program in TypeScript. The test checks its types, compiles it and runs it with the endpoint as argument.
import { Batch, CancelledError, Client, Consumer, DevCluster, FluvioError, NotFoundError, Producer, Record, SendReport, Watch, connect } from 'libfluvio';
import type { ClientOptions, ConsumerOffset, ConsumerOptions, DeliveryReport, ProducerOptions, ProducerStats, RecordInput, Sendable, SmartModule, StoredSmartModule, Topic, TopicOptions, WatchEvent } from 'libfluvio';

const endpoint: string = process.argv[2] ?? '127.0.0.1:9003';
const topic: string = process.argv[3] ?? 'types';

const clientOptions: ClientOptions = { endpoint, clientId: 'types', connectionTimeoutMs: 5000, tls: 'disabled' };
const topicOptions: TopicOptions = { partitions: 2, retentionSeconds: '1h', segmentSize: '1MiB', compression: 'any' };
const producerOptions: ProducerOptions = { lingerMs: 1, compression: 'zstd', delivery: 'at_least_once', partitioner: 'sticky' };
export const chain: SmartModule[] = [{ name: 'one', params: { a: 'b', n: 1 }, lookback: { last: 5 } }, { wasm: Buffer.from(''), accumulator: '0' }];
export const pinned: ProducerOptions = { partition: 1, smartmodules: chain };
const consumerOptions: ConsumerOptions = { start: 'beginning', stopAt: 'end', partitions: [0, 1], isolation: 'read_committed', consumerId: 'types', offsetStrategy: 'manual', offsetFlushMs: 1000 };

async function main(): Promise<void> {
  await using client: Client = await connect(clientOptions);
  await client.admin.createTopic(topic, topicOptions);
  const topics: Topic[] = await client.admin.topics({ timeoutMs: 5000 });
  await using watch: Watch<Topic> = await client.admin.watchTopics();
  const event: WatchEvent<Topic> = await watch.next({ timeoutMs: 5000 });
  if (event.event === 'added' && event.object.replicas.length === 0) throw new Error(event.object.name);
  const modules: StoredSmartModule[] = await client.admin.smartmodules({ wasm: true });
  const leaders: number[] = (await client.admin.partitions({ topic })).map((one) => one.leader);
  if (modules.length !== 0 || leaders.length !== 2) throw new Error(`${modules.length} ${leaders.length}`);

  await using producer: Producer = await client.producer(topic, producerOptions);
  const record: RecordInput = { key: 'key', value: new Uint8Array([1, 2, 3]), partition: 0, timestamp: new Date() };
  const report: DeliveryReport = await producer.send(record);
  const many: Sendable[] = ['text', Buffer.from('bytes'), { value: 'x', key: null }];
  const stored: SendReport = await producer.sendMany(many, { signal: AbortSignal.timeout(30_000) });
  const offsets: number[] = [...stored].map((one) => one.offset);
  await producer.flush();
  const stats: ProducerStats = await producer.stats({ timeoutMs: 5000 });
  if (stats.recordsAcknowledged !== 4 || stats.latencyMaxMs <= 0) throw new Error(JSON.stringify(stats));

  const consumer: Consumer = await client.consumer([topic], consumerOptions);
  let seen = 0;
  for await (const one of consumer) {
    const read: Record = one;
    const key: Buffer | null = read.key;
    const time: number | null = read.timestamp;
    seen += read.value.length > 0 && (key === null || key.length >= 0) && time !== null ? 1 : 0;
  }
  const batch: Batch | null = await consumer.poll(0).catch((error: unknown) => {
    if (error instanceof FluvioError && error.codeName === 'END') return null;
    throw error;
  });
  for await (const rest of consumer.batches({ signal: AbortSignal.timeout(1000) })) seen += rest.length;
  await consumer.commit({ timeoutMs: 5000 });
  await consumer.commitOffset(0, 0, { topic });
  await consumer.commitOffset(0, 0n);
  const kept: ConsumerOffset[] = await client.admin.consumerOffsets();
  for (const { consumerId, topic: of, partition } of kept) await client.admin.deleteConsumerOffset(consumerId, of, partition);
  await consumer.close();

  try {
    await client.producer('not-there');
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const code: number = error.code;
    const setting: string | undefined = error.details['setting'];
    if (code >= 0 || setting !== undefined || error instanceof CancelledError) throw error;
  }
  console.log(topics.some((one) => one.name === topic), report.offset, offsets.length, seen, batch);
}

await main();

// What the types must refuse.
export async function refused(client: Client, producer: Producer, consumer: Consumer): Promise<void> {
  // @ts-expect-error there is no such setting
  await connect({ endpont: 'x' });
  // @ts-expect-error a number is no value
  await producer.send({ value: 5 });
  // @ts-expect-error a record needs a value
  await producer.send({ key: 'x' });
  // @ts-expect-error no such position
  await client.consumer('x', { start: 'middle' });
  // @ts-expect-error no such codec
  await client.producer('x', { compression: 'brotli' });
  // @ts-expect-error consumers come from a client
  new Consumer();
  // @ts-expect-error a record cannot be changed
  for await (const record of consumer) record.offset = 1;
  // @ts-expect-error SPUs are a number
  await DevCluster.start({ spus: 'two' });
}
