'use strict';

/** The command's arguments: from tables of commands to values, or to the text of a help. */

const { parseArgs } = require('node:util');
const { version } = require('../../package.json');
const { camel } = require('../settings.js');

const END = `
Where: --endpoint host:port of the cluster's SC, else $FLUVIO_ENDPOINT, else the current profile of the official tools.
Exit codes: 0; 1 what failed, or a cluster that is not well; 2 wrong arguments; 130 Ctrl-C.
`;

/** Wrong arguments. */
class UsageError extends Error {
  constructor(message, usage) {
    super(message);
    this.usage = usage;
  }
}

/** Options that commands share. */
const EVERY = {
  json: { help: 'print JSON, one value a line' },
  help: { short: 'h', help: 'show this' },
};
const CONNECTING = {
  endpoint: { value: 'HOST:PORT', help: 'of the SC' },
  profile: { value: 'NAME', help: 'a profile of the official tools' },
  timeout: { value: 'SECONDS', parse: seconds, help: 'for connecting and for each request' },
};

function seconds(text) {
  const number = Number(text);
  if (text === '' || !(number >= 0)) throw new Error(`${text} is not a number of seconds`);
  return number;
}

function positive(text) {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new Error(`${text} is not a number above 0`);
  return Number(text);
}

function whole(text) {
  if (!/^\d+$/.test(text)) throw new Error(`${text} is not a whole number`);
  return Number(text);
}

/** An offset, beginning, end, beginning+N, end-N, or a time, which is local if it does not say where. */
function position(text) {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return text;
  const date = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text.replace(' ', 'T'));
  return Number.isNaN(date.getTime()) ? text : date;
}

/** name=value of a setting, with the name of an option; what is JSON is what it looks like. */
function setting(text) {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new Error(`${text}: write name=value`);
  const option = camel(name);
  try {
    return [option, JSON.parse(value)];
  } catch {
    return [option, value];
  }
}

/** The option for settings that have none of their own. */
function settings(of) {
  return { set: { short: 'X', value: 'NAME=VALUE', parse: setting, multiple: true, help: `a setting of the ${of}; may be repeated` } };
}

const optionsOf = (command) => ({ ...command.options, ...(command.local ? {} : CONNECTING), ...EVERY });

const listed = (rows) => {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, help]) => `  ${name.padEnd(width)}  ${help}\n`).join('');
};

function usageOf(name, command) {
  const positionals = command.positionals ? ` ${command.positionals}` : '';
  return `usage: libfluvio ${name} [OPTIONS]${positionals}`;
}

function helpOf(name, command) {
  const rows = Object.entries(optionsOf(command)).map(([option, { short, value, help }]) => [
    `${short ? `-${short}, ` : ''}--${option}${value ? ` ${value}` : ''}`, help,
  ]);
  const more = command.details ? `\n${command.details}\n` : '';
  return `${usageOf(name, command)}\n\n${command.help[0].toUpperCase()}${command.help.slice(1)}.\n${more}\n${listed(rows)}`;
}

const USAGE = 'usage: libfluvio COMMAND [OPTIONS] ...';

function helpOfAll(commands) {
  const rows = Object.entries(commands).map(([name, { help }]) => [name, help]);
  return `${USAGE}\n\nWorks with a Fluvio cluster. COMMAND --help tells more.\n\n${listed(rows)}${END}`;
}

/** The command that arguments begin with: its name, of one or two words. */
function named(commands, args) {
  const [first, second] = args;
  if (first === undefined || first.startsWith('-')) throw new UsageError('COMMAND is missing', USAGE);
  if (commands[first]) return first;
  const group = Object.keys(commands).filter((name) => name.startsWith(`${first} `));
  if (group.length === 0) throw new UsageError(`${first} is no command: choose from ${Object.keys(commands).join(', ')}`, USAGE);
  if (commands[`${first} ${second}`]) return `${first} ${second}`;
  throw new UsageError(`${second ?? 'nothing'} is no action of ${first}: choose from ${group.map((name) => name.split(' ')[1]).join(', ')}`, USAGE);
}

/** Positional arguments by their names: "A [B] C..." has one A, perhaps a B, and at least one C. */
function placed(spec, words) {
  const values = {};
  const rest = [...words];
  for (const part of (spec ?? '').split(' ').filter(Boolean)) {
    const [, open, name, many] = /^(\[?)([A-Z]+)(\.{3})?\]?$/.exec(part);
    if (!open && rest.length === 0) throw new Error(`${name} is missing`);
    values[name.toLowerCase()] = many ? rest.splice(0) : rest.shift();
  }
  if (rest.length > 0) throw new Error(`there is no place for ${rest.join(' ')}`);
  return values;
}

/** What options are given, each in its type. */
function parsed(options, given) {
  const values = {};
  for (const [name, { parse = (text) => text, multiple, otherwise }] of Object.entries(options)) {
    const value = given[name];
    try {
      values[name] = value === undefined ? otherwise : multiple ? value.map((each) => parse(each)) : typeof value === 'string' ? parse(value) : value;
    } catch (error) {
      throw new Error(`--${name}: ${error.message}`);
    }
  }
  return values;
}

/** What is to be done: { command, values }, or { text } that is to be shown. */
function understood(commands, args) {
  if (args[0] === '--version') return { text: `libfluvio ${version}\n` };
  if (args[0] === '--help' || args[0] === '-h') return { text: helpOfAll(commands) };
  if (!parseArgs) throw new UsageError('this command needs Node 18.3 or newer', USAGE);
  const name = named(commands, args);
  const command = commands[name];
  const options = optionsOf(command);
  const forms = Object.fromEntries(Object.entries(options).map(([option, { short, value, multiple = false }]) => [
    option, { type: value ? 'string' : 'boolean', multiple, ...(short && { short }) },
  ]));
  try {
    const { values: given, positionals } = parseArgs({ args: args.slice(name.split(' ').length), options: forms, allowPositionals: true });
    if (given.help) return { text: helpOf(name, command) };
    const excluding = (command.exclusive ?? []).map((group) => group.filter((one) => given[one] !== undefined)).find((set) => set.length > 1);
    if (excluding) throw new Error(`--${excluding[0]} does not go with --${excluding[1]}`);
    const values = { ...parsed(options, given), ...placed(command.positionals, positionals) };
    values.endpoint ??= process.env.FLUVIO_ENDPOINT || undefined;
    values.settings = Object.fromEntries(values.set ?? []);
    return { command, values };
  } catch (error) {
    throw new UsageError(error.message, usageOf(name, command));
  }
}

module.exports = { UsageError, position, positive, settings, understood, whole };
