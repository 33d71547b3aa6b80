// A program for the official client, in TypeScript.
import Fluvio, { FluvioAdmin, FluvioClient, KeyValue, Offset, OffsetFrom, PartitionConsumer, Record, SmartModuleType, TopicProducer } from 'libfluvio/compat';
import type { ConsumerConfig, Topic } from 'libfluvio/compat';

const [host = '127.0.0.1', port = '9003'] = (process.argv[2] ?? '').split(':');
await using fluvio: FluvioClient = await Fluvio.connect({ host, port: Number(port) });
const admin: FluvioAdmin = await fluvio.admin();
const name = await admin.createTopic('compat-types');
const topics = JSON.parse(await admin.listTopic()) as Topic[];
await using producer: TopicProducer = await fluvio.topicProducer(name);
const records: KeyValue[] = [['k', new TextEncoder().encode('v')]];
await producer.sendAll(records);
const consumer: PartitionConsumer = await fluvio.partitionConsumer(name, 0);
export const config: ConsumerConfig = { smartmoduleType: SmartModuleType.Filter, smartmoduleName: 'x' };
for await (const record of await consumer.createStream(new Offset({ index: 0, from: OffsetFrom.Beginning }))) {
  const read: Record = record;
  const key: ArrayBuffer | null = read.key();
  console.log(topics.filter((one) => one.name === name).length, key && read.keyString(), read.valueString());
  break;
}
await admin.deleteTopic(name);

// What the types must refuse.
export async function refused(): Promise<void> {
  // @ts-expect-error a number is no value
  await producer.sendRecord(5, 0);
  // @ts-expect-error a topic has a name
  await fluvio.topicProducer();
}
