/**
 * A table that is asked with names out of a recording. It has no prototype: an event called `constructor` or a task
 * called `__proto__` finds nothing rather than what every object inherits.
 */
export function byName<T>(entries: { readonly [name: string]: T }): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null) as Record<string, T>, entries);
}
