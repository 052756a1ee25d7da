/** Python version specifiers as far as `requires-python` needs them (PEP 440; packaging.python.org, version-specifiers). */

type Clause = { operator: string; version: readonly number[]; wildcard: boolean };

const CLAUSE = /^(===|~=|==|!=|<=|>=|<|>)\s*v?([0-9]+(?:\.[0-9]+)*)(\.\*)?(?:(?:a|b|rc|\.?dev|\.?post)[0-9]*)*$/;

/** undefined where the text is no list of specifiers. Pre-, post- and dev-parts are read over: we offer releases only. */
export function parseSpecifiers(text: string): readonly Clause[] | undefined {
  const clauses: Clause[] = [];
  for (const part of text.split(',').map((item) => item.trim())) {
    if (part === '') continue;
    const match = CLAUSE.exec(part);
    const [operator, numbers, star] = [match?.[1], match?.[2], match?.[3]];
    if (operator === undefined || numbers === undefined) return undefined;
    const version = numbers.split('.').map(Number);
    if (star !== undefined && operator !== '==' && operator !== '!=') return undefined;
    if (operator === '~=' && version.length < 2) return undefined;
    clauses.push({ operator, version, wildcard: star !== undefined });
  }
  return clauses;
}

/** `version` is `x.y` and stands for `x.y.0`, as in repo2docker (REES section 3.2). */
export function satisfies(version: string, clauses: readonly Clause[]): boolean {
  const have = version.split('.').map(Number);
  return clauses.every(({ operator, version: want, wildcard }) => {
    const order = compare(have, want);
    const samePrefix = (length: number) => compare(padded(have, length).slice(0, length), want.slice(0, length)) === 0;
    switch (operator) {
      case '==':
      case '===':
        return wildcard ? samePrefix(want.length) : order === 0;
      case '!=':
        return wildcard ? !samePrefix(want.length) : order !== 0;
      case '~=':
        return order >= 0 && samePrefix(want.length - 1);
      case '>=':
        return order >= 0;
      case '<=':
        return order <= 0;
      case '>':
        return order > 0;
      default:
        return order < 0;
    }
  });
}

/** By numbers, missing ones being 0. */
export function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function padded(numbers: readonly number[], length: number): number[] {
  return [...numbers, ...new Array<number>(Math.max(0, length - numbers.length)).fill(0)];
}
