// A receiver of webhooks on this machine that answers as a test wants it to.
import { once } from "node:events";
import { createServer } from "node:http";

/** `answer(n)`, for the n-th request from 1, gives `{status, headers, body}` or a promise of it. */
export async function startReceiver(answer = () => ({})) {
  let count = 0;
  const server = createServer(async (request, response) => {
    count += 1;
    const given = answer(count);
    for await (const _ of request);
    const { status = 200, headers = {}, body = "" } = await given;
    response.writeHead(status, headers).end(body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/webhook`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
