/** Results cannot be kept: the disk is full, the folder is gone. The recording is not at fault. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/** Does what writes; what the file system says against it is thrown as a StoreError that names the file. */
export function keeping<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new StoreError(`${file} cannot be written (${code})`);
  }
}
