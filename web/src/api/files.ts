// Files to and from the server: as streams, since they may be larger than memory.
import { chosenAccount } from "./account";
import { ApiProblem, accountHeaders, refuse } from "./client";

/** Hands a file of the server to the browser to keep. */
export async function downloadFrom(path: string, name: string): Promise<void> {
  // A link streams it to disk. Only a request of our own can name another account.
  let href = path;
  if (chosenAccount() !== null) {
    const response = await fetch(path, { headers: accountHeaders() }).catch(() => {
      throw ApiProblem.unreachable();
    });
    await refuse(response);
    href = URL.createObjectURL(await response.blob());
  }
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
  if (href !== path) URL.revokeObjectURL(href);
}

interface Upload<Answer> {
  /** Rejects with an ApiProblem, or with `cancelled`. */
  answer: Promise<Answer>;
  cancel: () => void;
}

/** What an upload that was cancelled ends with. */
export const cancelled = Symbol("cancelled");

/**
 * Posts a file. By XMLHttpRequest, because it is the only way in all browsers to see how much has
 * gone out; the browser reads the file from disk as it goes.
 */
export function upload<Answer>(
  path: string,
  file: Blob,
  contentType: string,
  onProgress: (sent: number) => void,
): Upload<Answer> {
  const request = new XMLHttpRequest();
  const answer = new Promise<Answer>((resolve, reject) => {
    request.open("POST", path);
    request.setRequestHeader("content-type", contentType);
    for (const [name, value] of Object.entries(accountHeaders())) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onabort = () => reject(cancelled);
    request.onerror = () => reject(ApiProblem.unreachable());
    request.onload = () => {
      const { status, responseText } = request;
      const headers = new Headers();
      for (const name of ["x-request-id", "retry-after"]) {
        const value = request.getResponseHeader(name);
        if (value !== null) headers.set(name, value);
      }
      const response = new Response(responseText, { status, headers });
      refuse(response).then(() => resolve(JSON.parse(responseText) as Answer), reject);
    };
    request.send(file);
  });
  return { answer, cancel: () => request.abort() };
}
