/** The version of package.json, written down once more so that `rtplat --version` reads no file; a test compares the two. */
export const VERSION = '0.1.0';
