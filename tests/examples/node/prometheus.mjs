// Serves the counters of a client beside the program's own metrics of prom-client.
//
//   npm install prom-client
//   node prometheus.mjs [ENDPOINT]        prints where they are; without an endpoint it runs a dev cluster
import http from 'node:http';
import { connect, DevCluster } from 'libfluvio';
import { Counter, register } from 'prom-client';

const cluster = process.argv[2] ? null : await DevCluster.start();
const client = await connect(process.argv[2] ?? cluster.endpoint);
const handled = new Counter({ name: 'orders_handled_total', help: "The program's own." });

// Both texts are of the same format, and their names differ: one after the other they are one text.
const server = http.createServer(async (request, response) => {
  try {
    const text = (await register.metrics()) + '\n' + (await client.prometheus({ timeoutMs: 5000 }));
    response.setHeader('Content-Type', register.contentType).end(text);
  } catch (error) {
    response.writeHead(503).end(error.message);
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}/metrics`;
console.log(url);

await client.admin.createTopic('measured-in-node');
const producer = await client.producer('measured-in-node');
await producer.send('first');
handled.inc();
const text = await (await fetch(url)).text();
console.log(text.split('\n').filter((line) => /^(orders_handled_total|fluvio_producer_records_total)/.test(line)).join('\n'));

await client.admin.deleteTopic('measured-in-node');
await client.close();
await cluster?.stop();
server.close();
server.closeAllConnections?.(); // from Node 18.2 on
