// Expressions of GitHub Actions: literals, contexts, status functions, == != && || ! and parentheses.
// Grammar: "Evaluate expressions in workflows and actions", GitHub Docs. Everything else is refused by name.

const TOKEN =
  /\s*(?:('(?:[^']|'')*')|(\d+(?:\.\d+)?)|(true|false|null)\b|([a-zA-Z_][\w-]*(?:\.[a-zA-Z_][\w-]*)*)|(&&|\|\||==|!=|!|\(|\)))/y;

function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const from = TOKEN.lastIndex;
    const m = TOKEN.exec(text);
    if (!m) throw new Error(`expression "${text}": "${text.slice(from).trim()}" is not known to this runner`);
    if (m[1] !== undefined) found.push({ value: m[1].slice(1, -1).replaceAll("''", "'") });
    else if (m[2] !== undefined) found.push({ value: Number(m[2]) });
    else if (m[3] !== undefined) found.push({ value: JSON.parse(m[3]) });
    else if (m[4] !== undefined) found.push({ name: m[4] });
    else found.push({ op: m[5] });
  }
  return found;
}

const FUNCTIONS = {
  success: (context) => !context.failed,
  failure: (context) => context.failed,
  always: () => true,
  cancelled: () => false,
};
const CONTEXTS = ['matrix', 'env', 'steps', 'github', 'inputs'];

/** Value of an expression in `{matrix, env, steps, github, inputs, failed}`. Throws an Error naming what is not known. */
export function evaluate(text, context) {
  const list = tokens(text);
  let at = 0;
  const is = (op) => list[at]?.op === op;
  const take = (op) => is(op) && ++at > 0;

  const primary = () => {
    const token = list[at++];
    if (token === undefined) throw new Error(`expression "${text}" ends too early`);
    if (token.op === '!') return !primary();
    if (token.op === '(') {
      const value = either();
      if (!take(')')) throw new Error(`expression "${text}": ")" is missing`);
      return value;
    }
    if (token.name !== undefined) return named(token.name);
    if (token.op !== undefined)
      throw new Error(`expression "${text}": "${token.op}" stands in a wrong place`);
    return token.value;
  };
  const named = (name) => {
    if (take('(')) {
      if (!Object.hasOwn(FUNCTIONS, name) || !take(')')) {
        throw new Error(`expression "${text}": function "${name}" is not known to this runner`);
      }
      return FUNCTIONS[name](context);
    }
    const [first, ...rest] = name.split('.');
    if (!CONTEXTS.includes(first))
      throw new Error(`expression "${text}": "${name}" is not known to this runner`);
    // What is not set is empty, as on GitHub.
    return rest.reduce((value, key) => value?.[key], context[first]) ?? '';
  };
  const comparison = () => {
    const left = primary();
    if (take('==')) return same(left, primary());
    if (take('!=')) return !same(left, primary());
    return left;
  };
  const both = () => {
    let value = comparison();
    while (take('&&')) {
      const right = comparison();
      value = value && right;
    }
    return value;
  };
  const either = () => {
    let value = both();
    while (take('||')) {
      const right = both();
      value = value || right;
    }
    return value;
  };
  const value = either();
  if (at < list.length) throw new Error(`expression "${text}": too much at its end`);
  return value;
}

/** Strings are compared without regard to case, as on GitHub. */
const same = (a, b) =>
  typeof a === 'string' && typeof b === 'string' ? a.toLowerCase() === b.toLowerCase() : a === b;

/** `text` with every `${{ … }}` replaced by its value. */
export function fill(text, context) {
  return text.replace(/\$\{\{(.*?)\}\}/gs, (_, expression) => String(evaluate(expression, context)));
}
