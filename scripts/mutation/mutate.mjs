import ts from 'typescript';

/**
 * Every mutant of one source text: `{ start, end, text, operator, line }`, the text that replaces [start, end).
 * Operators: boundary and negation of comparisons, && and ||, a removed `!`, arithmetic, ++ and --, a removed
 * statement (call or assignment), boolean literal, small number, return value, the arms of ?:, if (true) / if (false).
 * Texts (messages, names) are left alone.
 */
export function mutants(source, name) {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.ES2023, true);
  const found = [];
  const add = (node, text, operator) => {
    const start = node.getStart(file);
    if (source.slice(start, node.end) === text) return;
    found.push({
      start,
      end: node.end,
      text,
      operator,
      line: file.getLineAndCharacterOfPosition(start).line + 1,
    });
  };
  const visit = (node) => {
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isImportDeclaration(node))
      return;
    if (ts.isTypeNode(node)) return;
    mutate(node, add, file);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const K = ts.SyntaxKind;
const COMPARISONS = new Map([
  [K.LessThanToken, ['<=', '>=']],
  [K.LessThanEqualsToken, ['<', '>']],
  [K.GreaterThanToken, ['>=', '<=']],
  [K.GreaterThanEqualsToken, ['>', '<']],
  [K.EqualsEqualsEqualsToken, ['!==']],
  [K.ExclamationEqualsEqualsToken, ['===']],
]);
const LOGIC = new Map([
  [K.AmpersandAmpersandToken, '||'],
  [K.BarBarToken, '&&'],
  [K.QuestionQuestionToken, '&&'],
]);
const ARITHMETIC = new Map([
  [K.PlusToken, '-'],
  [K.MinusToken, '+'],
  [K.AsteriskToken, '/'],
  [K.SlashToken, '*'],
  [K.AmpersandToken, '|'],
  [K.BarToken, '&'],
  [K.LessThanLessThanToken, '>>'],
  [K.PlusEqualsToken, '-='],
  [K.MinusEqualsToken, '+='],
  [K.BarEqualsToken, '&='],
  [K.AmpersandEqualsToken, '|='],
]);

function mutate(node, add, file) {
  if (ts.isBinaryExpression(node)) {
    const token = node.operatorToken;
    for (const other of COMPARISONS.get(token.kind) ?? []) {
      add(
        token,
        other,
        other.replace('=', '') === token.getText(file).replace('=', '') ? 'boundary' : 'negation',
      );
    }
    const logic = LOGIC.get(token.kind);
    if (logic) add(token, logic, 'and/or');
    const sum = ARITHMETIC.get(token.kind);
    const text = (side) => ts.isStringLiteralLike(side) || ts.isTemplateExpression(side);
    if (sum && !text(node.left) && !text(node.right)) add(token, sum, 'arithmetic');
  } else if (ts.isPrefixUnaryExpression(node)) {
    if (node.operator === K.ExclamationToken) add(node, node.operand.getText(file), 'removed !');
    if (node.operator === K.PlusPlusToken) add(node, `--${node.operand.getText(file)}`, '++/--');
    if (node.operator === K.MinusToken) add(node, node.operand.getText(file), 'arithmetic');
  } else if (ts.isPostfixUnaryExpression(node)) {
    const other = node.operator === K.PlusPlusToken ? '--' : '++';
    add(node, `${node.operand.getText(file)}${other}`, '++/--');
  } else if (ts.isExpressionStatement(node)) {
    const call = ts.isCallExpression(node.expression) && node.expression.expression.kind !== K.SuperKeyword;
    const assigned =
      ts.isBinaryExpression(node.expression) &&
      node.expression.operatorToken.kind >= K.FirstAssignment &&
      node.expression.operatorToken.kind <= K.LastAssignment;
    const inConstructor = ts.isBlock(node.parent) && ts.isConstructorDeclaration(node.parent.parent);
    if ((call || assigned) && !inConstructor) add(node, ';', 'removed statement');
  } else if (node.kind === K.TrueKeyword) add(node, 'false', 'boolean');
  else if (node.kind === K.FalseKeyword) add(node, 'true', 'boolean');
  else if (ts.isNumericLiteral(node) && /^\d+$/.test(node.text) && Number(node.text) < 1000) {
    add(node, String(Number(node.text) + 1), 'number');
  } else if (ts.isReturnStatement(node) && node.expression) {
    const { kind } = node.expression;
    if (kind !== K.TrueKeyword && kind !== K.FalseKeyword && kind !== K.NullKeyword) {
      add(node, 'return null;', 'return value');
    }
  } else if (ts.isConditionalExpression(node)) {
    const [yes, no] = [node.whenTrue, node.whenFalse].map((n) => n.getText(file));
    if (!isText(node.whenTrue) || !isText(node.whenFalse)) {
      add(node, `${node.condition.getText(file)} ? ${no} : ${yes}`, 'swapped ?:');
    }
  } else if (ts.isIfStatement(node)) {
    add(node.expression, 'true', 'if true');
    add(node.expression, 'false', 'if false');
  }
}

const isText = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
