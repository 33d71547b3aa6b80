'use strict';

/** libfluvio for Node: a client for Fluvio. The API is described in index.d.ts. */

const { Batch, Record } = require('./batch.js');
const { Admin } = require('./admin.js');
const { Client, connect } = require('./client.js');
const { Consumer } = require('./consumer.js');
const { SendReport } = require('./delivery.js');
const { DevCluster } = require('./devcluster.js');
const { classes } = require('./errors.js');
const { native } = require('./native.js');
const { Watch } = require('./objects.js');
const { Producer } = require('./producer.js');
const { version } = require('../package.json');

/** The version of the shared library. Loads it. */
function libraryVersion() {
  return native().version_string();
}

module.exports = {
  connect,
  libraryVersion,
  version,
  Admin,
  Batch,
  Client,
  Consumer,
  DevCluster,
  Producer,
  Record,
  SendReport,
  Watch,
  ...classes,
};
