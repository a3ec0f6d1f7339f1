/**
 * Where servers and their dependencies are drawn, in layers from left to right: what is needed stands left of what needs
 * it. A server's layer is the longest way to it; an edge over several layers goes through a place of its own in each, so
 * that it crosses no server; the order within a layer is that of the mean of its neighbours (Sugiyama, Tagawa and Toda,
 * "Methods for Visual Understanding of Hierarchical System Structures", 1981).
 */

export interface Arrow {
  /** What is needed. */
  from: string;
  /** What needs it. */
  to: string;
}

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  /** The left upper corner of each, by its id. */
  places: ReadonlyMap<string, Point>;
  /** Ids, layer by layer, each from top to bottom. */
  layers: readonly (readonly string[])[];
  /** The points that each arrow goes through, in the order of the arrows. */
  ways: readonly (readonly Point[])[];
  width: number;
  height: number;
}

export const BOX = { width: 152, height: 44 };
const GAP = { across: 48, down: 16 };
const SWEEPS = 8;
const MARGIN = 8;

/** A server, or a place that an arrow goes through. */
interface Spot {
  id: string;
  layer: number;
  server: boolean;
  y: number;
  before: Spot[];
  after: Spot[];
}

export function laidOut(ids: readonly string[], arrows: readonly Arrow[]): Layout {
  const spots = new Map<string, Spot>(ids.map((id) => [id, { id, layer: 0, server: true, y: 0, before: [], after: [] }]));
  const known = arrows.filter(({ from, to }) => spots.has(from) && spots.has(to) && from !== to);
  rank(spots, known);
  const chains = known.map((arrow) => chained(spots, arrow));
  const layers: Spot[][] = [];
  for (const spot of new Set([...spots.values(), ...chains.flat()])) (layers[spot.layer] ??= []).push(spot);
  for (let sweep = 0; sweep < SWEEPS; sweep++) ordered(layers, sweep % 2 === 0);
  placed(layers);
  const x = (spot: Spot) => MARGIN + spot.layer * (BOX.width + GAP.across);
  const height = Math.max(0, ...layers.flat().map((one) => one.y + BOX.height)) + MARGIN;
  const ways = new Map(known.map((arrow, at) => [arrow, chains[at]!]));
  return {
    places: new Map([...spots.values()].map((one) => [one.id, { x: x(one), y: one.y }])),
    layers: layers.map((layer) => layer.filter((one) => one.server).map((one) => one.id)),
    ways: arrows.map((arrow) =>
      (ways.get(arrow) ?? []).flatMap((spot, at, chain) => {
        const y = spot.y + BOX.height / 2;
        if (at === 0) return [{ x: x(spot) + BOX.width, y }];
        return at === chain.length - 1 ? [{ x: x(spot), y }] : [{ x: x(spot), y }, { x: x(spot) + BOX.width, y }];
      }),
    ),
    width: layers.length === 0 ? 0 : 2 * MARGIN + layers.length * BOX.width + (layers.length - 1) * GAP.across,
    height,
  };
}

/** Layers by the longest way; of a circle, the arrow that closes it does not count. */
function rank(spots: Map<string, Spot>, arrows: readonly Arrow[]): void {
  const needs = new Map<string, string[]>();
  for (const { from, to } of arrows) put(needs, to, from);
  const done = new Set<string>();
  const begun = new Set<string>();
  const visit = (id: string): number => {
    const spot = spots.get(id)!;
    if (done.has(id)) return spot.layer;
    begun.add(id);
    const layers = (needs.get(id) ?? []).filter((one) => !begun.has(one) || done.has(one)).map((one) => visit(one) + 1);
    spot.layer = Math.max(0, ...layers);
    done.add(id);
    return spot.layer;
  };
  for (const id of spots.keys()) visit(id);
}

/** What an arrow goes through, its ends included. One that closes a circle goes straight back. */
function chained(spots: Map<string, Spot>, { from, to }: Arrow): Spot[] {
  const [begin, end] = [spots.get(from)!, spots.get(to)!];
  const chain = [begin];
  for (let layer = begin.layer + 1; layer < end.layer; layer++) {
    const spot: Spot = { id: `${from}>${to}:${layer}`, layer, server: false, y: 0, before: [], after: [] };
    chain.push(spot);
  }
  chain.push(end);
  if (begin.layer < end.layer) {
    for (const [at, spot] of chain.slice(1).entries()) {
      spot.before.push(chain[at]!);
      chain[at]!.after.push(spot);
    }
  }
  return chain;
}

/** Orders each layer by the mean place of its neighbours in the one before, or behind. */
function ordered(layers: Spot[][], forward: boolean): void {
  const place = new Map<Spot, number>();
  for (const layer of layers) layer.forEach((one, at) => place.set(one, at));
  const turns = forward ? layers.slice(1) : layers.slice(0, -1).reverse();
  for (const layer of turns) {
    const mean = (one: Spot) => {
      const near = forward ? one.before : one.after;
      return near.length === 0 ? place.get(one)! : near.reduce((sum, other) => sum + place.get(other)!, 0) / near.length;
    };
    const means = new Map(layer.map((one) => [one, mean(one)]));
    layer.sort((one, other) => means.get(one)! - means.get(other)! || place.get(one)! - place.get(other)!);
    layer.forEach((one, at) => place.set(one, at));
  }
}

/**
 * Heights, none on another, all within the picture: each near its neighbours in the layer before; then each further
 * down, where there is room, to the middle of those behind it.
 */
function placed(layers: Spot[][]): void {
  const step = BOX.height + GAP.down;
  const mean = (near: readonly Spot[]) => near.reduce((sum, one) => sum + one.y, 0) / near.length;
  for (const layer of layers) {
    let free = MARGIN;
    for (const one of layer) {
      one.y = one.before.length === 0 ? free : Math.max(free, mean(one.before));
      free = one.y + step;
    }
  }
  for (const layer of [...layers].reverse()) {
    let room = Infinity;
    for (const one of [...layer].reverse()) {
      if (one.after.length > 0) one.y = Math.max(one.y, Math.min(room, mean(one.after)));
      room = one.y - step;
    }
  }
}

function put(lists: Map<string, string[]>, key: string, value: string): void {
  const known = lists.get(key);
  if (known) known.push(value);
  else lists.set(key, [value]);
}

/** Those that a server is connected with, by what it needs and by what needs it, itself included. */
export function around(id: string, arrows: readonly Arrow[]): Set<string> {
  const found = new Set([id]);
  const follow = (from: (arrow: Arrow) => string, to: (arrow: Arrow) => string): void => {
    const next = new Map<string, string[]>();
    for (const arrow of arrows) put(next, from(arrow), to(arrow));
    const open = [id];
    const seen = new Set(open);
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      for (const other of next.get(one) ?? []) {
        if (seen.has(other)) continue;
        seen.add(other);
        found.add(other);
        open.push(other);
      }
    }
  };
  follow((arrow) => arrow.from, (arrow) => arrow.to);
  follow((arrow) => arrow.to, (arrow) => arrow.from);
  return found;
}
