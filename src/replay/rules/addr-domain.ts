import { isRawPointer } from '../../kernel/bytes.js';
import { CALLBACK } from '../../kernel/operands.js';
import { OP } from '../../kernel/ops.js';
import { isKnown } from '../../timeline/is-known.js';
import { w, witnesses } from '../evidence.js';
import { enqueueOf } from '../steps/rcu.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

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
  monitor: (evidence, verdicts) => {
    /** Head address → what the tracepoints print for it. */
    const hashes = new Map<number, number>();
    return {
      on: {
        /**
         * The enqueue tracepoint follows the call_rcu probe of the same head at once. Raw, both print one address;
         * hashed, one address has one hash for as long as the kernel runs (lib/vsprintf.c ptr_to_hashval()).
         */
        [OP.RQ]: (op, task) => {
          const enqueue = enqueueOf(evidence.state, task, op);
          if (!enqueue || !isKnown(CALLBACK.rhp(op)) || !isKnown(enqueue.addr)) return;
          const { addr } = enqueue;
          const expected = isRawPointer(CALLBACK.rhp(op)) ? addr : hashes.get(addr);
          if (expected === undefined) {
            if (hashes.size >= MAX_HASHES) hashes.clear();
            hashes.set(addr, CALLBACK.rhp(op));
          } else if (expected === CALLBACK.rhp(op)) verdicts.pass(KNOWN.observed);
          else {
            verdicts.violated({
              message:
                'the probe and the tracepoint of one call_rcu name different heads: pointers of two kernels are mixed',
              known: KNOWN.observed,
              events: witnesses(w(enqueue.ref, 'call_rcu probe'), w(op.ref, 'rcu_callback')),
            });
          }
        },
      },
    };
  },
});

const MAX_HASHES = 1 << 16;
