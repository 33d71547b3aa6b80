'use strict';

/** Reads, and fills, fields of a struct of the library's. */
class Row {
  constructor(layout, memory = new ArrayBuffer(layout.size), start = 0) {
    this.at = layout;
    this.memory = memory;
    this.words = new Int32Array(memory, start, layout.size / 4);
    this.longs = new BigInt64Array(memory, start, layout.size / 8);
    this.pointers = new BigUint64Array(memory, start, layout.size / 8);
    this.words[layout.struct_size / 4] = layout.size;
  }

  int(name) {
    return this.words[this.at[name] / 4];
  }

  long(name) {
    return Number(this.longs[this.at[name] / 8]);
  }

  pointer(name) {
    return this.pointers[this.at[name] / 8];
  }
}

module.exports = { Row };
