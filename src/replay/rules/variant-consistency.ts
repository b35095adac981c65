import { OP } from '../../kernel/ops.js';
import { KNOWN } from '../tally.js';
import { rule } from './rule.js';

export const variantConsistency = rule({
  number: 56,
  name: 'variant-consistency',
  severity: 'S4',
  statement: 'all free-path shapes of one recording belong to one kernel variant',
  why: 'rules differ between variants; a mixed recording would be judged by the wrong ones',
  source: 'docs/variants.md; mm/mmu_gather.c, arch/x86/kernel/paravirt.c of each release',
  needs: [],
  idle: 'no event that tells variants apart',
  held: 'the rules of the kernel that the trace had shown',
  missing: 'the shape that this kernel has there',
  words:
    'Each kernel version frees tables in its own way. One recording shows one way; two ways mean two recordings, or a kernel that is not known.',
  bugs: [],
  instead: 'A rule on the recording.',
  monitor: ({ detectors, coverage }, verdicts) => ({
    recordingEnded() {
      const conflicts = detectors.map((d) => d.conflict()).filter((c) => c !== null);
      const telling = detectors.reduce((sum, d) => sum + d.discriminating, 0);
      for (const conflict of conflicts) verdicts.violated({ ...conflict, known: KNOWN.observed });
      if (conflicts.length > 0) return;
      if (telling > 0) verdicts.passes(KNOWN.observed, telling);
      else if (coverage.shown(OP.TR) + coverage.shown(OP.CR) > 0) {
        verdicts.unknown('no event of this trace tells kernel variants apart', -1);
      }
    },
  }),
});
