/** Nanoseconds of the host's monotonic clock: one for all threads of the process. */
export const hostNanoseconds = (): bigint => process.hrtime.bigint();
