// One conversion in a process of its own, so that its memory is its own: convert-one.mjs IMAGE SIF.
import { docker2singularity } from '../../dist/converters/docker2singularity.js';
import { findEngine } from '../../dist/images/find.js';

const [image, path] = process.argv.slice(2);
await docker2singularity(await findEngine(), image, path, { toolsBase: image });
