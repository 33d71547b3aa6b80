export { Fluvio as default } from './compat.js';
export * from './compat.js';
