/** What both socket buffers are asked to hold unless the caller says otherwise: 2 MB is 12 s of one call, or 0.1 s of a hundred. */
export const DEFAULT_BUFFER_BYTES: number = 2 * 1024 * 1024;
