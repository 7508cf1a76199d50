// Copies what Folium maps and /docs load from node_modules to dist/vendor/, with every image and font that the style
// sheets name, and writes manifest.json: Folium's name of a link -> its file under dist/vendor/.
// Nothing is bundled, and nothing changed but references to source maps, which we do not ship.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const target = join(here, "dist", "vendor");

const packages = {
  leaflet: {
    leaflet: "dist/leaflet.js",
    leaflet_css: "dist/leaflet.css",
  },
  "leaflet.fullscreen": {
    "Control.Fullscreen.js": "Control.FullScreen.js",
    "Control.FullScreen.css": "Control.FullScreen.css",
  },
  "leaflet.markercluster": {
    markerclusterjs: "dist/leaflet.markercluster.js",
    markerclustercss: "dist/MarkerCluster.css",
    markerclusterdefaultcss: "dist/MarkerCluster.Default.css",
  },
  "leaflet.heat": { "leaflet-heat.js": "dist/leaflet-heat.js" },
  "swagger-ui-dist": {
    swagger_ui_js: "swagger-ui-bundle.js",
    swagger_ui_css: "swagger-ui.css",
  },
};

function copy(name, file) {
  const to = join(target, name, file);
  mkdirSync(dirname(to), { recursive: true });
  const from = join(modules, name, file);
  if (!/\.(js|css)$/.test(file)) return cpSync(from, to);
  // Source maps are not shipped, so that nothing may ask for them.
  const text = readFileSync(from, "utf8").replaceAll(/\/[/*]# sourceMappingURL=[^\n*]*(\*\/)?/g, "");
  writeFileSync(to, text);
  if (file.endsWith(".css")) copyReferences(name, file, text);
}

function copyReferences(name, file, text) {
  for (const [, reference] of text.matchAll(/url\(\s*["']?([^"')]+?)["']?\s*\)/g)) {
    if (/^(data:|#)/.test(reference)) continue;
    if (/^(\w+:)?\/\//.test(reference)) throw new Error(`${name}/${file} loads ${reference} from elsewhere`);
    copy(name, posix.join(posix.dirname(file), reference.replace(/[?#].*$/, "")));
  }
}

rmSync(target, { recursive: true, force: true });
const manifest = {};
for (const [name, links] of Object.entries(packages)) {
  for (const [link, file] of Object.entries(links)) {
    copy(name, file);
    manifest[link] = posix.join(name, file);
  }
  for (const file of readdirSync(join(modules, name))) if (/^licen[cs]e/i.test(file)) copy(name, file);
}
for (const file of Object.values(manifest)) {
  if (!existsSync(join(target, file))) throw new Error(`${file} was not made`);
}
writeFileSync(join(target, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
