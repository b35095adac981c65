/** 1: stands in the columns of flags and depths (kernel/trace/trace_output.c `trace_print_lat_fmt()`), those of PREEMPT_RT as well. */
export const FLAG_BYTE = new Uint8Array(256);
for (const c of '.dbDXnpNlLBsShHzZ0123456789abcdef') FLAG_BYTE[c.charCodeAt(0)] = 1;
