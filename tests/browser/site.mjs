/** A web site on a loopback port of its own: another origin than the collector's. */

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";

export async function openSite() {
  /** @type {Map<string, {html: string, headers: Record<string, string>}>} */
  const pages = new Map();
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    const page = pages.get(pathname);
    if (page) response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...page.headers }).end(page.html);
    else if (pathname === "/index.js") response.writeHead(200, { "content-type": "text/javascript" }).end(await readFile(MODULE));
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** @param {string} path @param {string} html @param {Record<string, string>} headers */
    put: (path, html, headers = {}) => void pages.set(path, { html, headers }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/**
 * A page with the tracker's tag. `before` is a script that runs ahead of it.
 * @param {{host: string, writeKey: string}} tracker
 * @param {{attributes?: string, before?: string}} [options]
 */
export function tracked({ host, writeKey }, { attributes = 'data-auto-page="false"', before = "" } = {}) {
  return `<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,"><script>${before}</script>
<script async src="${host}/selvedge.js" data-write-key="${writeKey}" ${attributes}></script></head><body>A page</body></html>`;
}

/** A page that loads nothing. */
export const PLAIN = '<!doctype html><html lang="en"><head><title>Plain</title><link rel="icon" href="data:,"></head><body>Plain</body></html>';

/** What npm users import. */
export const MODULE = new URL("../../sdk-wasm/js/dist/index.js", import.meta.url);
