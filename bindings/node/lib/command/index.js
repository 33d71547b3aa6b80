'use strict';

/** The command libfluvio: the same commands and options as `python -m libfluvio`. */

const { CODE, FluvioError } = require('../errors.js');
const { UsageError, understood } = require('./arguments.js');
const { COMMANDS } = require('./commands.js');
const { fail } = require('./output.js');

/** Exit codes: what failed, what is wrong with the arguments; 128 and the number of the signal for Ctrl-C and a closed pipe. */
const FAILED = 1;
const WRONG = 2;
const INTERRUPTED = 130;
const PIPE_CLOSED = 141;

/** Runs the command; its exit code. */
async function main(args) {
  const onPipe = (error) => {
    if (error.code === 'EPIPE') process.exit(PIPE_CLOSED);
    throw error;
  };
  process.stdout.on('error', onPipe);
  let given;
  try {
    given = understood(COMMANDS, args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.usage}\nlibfluvio: ${error.message}\n`);
    return WRONG;
  }
  if (given.text !== undefined) {
    process.stdout.write(given.text);
    return 0;
  }
  // Output is written before write returns, and what a consumer has stored is stored: there is nothing to wait for.
  if (!given.command.interruptible) process.once('SIGINT', () => process.exit(INTERRUPTED));
  try {
    return (await given.command.run(given.values)) ?? 0;
  } catch (error) {
    if (!(error instanceof FluvioError) && error.code === undefined) throw error;
    return fail(error, error.code === CODE.INVALID_ARGUMENT ? WRONG : FAILED, given.values.json);
  }
}

module.exports = { main };
