/** From now on, in this process, threads of built commands outlive the command; all other workers are as ever. */
export function keepThreads(): void;
