// A page that shows the records of a topic as they come, by server-sent events. A page that lost its connection goes on behind the
// last record it got.
//
//   node live_page.mjs [ENDPOINT [TOPIC]]     prints where the page is; without an endpoint it runs a dev cluster
import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import { AlreadyExistsError, connect, DevCluster } from 'libfluvio';

const cluster = process.argv[2] ? null : await DevCluster.start();
const topic = process.argv[3] ?? 'live';
const client = await connect(process.argv[2] ?? cluster.endpoint);
await client.admin.createTopic(topic).catch((error) => {
  if (!(error instanceof AlreadyExistsError)) throw error;
});

const PAGE = `<!doctype html><meta charset="utf-8"><title>${topic}</title>
<style>body { font: 16px sans-serif } td { padding: 2px 12px; border-bottom: 1px solid #ddd }</style>
<h1>${topic}</h1><table><thead><tr><td>partition<td>offset<td>key<td>value</thead><tbody id="rows"></tbody></table>
<script>
  new EventSource('/events').onmessage = ({ data }) => {
    const record = JSON.parse(data), row = document.createElement('tr');
    for (const name of ['partition', 'offset', 'key', 'value']) row.insertCell().textContent = record[name];
    document.getElementById('rows').prepend(row);
  };
</script>`;

/** Records as events. The id of each says where to go on: the next offset of every partition that was read. */
function eventsFrom(next) {
  return async function* events(records) {
    for await (const { partition, offset, key, value } of records) {
      next[partition] = offset + 1;
      const data = JSON.stringify({ partition, offset, key: key?.toString() ?? null, value: value.toString() });
      yield `id: ${JSON.stringify(next)}\ndata: ${data}\n\n`;
    }
  };
}

async function events(request, response) {
  const next = JSON.parse(request.headers['last-event-id'] ?? '{}');
  const consumer = await client.consumer(topic, { start: 'end-10' });
  for (const [partition, offset] of Object.entries(next)) await consumer.seek(Number(partition), offset);
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).flushHeaders();
  // A slow page holds its consumer back, and leaving the page closes it.
  await pipeline(consumer.readable(), eventsFrom(next), response).catch(() => {});
}

const server = http.createServer((request, response) => {
  if (request.url !== '/events') {
    response.setHeader('Content-Type', 'text/html').end(PAGE);
    return;
  }
  events(request, response).catch((error) => response.headersSent || response.writeHead(503).end(error.message));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
console.log(`http://127.0.0.1:${server.address().port}/`);

process.once('SIGTERM', async () => {
  await client.close(); // which ends the events
  await cluster?.stop();
  server.close();
  setTimeout(() => server.closeAllConnections?.(), 500).unref(); // those that browsers keep; from Node 18.2 on
});
