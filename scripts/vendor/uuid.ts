/** The one function of uuid that ari-client calls. */
export { randomUUID as v4 } from 'node:crypto';
