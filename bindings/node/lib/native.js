'use strict';

/**
 * The loaded library. Every function of it is plain C that does not wait when told so, so it is called synchronously, which
 * costs about 0.1 µs; none is called where it would block.
 *
 * Out-parameters are typed arrays of one element, shared by all callers: a call and the reading of its results happen in
 * one piece of synchronous code.
 */

const path = require('node:path');
const abi = require('./abi.js');
const { CODE, LibraryNotFoundError, make } = require('./errors.js');
const { openLibrary } = require('./locate.js');

const KOFFI_TYPES = {
  ptr: 'void *',
  str: 'str',
  i32: 'int32_t',
  u32: 'uint32_t',
  i64: 'int64_t',
  u64: 'uint64_t',
  size: 'size_t',
  void: 'void',
};

let loaded = null;

/** The library, loaded once for each thread of JavaScript. Throws LibraryNotFoundError or VersionError. */
function native() {
  loaded ??= load();
  return loaded;
}

/** The package that calls C. A folder that npm only links to gets its packages by npm ci in it, which is forgotten easily. */
function requireKoffi() {
  try {
    return require('koffi');
  } catch (cause) {
    if (cause.code !== 'MODULE_NOT_FOUND') throw cause;
    const root = path.join(__dirname, '..');
    throw new LibraryNotFoundError(`load koffi: ${root} has no package koffi [hint: npm ci --prefix ${root}]`, { cause });
  }
}

function load() {
  const koffi = requireKoffi();
  if (koffi.sizeof('void *') !== 8) throw make(CODE.UNSUPPORTED, 'load libfluvio: only 64-bit platforms are supported');
  const { file, library } = openLibrary((file) => ({ file, library: koffi.load(file) }));
  const lib = { file, address: koffi.address };
  try {
    for (const [name, [result, parameters]] of Object.entries(abi.functions)) {
      lib[name.slice('fluvio_'.length)] = library.func(name, KOFFI_TYPES[result], parameters.map((type) => KOFFI_TYPES[type]));
    }
  } catch (cause) {
    throw make(CODE.VERSION, `load ${file}: ${cause.message} [hint: install package and library of the same version]`, { cause });
  }
  if (lib.check(abi.VERSION_HEX) !== abi.OK) {
    throw make(
      CODE.VERSION,
      `load ${file}: the library is version ${lib.version_string()}, which does not serve this package ` +
        '[hint: install package and library of the same version]',
    );
  }
  // memcpy reads the library's memory in a tenth of the time that an external ArrayBuffer takes, and works where hosts
  // forbid those.
  const c = koffi.load(process.platform === 'win32' ? 'ucrtbase.dll' : null);
  lib.memcpy = c.func('memcpy', 'void', ['void *', 'void *', 'size_t']);
  if (process.platform !== 'win32') {
    const fcntl = c.func('int fcntl(int fd, int command, ...)');
    const duplicate = process.platform === 'linux' ? 1030 : 67; // F_DUPFD_CLOEXEC
    lib.duplicate = (fd) => fcntl(fd, duplicate, 'int', 0);
  }
  lib.text = (pointer) => (pointer ? koffi.decode.string(pointer) : '');
  return lib;
}

/** The error out-parameter. Pass it, then call failure() when the status is not OK. */
const errorSlot = new BigUint64Array(1);
const keySlot = new BigUint64Array(1);
const valueSlot = new BigUint64Array(1);

/** Reads an error object without freeing it. */
function readError(lib, pointer, status, fields = {}) {
  if (!pointer) return make(status, `the library reports ${lib.status_name(status)} without saying more`, fields);
  const details = {};
  for (let i = 0; lib.error_detail_at(pointer, i, keySlot, valueSlot) === 0; i++) {
    details[lib.text(keySlot[0])] = lib.text(valueSlot[0]);
  }
  return make(lib.error_status(pointer), lib.error_message(pointer), {
    ...fields,
    serverCode: lib.error_server_code(pointer),
    retriable: lib.error_is_retriable(pointer) === 1,
    fatal: lib.error_is_fatal(pointer) === 1,
    maybeWritten: fields.maybeWritten || lib.error_maybe_written(pointer) === 1,
    endReason: endReasonOf(lib.error_end_reason(pointer)),
    details,
  });
}

/** A reason that is newer than this package is a failure. */
function endReasonOf(number) {
  return number < abi.END_REASONS.length ? abi.END_REASONS[number] : 'failed';
}

/** The error of a call that was given errorSlot and returned status; frees the object. */
function failure(lib, status, fields) {
  const pointer = errorSlot[0];
  errorSlot[0] = 0n;
  const error = readError(lib, pointer, status, fields);
  if (pointer) lib.error_free(pointer);
  return error;
}

/** Frees the error of a call that was given errorSlot, when nobody wants it. */
function dropError(lib) {
  if (errorSlot[0]) lib.error_free(errorSlot[0]);
  errorSlot[0] = 0n;
}

module.exports = { native, errorSlot, readError, failure, dropError };
