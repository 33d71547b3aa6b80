'use strict';

/** Where the shared library and the program fluvio-devcluster are. */

const fs = require('node:fs');
const path = require('node:path');
const { LibraryNotFoundError } = require('./errors.js');

const root = path.join(__dirname, '..');

const NAMES = {
  win32: { library: 'fluvio.dll', program: 'fluvio-devcluster.exe' },
  darwin: { library: 'libfluvio.dylib', program: 'fluvio-devcluster' },
};
const names = NAMES[process.platform] ?? { library: 'libfluvio.so', program: 'fluvio-devcluster' };

function isFile(file) {
  try {
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function isFolder(file) {
  try {
    return fs.statSync(file).isDirectory();
  } catch {
    return false;
  }
}

/** The checkout this package lies in, or null when it is installed somewhere. */
function checkout() {
  const top = path.join(root, '..', '..');
  return isFile(path.join(top, 'include', 'fluvio.h')) ? top : null;
}

/** The folder of the package that holds the binaries for this platform, or null when it is not installed. */
function platformPackage() {
  try {
    return path.dirname(require.resolve(`libfluvio-${process.platform}-${process.arch}/package.json`));
  } catch {
    return null;
  }
}

/** Files to look at, in order. chosen is the value of the environment variable. */
function candidates(chosen, name, built) {
  if (chosen) return [isFolder(chosen) ? path.join(chosen, name) : path.resolve(chosen)];
  const files = [path.join(root, 'native', name), path.join(root, name)];
  const platform = platformPackage();
  if (platform) files.push(path.join(platform, name));
  const top = checkout();
  if (top) files.push(path.join(top, 'build', built, name));
  return files;
}

/** The first file of a path list such as PATH, or null. */
function onPath(name) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    if (folder && isFile(file)) return file;
  }
  return null;
}

function notFound(what, variable, chosen, tried) {
  const source = chosen ? `${variable}: ` : '';
  return new LibraryNotFoundError(
    `${what} was not found; tried ${source}${tried.join('; ')} ` +
      `[hint: run make in the checkout, or set ${variable} to the file or its folder]`,
  );
}

/**
 * Opens the shared library with the given function.
 * @param {(file: string) => T} open loads a file, or throws
 * @returns {T} what open returned
 * @template T
 */
function openLibrary(open) {
  const chosen = process.env.LIBFLUVIO_PATH;
  const tried = [];
  for (const file of candidates(chosen, names.library, 'lib')) {
    if (!isFile(file)) {
      tried.push(`${file} (not there)`);
      continue;
    }
    try {
      return open(file);
    } catch (cause) {
      throw notLoaded(file, cause); // a file that is there but does not load is the one to talk about
    }
  }
  if (!chosen) {
    try {
      return open(names.library);
    } catch (cause) {
      tried.push(`the system's loader (${cause.message})`);
    }
  }
  throw notFound('the shared library of libfluvio', 'LIBFLUVIO_PATH', chosen, tried);
}

function notLoaded(file, cause) {
  const musl = /initial-exec|static TLS/.test(cause.message);
  const hint = musl
    ? 'on musl systems such as Alpine a Go library cannot be loaded by Node; use a glibc system'
    : 'it may be built for another platform; rebuild it with make, or set LIBFLUVIO_PATH to another';
  return new LibraryNotFoundError(`load ${file}: ${cause.message} [hint: ${hint}]`, { cause });
}

/** The path of fluvio-devcluster. */
function findProgram() {
  const chosen = process.env.LIBFLUVIO_DEVCLUSTER;
  const tried = [];
  for (const file of candidates(chosen, names.program, 'bin')) {
    if (isFile(file)) return file;
    tried.push(`${file} (not there)`);
  }
  if (!chosen) {
    const file = onPath(names.program);
    if (file) return file;
    tried.push('PATH');
  }
  throw notFound(`the program ${names.program}`, 'LIBFLUVIO_DEVCLUSTER', chosen, tried);
}

module.exports = { openLibrary, findProgram };
