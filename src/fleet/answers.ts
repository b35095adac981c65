import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../data/store-error.js';
import { answerKey, type Plan } from './plan.js';
import { type RecordingRow, rowWithout } from './recording-row.js';
import { type Place, readAnswer, replaceFile, type StoredAnswer } from './result-file.js';

/**
 * The folder that answers to a plan are kept in, shared by all who work on it: a file per recording, called by the hash
 * of what it answers. It is the only truth: who sent whom to do what, how often, and who died over it, leaves no trace.
 */
export class Answers {
  private readonly plan: Plan;
  private readonly folder: string;
  private readonly keys = new Map<number, string>();

  /** Makes the folder. Throws StoreError. */
  constructor(plan: Plan, folder: string) {
    this.plan = plan;
    this.folder = folder;
    try {
      mkdirSync(join(folder, 'answers'), { recursive: true });
      mkdirSync(join(folder, 'quarantine'), { recursive: true });
      if (plan.question.tables) mkdirSync(join(folder, 'tables'), { recursive: true });
    } catch (error) {
      throw new StoreError(`${folder} cannot be made (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  /** Where the answer to a recording belongs. */
  place(index: number): Place {
    const key = this.keys.get(index) ?? answerKey(this.plan, this.plan.recordings[index]!);
    this.keys.set(index, key);
    return { file: join(this.folder, 'answers', `${key}.json`), key, durable: true };
  }

  /** Names of the files that are there, whole or not: a look at the folder instead of one at each file. */
  present(): ReadonlySet<string> {
    try {
      return new Set(readdirSync(join(this.folder, 'answers')));
    } catch (error) {
      throw new StoreError(`${this.folder} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  /** Where the tables that go with it belong; null where none were asked for. */
  tables(index: number): string | null {
    return this.plan.question.tables ? join(this.folder, 'tables', this.place(index).key) : null;
  }

  /** Null: there is none that is whole. */
  read(index: number): StoredAnswer | null {
    const tables = this.tables(index);
    return tables === null || existsSync(tables) ? readAnswer(this.place(index)) : null;
  }

  /** Gives a recording up, with the reason. An answer that comes all the same counts, not this. */
  quarantine(index: number, message: string): void {
    const { path } = this.plan.recordings[index]!;
    const { key } = this.place(index);
    const row = rowWithout(path, 'failed', { code: 'quarantined', message }, this.plan.question.hostOf);
    replaceFile(this.quarantined(key), `${JSON.stringify({ key, row })}\n`, true);
  }

  /** The row of a recording that was given up; null where it was not. */
  givenUp(index: number): RecordingRow | null {
    const { key } = this.place(index);
    return readQuarantine(this.quarantined(key), key);
  }

  private quarantined(key: string): string {
    return join(this.folder, 'quarantine', `${key}.json`);
  }
}

function readQuarantine(file: string, key: string): RecordingRow | null {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as { key: string; row: RecordingRow };
    return found.key === key ? found.row : null;
  } catch {
    // Not there, or not whole.
    return null;
  }
}
