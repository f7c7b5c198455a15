/** `fetch` for a task: aborts with it, and asks another address where `origins` names one for a URL's origin. */
export function fetchFor(origins: Readonly<Record<string, string>>, signal: AbortSignal): typeof globalThis.fetch {
  return (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const url = new URL(request?.url ?? String(input));
    const other = Object.hasOwn(origins, url.origin) ? origins[url.origin] : undefined;
    const target = other === undefined ? url : new URL(url.pathname + url.search, other);
    const both = init?.signal == null ? signal : AbortSignal.any([signal, init.signal]);
    return globalThis.fetch(request === undefined ? target : new Request(target, request), { ...init, signal: both });
  };
}
