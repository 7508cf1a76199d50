// Copies what Folium maps and /docs load from node_modules to dist/vendor/, with every image and font that the style
// sheets name, and writes manifest.json: Folium's name of a link -> its file under dist/vendor/.
// Nothing is bundled or changed here but references to files that we do not ship.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const target = join(here, "dist", "vendor");

// Links of Folium's that have no npm twin (glyphicons_css, awesome_rotate_css) are missing on purpose.
const packages = {
  leaflet: {
    leaflet: "dist/leaflet.js",
    leaflet_css: "dist/leaflet.css",
  },
  jquery: { jquery: "dist/jquery.min.js" },
  bootstrap: {
    bootstrap: "dist/js/bootstrap.bundle.min.js",
    bootstrap_css: "dist/css/bootstrap.min.css",
  },
  "@fortawesome/fontawesome-free": { awesome_markers_font_css: "css/all.min.css" },
  "drmonty-leaflet-awesome-markers": {
    awesome_markers: "js/leaflet.awesome-markers.min.js",
    awesome_markers_css: "css/leaflet.awesome-markers.css",
  },
  "leaflet.fullscreen": {
    "Control.Fullscreen.js": "Control.FullScreen.js",
    "Control.FullScreen.css": "Control.FullScreen.css",
  },
  "leaflet-measure": {
    leaflet_measure_js: "dist/leaflet-measure.min.js",
    leaflet_measure_css: "dist/leaflet-measure.css",
  },
  "leaflet-search": {
    "Leaflet.Search.js": "dist/leaflet-search.min.js",
    "Leaflet.Search.css": "dist/leaflet-search.min.css",
  },
  "leaflet.markercluster": {
    markerclusterjs: "dist/leaflet.markercluster.js",
    markerclustercss: "dist/MarkerCluster.css",
    markerclusterdefaultcss: "dist/MarkerCluster.Default.css",
  },
  "leaflet.heat": { "leaflet-heat.js": "dist/leaflet-heat.js" },
  "leaflet-groupedlayercontrol": {
    "leaflet.groupedlayercontrol.min.js": "dist/leaflet.groupedlayercontrol.min.js",
    "leaflet.groupedlayercontrol.min.css": "dist/leaflet.groupedlayercontrol.min.css",
  },
  "leaflet.control.layers.tree": {
    "L.Control.Layers.Tree.min.js": "L.Control.Layers.Tree.js",
    "L.Control.Layers.Tree.min.css": "L.Control.Layers.Tree.css",
  },
  "leaflet.featuregroup.subgroup": { featuregroupsubgroupjs: "dist/leaflet.featuregroup.subgroup.js" },
  "swagger-ui-dist": {
    swagger_ui_js: "swagger-ui-bundle.js",
    swagger_ui_css: "swagger-ui.css",
  },
};

// Images that scripts name and no style sheet does.
const alsoNeeded = { leaflet: ["dist/images/marker-icon-2x.png", "dist/images/marker-shadow.png"] };

function copy(name, file) {
  const to = join(target, name, file);
  mkdirSync(dirname(to), { recursive: true });
  const from = join(modules, name, file);
  if (!/\.(js|css)$/.test(file)) return cpSync(from, to);
  // Every browser that runs these maps reads woff2, so that the twice as large ttf twins stay behind; so do source maps.
  const text = readFileSync(from, "utf8")
    .replaceAll(/,\s*url\([^)]+\.ttf\)\s*format\("truetype"\)/g, "")
    .replaceAll(/\/[/*]# sourceMappingURL=[^\n*]*(\*\/)?/g, "");
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
  for (const file of alsoNeeded[name] ?? []) copy(name, file);
  for (const file of readdirSync(join(modules, name))) if (/^licen[cs]e/i.test(file)) copy(name, file);
}
for (const file of Object.values(manifest)) if (!existsSync(join(target, file))) throw new Error(`${file} was not made`);
writeFileSync(join(target, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
