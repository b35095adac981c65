import type { Baseline } from '../gate/baseline.js';
import type { LoadedPolicy } from '../gate/policy-file.js';
import type { PipelineOptions } from '../read/pipeline.js';
import type { FilterSpec } from '../timeline/filter.js';

/** How recordings are read: what of it is plain data. */
export type Reading = Pick<
  PipelineOptions,
  'format' | 'probesText' | 'probesPath' | 'vmemmap' | 'directMap' | 'known'
>;

interface Asked {
  readonly reading: Reading;
  /** Answers carry their tables (`src/data`). */
  readonly tables?: boolean | undefined;
  /** Regular expression that finds the host's name in a path: its group `host`, else its first. */
  readonly hostOf?: string | undefined;
}

export interface ReplayQuestion extends Asked {
  readonly command: 'replay';
  readonly strict?: boolean | undefined;
  readonly require?: readonly string[] | undefined;
  readonly variants?: readonly string[] | undefined;
  readonly syscall?: string | undefined;
  readonly groupBy?: 'all' | 'comm' | undefined;
  readonly filter?: FilterSpec | undefined;
  readonly maxFindings?: number | undefined;
}

export interface ValidateQuestion extends Asked {
  readonly command: 'validate';
  readonly policy: LoadedPolicy;
  readonly baseline: Baseline | null;
}

export interface InfoQuestion extends Asked {
  readonly command: 'info';
}

/** What is asked of every recording: plain data, so that a thread, a file and a queue can carry it. */
export type Question = ReplayQuestion | ValidateQuestion | InfoQuestion;
