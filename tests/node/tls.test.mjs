// TLS, client certificates and permissions: what works, and what failures say.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import * as libfluvio from '../../bindings/node/index.mjs';
import { readAll, rejection } from './support.mjs';

const { DevCluster, connect } = libfluvio;
const authorize = {
  scopes: { root: ['Root'], guest: ['Guest'] },
  policy: { Root: { Topic: ['All'] }, Guest: { Topic: ['Read'] } },
};

let guarded;
before(async () => {
  guarded = await DevCluster.start({ mtls: true, authorize });
});
after(() => guarded?.stop());

/** Creates a topic, writes and reads. */
async function roundTrip(topic, options) {
  const client = await connect(options);
  await client.admin.createTopic(topic);
  const producer = await client.producer(topic);
  await producer.send('value');
  await producer.close();
  assert.deepEqual((await readAll(client, topic)).map((record) => record.value.toString()), ['value']);
  await client.close();
}

test('files and text', async () => {
  const files = guarded.tls();
  await roundTrip('files', { endpoint: guarded.endpoint, ...files });
  const text = { ...files };
  for (const name of ['tlsCa', 'tlsCertificate', 'tlsKey']) text[name] = fs.readFileSync(files[name], 'utf8');
  await roundTrip('text', { endpoint: guarded.endpoint, ...text });
});

test('permissions', async () => {
  const client = await connect({ endpoint: guarded.endpoint, ...guarded.tls('guest') });
  const error = await rejection(client.admin.createTopic('forbidden'));
  assert.ok(error instanceof libfluvio.PermissionError, error);
  assert.equal(error.retriable, false);
  await client.close();
});

test('a scope that was revoked', async () => {
  const cluster = await DevCluster.start({ mtls: true, authorize: { scopes: { guest: [] }, policy: {} } });
  const client = await connect({ endpoint: cluster.endpoint, ...cluster.tls('guest') });
  const error = await rejection(client.admin.createTopic('forbidden'));
  assert.ok(error instanceof libfluvio.PermissionError, error);
  await client.close();
  await cluster.stop();
});

test('certificates of another cluster, and TLS to one without', async () => {
  const [other, plain] = await Promise.all([DevCluster.start({ tls: true }), DevCluster.start()]);
  const { tlsCa, tlsCertificate, tlsKey } = other.tls();
  for (const [options, type, says] of [
    [{ endpoint: guarded.endpoint, ...guarded.tls(), tlsCa }, 'TLSError', /authority that tls_ca does not hold/],
    [{ endpoint: guarded.endpoint, ...guarded.tls(), tlsCertificate, tlsKey }, 'TLSError', /refuses the client certificate/],
    [{ endpoint: plain.endpoint, ...guarded.tls() }, 'ConnectionError', /tls=disabled/],
  ]) {
    const error = await rejection(connect(options));
    assert.ok(error instanceof libfluvio[type], error);
    assert.match(error.message, says);
  }
  await Promise.all([other.stop(), plain.stop()]);
});

test('who introduces itself where there is no TLS', async () => {
  const cluster = await DevCluster.start({ authorize });
  assert.deepEqual(cluster.tls(), {});
  await roundTrip('t', { endpoint: cluster.endpoint, authPrincipal: 'me', authScopes: ['Root'] });
  const error = await rejection(connect(cluster.endpoint));
  assert.match(error.message, /auth_principal/);
  await cluster.stop();
});

for (const [fault, type, says] of [
  ['expired', 'TLSError', /certificate expired on .*renew/],
  ['not-yet-valid', 'TLSError', /is valid from .* on only/],
  ['wrong-host', 'TLSError', /is for elsewhere.example, not for .*tls_domain/],
  ['self-signed', 'TLSError', /signed itself/],
  ['tls-1.1', 'TLSError', /no TLS 1.2 or newer/],
  ['truncated', 'ConnectionError', /closed the connection in the TLS handshake/],
]) {
  test(`a cluster with TLS that is ${fault}`, async () => {
    const cluster = await DevCluster.start({ tls: true, tlsFault: fault });
    const error = await rejection(connect({ endpoint: cluster.endpoint, ...cluster.tls() }));
    assert.ok(error instanceof libfluvio[type], error);
    assert.match(error.message, says);
    assert.doesNotMatch(error.message, /PRIVATE KEY/);
    await cluster.stop();
  });
}

for (const [what, change, type, says] of [
  ['no CA', { tlsCa: undefined }, 'TLSError', /authority that tls_ca does not hold/],
  ['another domain', { tlsDomain: 'other.local' }, 'TLSError', /not for "other.local"/],
  ['no certificate', { tlsCertificate: undefined, tlsKey: undefined }, 'TLSError', /demands a client certificate/],
  ['a contradiction', { tlsInsecure: true }, 'InvalidArgumentError', /contradicts tls=verified/],
  ['no TLS', { tls: undefined, tlsDomain: undefined, tlsCa: undefined, tlsCertificate: undefined, tlsKey: undefined }, 'ConnectionError', /If it wants TLS, set tls/],
]) {
  test(`settings with ${what}`, async () => {
    const error = await rejection(connect({ endpoint: guarded.endpoint, ...guarded.tls(), ...change }));
    assert.ok(error instanceof libfluvio[type], error);
    assert.match(error.message, says);
  });
}
