// ftrace lines, read without the code that is tried with them.

const EVENT =
  /^ *(?<comm>.+)-(?<pid>\d+) +\[(?<cpu>\d+)\] (?<flags>\S+) +(?<ts>\d+\.\d+): (?<event>[\w.]+): ?(?<body>.*)$/;
export const parse = (line) => {
  const m = EVENT.exec(line);
  return m ? { ...m.groups, line } : null;
};

export const field = (e, name) => new RegExp(`\\b${name}=(0x[0-9a-f]+|-?\\d+)`).exec(e.body)?.[1];
export const is = (e, ...names) =>
  Boolean(e) && names.includes(e.event.replace(/^[pk]_/, '').replace(/_0$/, ''));
export const splice = (lines, at, drop, ...put) => [...lines.slice(0, at), ...put, ...lines.slice(at + drop)];
