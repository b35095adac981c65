import { type DialectInfo, LINE } from '../../../src/parsers/input/dialect.js';
import { internBody, otherLine, packFlags } from '../../../src/parsers/input/kernel-pieces.js';
import { TraceCmdPrefix } from '../../../src/parsers/tracefs/trace-cmd-prefix.js';

/** The least that reads the plain tracefs layout, to stand inside the layers under test. */
export const PLAIN: DialectInfo = {
  id: 'plain',
  title: 'plain tracefs text',
  score: () => 0,
  open: () => {
    const prefix = new TraceCmdPrefix();
    return {
      id: 'plain',
      line(buf, start, end, host) {
        if (buf[start] === 35) return LINE.header;
        if (!prefix.parse(buf, start, end)) return otherLine(buf, start, end, true);
        const b = host.batch;
        const i = b.length;
        b.tsNs[i] = host.time.relative(prefix.sec, prefix.ns);
        b.cpu[i] = prefix.cpu;
        b.pid[i] = prefix.pid;
        b.tgid[i] = -1;
        b.flags[i] = prefix.flagsStart < 0 ? 0 : packFlags(buf, prefix.flagsStart, prefix.flagsEnd);
        b.comm[i] = host.names.intern(buf, prefix.commStart, prefix.commEnd);
        b.aux[i] = 0;
        internBody(buf, prefix.body, end, host);
        host.commit();
        return LINE.event;
      },
    };
  },
};
