import fc from 'fast-check';

// A gate has to give the same answer twice: with CI set, properties are tried with one seed. Everywhere else each run
// tries others; PTTRACE_SEED repeats one.
const given = process.env.PTTRACE_SEED ?? (process.env.CI ? '1' : undefined);
if (given !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(given) });
