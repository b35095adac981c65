import { ascii } from './bytes.js';
import { BASIS, type Basis } from './ops.js';
import type { ProbeDefinition } from './probes-file.js';
import { placeOf } from './probes-file.js';
import { ARGUMENT_SYNONYMS, REFERENCE_LAYOUTS, type Role, type SymbolSpec } from './symbols.js';

/** One argument of an event: its name on the line and the role it plays. */
export interface ArgumentPlan {
  readonly name: Uint8Array;
  readonly role: Role | null;
}

export const isNumber = ({ role }: ArgumentPlan): boolean => role!.as !== 'func' && role!.as !== 'tables';

/** Roles that hold a kernel pointer or 0, unlike addresses of user space, masks and values of entries. */
const POINTERS: ReadonlySet<string> = new Set(['page', 'head', 'va', 'slot', 'ptl']);
const OWNERS: ReadonlySet<string> = new Set(['tlb', 'mm', 'rhp', 'csd']);

export const isPointer = ({ role }: ArgumentPlan): boolean =>
  POINTERS.has(role!.as) || (role!.as === 'addr' && OWNERS.has(role!.role));

/** Some of the arguments of `whole`, and no others. */
export const isPart = (part: readonly ArgumentPlan[], whole: readonly ArgumentPlan[]): boolean =>
  part.length < whole.length && part.every(({ role }) => whole.some((arg) => arg.role === role));

export interface Layout {
  readonly args: readonly ArgumentPlan[];
  readonly basis: Basis;
}

/** Names of the arguments in a body, in order. Values may be `{…}` arrays or quoted strings. Cold path. */
export function argumentNames(body: string): string[] {
  const names: string[] = [];
  const pattern = /(?:^|[\s(,])([A-Za-z_][\w.]*)=(?:"(?:[^"\\]|\\.)*"|\{[^}]*\}?|[^\s,)]*)/g;
  for (let m = pattern.exec(body); m; m = pattern.exec(body)) names.push(m[1]!);
  return names;
}

/**
 * Which argument plays which role. Order of trust: the probe definition (register or field), the name, and only
 * where names tell nothing the position in a reference probe set (basis `assumed`).
 */
export function resolveLayout(
  symbol: string,
  spec: SymbolSpec,
  names: readonly string[],
  definition: ProbeDefinition | undefined,
): Layout {
  const roles: (Role | null)[] = names.map(() => null);
  const taken = new Set<Role>();
  const take = (index: number, role: Role | undefined): void => {
    if (role === undefined || roles[index] || taken.has(role)) return;
    roles[index] = role;
    taken.add(role);
  };
  const settled = names.map((name, i) => {
    const place = placeFor(name, i, names, definition);
    if (place === undefined) return false;
    take(
      i,
      spec.roles.find((r) => r.at === place),
    );
    return true;
  });
  names.forEach((name, i) => {
    take(
      i,
      spec.roles.find((r) => r.role === name.toLowerCase() && (!settled[i] || r.at === '*')),
    );
  });
  names.forEach((name, i) => {
    if (settled[i]) return;
    const lower = name.toLowerCase();
    take(
      i,
      spec.roles.find((r) => !taken.has(r) && (ARGUMENT_SYNONYMS[r.role] ?? []).includes(lower)),
    );
  });
  const basis = assignByPosition(symbol, spec, names, roles, settled, take) ? BASIS.assumed : BASIS.observed;
  return { args: names.map((name, i) => ({ name: ascii(name), role: roles[i]! })), basis };
}

/**
 * Place by the definition, or by a name that is itself a register; undefined = not known. A definition whose
 * argument names differ from the line's belongs to another recording and is not believed.
 */
function placeFor(
  name: string,
  index: number,
  names: readonly string[],
  definition: ProbeDefinition | undefined,
): string | undefined {
  if (definition && definition.args.length === names.length && definition.args[index]!.name === name) {
    const at = definition.args[index]!.at;
    if (at !== null) return at;
  }
  return placeOf(`%${name.toLowerCase()}`) ?? undefined;
}

function assignByPosition(
  symbol: string,
  spec: SymbolSpec,
  names: readonly string[],
  roles: readonly (Role | null)[],
  settled: readonly boolean[],
  take: (index: number, role: Role | undefined) => void,
): boolean {
  if (names.length === 0 || names.every((_, i) => settled[i] || roles[i])) return false;
  for (const text of REFERENCE_LAYOUTS[symbol] ?? []) {
    const layout = text.split(' ');
    if (layout.length !== names.length) continue;
    if (layout.some((want, i) => roles[i] && roles[i]!.role !== want)) continue;
    let assigned = false;
    layout.forEach((want, i) => {
      if (settled[i] || roles[i] || want === '.') return;
      const role = spec.roles.find((r) => r.role === want);
      take(i, role);
      if (roles[i]) assigned = true;
    });
    return assigned;
  }
  return false;
}
