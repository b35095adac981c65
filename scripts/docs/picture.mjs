// A finding of a recording as an SVG file: the picture of `replay --html` by itself.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export async function findingPicture(root, recording) {
  const load = (path) => import(pathToFileURL(join(root, 'dist', path)).href);
  const { analyse } = await load('src/analyse/analyse.js');
  const { surroundings } = await load('src/perfetto/near-findings.js');
  const { drawnFindings } = await load('cli/html/replay.js');
  const { picture } = await load('cli/html/space-time.js');
  const { COLOURS } = await load('cli/html/page.js');
  const options = { paths: [join(root, recording)] };
  let base = '0';
  const result = await analyse({
    ...options,
    watch: ({ time }) => [{ recordingEnded: () => void (base = time.absolute(0)) }],
  });
  const [{ finding }] = drawnFindings(result);
  const [near] = await surroundings(options, [finding], BigInt(base));
  const style = `<style>${COLOURS}text{fill:var(--fg);font:13px ui-monospace,monospace}.soft{fill:var(--soft)}</style>`;
  return `${picture(finding, near, 'ns')
    .text.replace('<svg class="wide"', '<svg xmlns="http://www.w3.org/2000/svg"')
    .replace(/(<svg [^>]*>)/, `$1${style}`)}\n`;
}
