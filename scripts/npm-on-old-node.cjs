// Loaded into npm by scripts/setup.sh where the machine's Node is older than the one that will be installed. npm leaves out an
// optional package, without a word, when the Node that npm itself runs on is too old for it, and the native parts of the tools are
// such packages. They will run on the Node of this project: that is the version to compare with.
const { devDependencies } = require('../package.json');

Object.defineProperty(process, 'version', { value: `v${devDependencies.node}` });
