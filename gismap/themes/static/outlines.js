// Outlines of buildings where a page cannot hold them all: asked of the server cell by cell, once one has come close.
// Served pages only; a file keeps the numbers on the grids.
"use strict";

{
  const CELL = 0.01; // degrees, about 1 km
  const PAGE = 1000; // the most features of one answer
  const asked = new Map(); // the promise of every cell that was asked for
  const known = new Set();

  async function page(cell, cursor) {
    const [column, row] = cell;
    const box = [column, row, column + 1, row + 1].map((edge) => (edge * CELL).toFixed(6));
    const [root, ...others] = gismap.units.filter((unit) => unit.parent < 0);
    const values = { bbox: box, layers: "buildings", limit: PAGE, as_of: gismap.doc.district.as_of };
    if (!others.length) values.unit = root.id;
    if (cursor) values.cursor = cursor;
    const answer = await fetch(`/api/resources?${new URLSearchParams(values)}`);
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  }

  async function load(cell, group) {
    let cursor = null;
    do {
      const { features, next } = await page(cell, cursor);
      // A building on the border of two cells is in both answers.
      group.addData(features.filter(({ id }) => !known.has(id) && known.add(id)).map(gismap.buildingFeature));
      cursor = next;
    } while (cursor);
  }

  gismap.outlines = (map, group, notes) => {
    function look() {
      if (!map.hasLayer(group) || map.getZoom() < gismap.OUTLINES_FROM) return;
      const view = map.getBounds();
      const edge = (degrees) => Math.floor(degrees / CELL);
      for (let column = edge(view.getWest()); column <= edge(view.getEast()); column += 1) {
        for (let row = edge(view.getSouth()); row <= edge(view.getNorth()); row += 1) {
          const name = `${column},${row}`;
          if (!asked.has(name)) {
            // What could not be had is asked for again when the map moves.
            asked.set(name, load([column, row], group).then(notes.refresh, () => {
              asked.delete(name);
              gismap.tell(gismap.say("offline"));
            }));
          }
        }
      }
    }
    map.on("moveend", look);
    group.on("add", look);
    look();
  };
}
