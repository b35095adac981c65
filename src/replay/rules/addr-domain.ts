import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I55. */
export const addrDomain = rule({
  number: 55,
  name: 'addr-domain',
  severity: 'S4',
  statement: 'all pointers of a recording come from one kernel: one address has one spelling, raw or hashed',
  why: 'hashed pointers can be compared with each other only, and only within one boot',
  source: 'lib/vsprintf.c ptr_to_hashval(); tracefs option hash-ptr',
  needs: [PROBES.CR, PROBES.RQ],
  idle: 'no head was shown by two events',
  held: 'the address that the probe printed',
  missing: 'the same address, or its one hash',
  words:
    'Pointers in traces may be hashed. Hashed pointers can be compared with each other, and with nothing else.',
  bugs: [],
  instead: 'A rule on the recording.',
});
