import { answerClaims, CLAIMS } from '../src/explore/seed-claims.js';
import { onInterrupt } from './base-command.js';
import { EXIT } from './exit-codes.js';
import { writeOut } from './output.js';
import { formatClaims } from './render/claims.js';

/** Decides all claims, one after the other; Ctrl-C says how many were. */
export async function tellClaims(json: boolean, plain: boolean): Promise<void> {
  const interruption = onInterrupt();
  const answered = [];
  for (const claim of CLAIMS) {
    if (interruption.signal.aborted) break;
    answered.push(...answerClaims([claim]));
    // Ctrl-C is heard only when the event loop turns.
    await new Promise((resolve) => setImmediate(resolve));
  }
  interruption.off();
  const partial = answered.length < CLAIMS.length;
  if (partial) {
    process.stderr.write(`pttrace: interrupted: partial, ${answered.length} of ${CLAIMS.length} claims\n`);
    process.exitCode = EXIT.interrupted;
  } else process.exitCode = answered.every((a) => a.holds) ? EXIT.clean : EXIT.finding;
  if (json) {
    const claims = answered.map(({ claim, answers, holds }) => ({
      id: claim.id,
      claim: claim.claim,
      answer: claim.answer,
      holds,
      answers: answers.map((a) => ({
        says: a.question.says,
        expected: a.question.expected,
        report: a.reported.report,
      })),
    }));
    await writeOut(`${JSON.stringify({ schema: 'pttrace-claims/1', partial, claims }, null, 2)}\n`);
  } else await writeOut(formatClaims(answered, plain));
}
