/**
 * Jain's fairness index (Jain, Chiu and Hawe, 1984): (Σx)² / (n Σx²). 1: all equal; 1/n: one has everything.
 *
 * @param shares what each flow got, not negative
 * @returns NaN when nobody got anything
 */
export function jainFairness(shares: readonly number[]): number {
  const sum = shares.reduce((acc, share) => acc + share, 0)
  const squares = shares.reduce((acc, share) => acc + share * share, 0)
  return (sum * sum) / (shares.length * squares)
}
