/** How telling people went in this process, by place: for health. */
export class PlaceOutcomes {
  readonly #places: Map<string, { failuresInARow: number; lastError?: string }>;

  constructor(places: readonly string[]) {
    this.#places = new Map(places.map((place) => [place, { failuresInARow: 0 }]));
  }

  told(place: string): void {
    this.#places.set(place, { failuresInARow: 0 });
  }

  failed(place: string, error: string): void {
    const failuresInARow = (this.#places.get(place)?.failuresInARow ?? 0) + 1;
    this.#places.set(place, { failuresInARow, lastError: error });
  }

  latest() {
    return [...this.#places].map(([place, outcome]) => ({ place, ...outcome }));
  }
}
