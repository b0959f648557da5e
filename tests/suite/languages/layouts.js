/* Prints the layouts and numbers of livesync.h as examples/nodejs repeats them, in the lines
   of c-tests/layouts.c. */
'use strict';

const constants = require('../../../examples/nodejs/constants.js');
const structs = require('../../../examples/nodejs/structs.js');

for (const [name, struct] of Object.entries(structs)) {
  for (const [field, { offset, type }] of Object.entries(struct.members)) {
    console.log(`${name} ${field} ${offset} ${type.size}`);
  }
  console.log(`${name} - - ${struct.size}`);
}
for (const [name, value] of Object.entries(constants)) console.log(`${name} - - ${value}`);
