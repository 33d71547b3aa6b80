// A CommonJS program in TypeScript.
import { connect, type DeliveryReport } from 'libfluvio';
import libfluvio = require('libfluvio');

async function main(endpoint: string, topic: string): Promise<void> {
  const client: libfluvio.Client = await connect(endpoint);
  await client.admin.createTopic(topic);
  const producer = await client.producer(topic);
  const report: DeliveryReport = await producer.send('first');
  const consumer = await client.consumer(topic, { start: report.offset, stopAt: BigInt(report.offset + 1) });
  for await (const record of consumer) console.log(record.partition, record.offset, record.value.toString());
  await client.close();
}

void main(process.argv[2] ?? '127.0.0.1:9003', process.argv[3] ?? 'types');
