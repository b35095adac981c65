/** Rules of the catalogue that no event read so far can decide: known by name, never reported as passed. */
export const UNDECIDABLE: Readonly<Record<number, { name: string; statement: string; source: string }>> = {
  54: {
    name: 'pid-reuse',
    statement:
      'a tid stands for one task between sched_process_exit events; a name of 15 characters may be cut',
    source: 'include/linux/sched.h TASK_COMM_LEN',
  },
};
