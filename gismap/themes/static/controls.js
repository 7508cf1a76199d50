// What stands around the map: title bar, tools, sheets on a phone, print sheet; and what starts it all.
"use strict";

{
  const say = (key, values) => gismap.say(key, values);
  const make = (tag, className, parent, text) => {
    const element = L.DomUtil.create(tag, className, parent);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  gismap.make = make;

  // Colours of the specification become classes, so that no element needs a style of its own.
  function colours() {
    const { symbols, fill, levels } = gismap.doc;
    const signs = Object.entries({ ...symbols.groups, ...symbols.layers });
    const rules = signs.map(([name, { colour }]) => `.s-${name}{--c:${colour}}`);
    (fill?.entries ?? []).forEach((entry, kind) => {
      const tile = entry.pattern === "plain" ? "" : `url(${gismap.tile(entry).toDataURL()})`;
      rules.push(`.k-${kind}{background:${entry.colour} ${tile}}`);
    });
    for (const [level, style] of Object.entries(levels)) {
      const border = `${style.width_px}px ${style.dashed ? "dashed" : "solid"} ${style.colour}`;
      rules.push(`.line.level-${level}{border-top:${border}}`);
    }
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(rules.join(""));
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }

  function bar() {
    const { district, theme, themes, language } = gismap.doc;
    const root = document.getElementById("bar");
    const title = make("h1", "", root);
    make("span", "product", title, say("product"));
    make("span", "district", title, district.title);
    if (themes) {
      const nav = make("nav", "themes", root);
      for (const { name, title: text } of themes) {
        const link = make("a", name === theme.name ? "here" : "", nav, text);
        link.href = `/maps/${name}${location.search}`;
        if (name === theme.name) link.setAttribute("aria-current", "page");
      }
      const here = nav.querySelector(".here");
      nav.scrollLeft = here.offsetLeft - nav.offsetLeft - (nav.clientWidth - here.clientWidth) / 2;
    } else make("span", "theme-title", root, theme.name === "one" ? "" : theme.title);
    if (district.synthetic) make("strong", "stamp", root, say("synthetic"));
    if (themes) {
      const other = make("a", "tongue", root, say("other_language"));
      const query = new URLSearchParams(location.search); // the day and unit of this map stay
      query.set("lang", language === "zh" ? "en" : "zh");
      other.href = `?${query}`;
    }
    gismap.session?.(root); // a file has no server to ask
  }

  // Of which day everything is.
  gismap.state = () => {
    const { as_of: day, revision: number } = gismap.doc.district;
    return `${say("as_of", { day })} · ${say("revision", { number })}`;
  };

  // ---- tools at the right edge
  function tools(map) {
    const { doc } = gismap;
    const Tools = L.Control.extend({
      onAdd() {
        const box = make("div", "tools leaflet-bar");
        L.DomEvent.disableClickPropagation(box);
        const button = (sign, title, act) => {
          const element = make("button", sign, box);
          element.type = "button";
          element.title = title;
          element.setAttribute("aria-label", title);
          element.addEventListener("click", act);
        };
        button("plus", say("zoom_in"), () => map.zoomIn(1));
        button("minus", say("zoom_out"), () => map.zoomOut(1));
        button("whole", say("whole"), () => gismap.home());
        button("measure", say("measure"), () => gismap.measure());
        button("print", say("print"), () => gismap.print(true));
        return box;
      },
    });
    map.addControl(new Tools({ position: "topright" }));
    // The whole page fills the screen, not the map alone: title, legend and what they say about the data stay.
    const full = map.fullscreenControl;
    full.options.fullscreenElement = document.documentElement;
    document.addEventListener("fullscreenchange", () => {
      full.link.title = say(document.fullscreenElement ? "fullscreen_end" : "fullscreen");
      full.link.setAttribute("aria-label", full.link.title);
    });
    L.control.scale({ imperial: false, position: "bottomleft", maxWidth: 160 }).addTo(map);
    const north = make("div", "north", map.getContainer());
    make("i", "", north, "▲");
    make("span", "", north, say("north"));
    const pointer = make("output", "under-pointer", map.getContainer());
    gismap.tell = (text) => { pointer.textContent = text; };
    const [west, south, east, north_] = doc.bounds;
    gismap.home = () => map.fitBounds([[south, west], [north_, east]], { padding: [24, 24] });
    gismap.sheet("legend");
  }

  // ---- on a phone the legend and the desk are sheets over the map, one at a time
  const SHEETS = ["legend", "desk"];
  const openedSheet = () => SHEETS.find((name) => document.body.classList.contains(`${name}-open`)) ?? null;

  // Opens a sheet in place of the one that is open (null: none), whose name it returns.
  gismap.openSheet = (wanted) => {
    const before = openedSheet();
    for (const name of SHEETS) document.body.classList.toggle(`${name}-open`, name === wanted);
    return before;
  };

  gismap.sheet = (name) => {
    const button = make("button", "sheet-button", document.body, say(name));
    button.type = "button";
    button.addEventListener("click", () => gismap.openSheet(openedSheet() === name ? null : name));
  };

  // Shows what is meant in the part of the map that no sheet covers.
  gismap.fit = (bounds, padding) => {
    const open = openedSheet();
    const sheet = open && document.getElementById(open).getBoundingClientRect();
    const isOver = sheet && sheet.width >= gismap.map.getSize().x;
    const around = isOver ? 12 : padding;
    gismap.map.fitBounds(bounds, {
      maxZoom: 17, paddingTopLeft: [around, around], paddingBottomRight: [around, around + (isOver ? sheet.height : 0)],
    });
  };

  // ---- print: a sheet of A4 across, with what a map on paper needs
  gismap.print = (on) => {
    const { district } = gismap.doc;
    const [west, south, east, north] = gismap.doc.bounds;
    const whole = L.latLngBounds([south, west], [north, east]);
    const seen = gismap.map.getBounds().contains(whole) ? whole : gismap.map.getBounds();
    gismap.map.closePopup();
    gismap.openSheet(null);
    document.body.classList.toggle("printing", on);
    document.getElementById("sheet")?.remove();
    if (on) {
      const sheet = make("div", "sheet-bar", document.body);
      sheet.id = "sheet";
      const go = make("button", "primary", sheet, say("print_now"));
      const back = make("button", "", sheet, say("print_back"));
      go.addEventListener("click", () => window.print());
      back.addEventListener("click", () => gismap.print(false));
      const notice = document.getElementById("imprint").textContent;
      const foot = [gismap.state(), district.synthetic ? say("synthetic") : "", notice].filter(Boolean).join(" · ");
      make("p", "sheet-foot", sheet, foot);
    }
    gismap.map.invalidateSize({ animate: false });
    gismap.map.fitBounds(seen, { animate: false, padding: seen === whole ? [24, 24] : [0, 0] });
  };

  gismap.start = (map, layers) => {
    gismap.map = map;
    L.geoJSON(gismap.units.filter((unit) => unit.parent < 0).map((unit) => unit.shape), {
      pane: "land", renderer: L.svg({ pane: "land", padding: 0.5 }), interactive: false,
      style: { className: "land", stroke: false },
    }).addTo(map);
    colours();
    bar();
    gismap.restack = () => {
      const order = Object.keys(layers).filter((name) => name.startsWith("level-")).sort().reverse();
      for (const name of [...order, "buildings", "staff"]) {
        if (layers[name] && map.hasLayer(layers[name])) layers[name].eachLayer((one) => one.bringToFront());
      }
    };
    const fitDetail = () => {
      for (const layer of Object.values(layers)) layer.fade?.();
      layers.staff?.thin();
    };
    map.on("zoomend", fitDetail);
    fitDetail();
    const isOn = (name) => layers[name] && map.hasLayer(layers[name]);
    const manned = Object.keys(gismap.doc.teams).map((index) => gismap.units[index]);
    gismap.isStreets = () => isOn("streets");
    gismap.buildingsShown = () => (isOn("buildings") ? layers.buildings.getLayers() : []);
    gismap.dotted = () => (isOn("staff") ? manned.filter((unit) => layers.staff.isShown(unit.level)) : []);
    const notes = gismap.annotations(map);
    tools(map);
    gismap.legend(map, layers, notes);
    // Where outlines come by themselves, numbers would only crowd the first look; whoever switches them on gets them.
    notes.count("buildings", isOn("buildings") && !gismap.doc.buildings.length && !gismap.outlines);
    gismap.restack();
    notes.refresh();
    if (document.getElementById("desk")) gismap.desk(map);
    document.body.classList.toggle("filled", gismap.doc.fill !== null);
    document.body.classList.add("ready");
  };
}
