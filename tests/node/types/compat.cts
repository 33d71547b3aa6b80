// The same in CommonJS.
import Fluvio, { Offset, FluvioError } from 'libfluvio/compat';

async function main(): Promise<void> {
  const [host = '127.0.0.1', port = '9003'] = (process.argv[2] ?? '').split(':');
  const fluvio = new Fluvio({ host, port: Number(port) });
  await fluvio.connect();
  const admin = await fluvio.admin();
  const name = await admin.createTopic('compat-types');
  await (await fluvio.topicProducer(name)).send('k', 'v');
  const stream = await (await fluvio.partitionConsumer(name, 0)).createStream(Offset.FromBeginning());
  for await (const record of stream) {
    console.log(1, record.keyString(), record.valueString());
    break;
  }
  await admin.deleteTopic(name);
  await admin.deleteTopic(name).catch((error: unknown) => {
    if (!(error instanceof FluvioError)) throw error;
  });
  await fluvio.close();
}

void main();
