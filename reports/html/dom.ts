/** What the report's script uses of a browser: this project is compiled without the types of one. */
export interface Element_ {
  id: string
  hidden: boolean
  textContent: string | null
  value: string
  open: boolean
  href: string
  download: string
  dataset: Record<string, string | undefined>
  parentElement: Element_ | null
  setAttribute(name: string, value: string): void
  getAttribute(name: string): string | null
  removeAttribute(name: string): void
  addEventListener(event: string, handler: (event: unknown) => void): void
  querySelector(selector: string): Element_ | null
  querySelectorAll(selector: string): Iterable<Element_>
  closest(selector: string): Element_ | null
  replaceChildren(...children: Element_[]): void
  append(...children: Element_[]): void
  click(): void
}

export interface Browser {
  document: {
    documentElement: Element_
    querySelector(selector: string): Element_ | null
    querySelectorAll(selector: string): Iterable<Element_>
    createElement(name: string): Element_
    getElementById(id: string): Element_ | null
  }
  matchMedia(query: string): { matches: boolean; addEventListener(event: string, handler: () => void): void }
  addEventListener(event: string, handler: () => void): void
  getSelection(): { selectAllChildren(element: Element_): void } | null
  navigator: { clipboard?: { writeText(text: string): Promise<void> } }
}
