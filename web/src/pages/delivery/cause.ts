// What an attempt's end means in plain language, and what to do about it. Decided from what the
// API says of it: the outcome, the status code, and the dispatcher's sentence about the error.
import type { Attempt } from "../../api/client";

export interface Cause {
  /** Two or three words, for tables and chips: "Certificate expired". */
  short: string;
  /** What happened, as a sentence. */
  what: string;
  /** What to do, or why nothing has to be done. */
  advice: string;
}

type Ended = Pick<Attempt, "outcome" | "status_code" | "error">;

export function causeOf(attempt: Ended): Cause {
  switch (attempt.outcome) {
    case "succeeded":
      return {
        short: String(attempt.status_code ?? "OK"),
        what: `Your server answered ${attempt.status_code ?? "with success"}.`,
        advice: "Nothing to do: the event has arrived.",
      };
    case "rejected":
    case "deferred":
      return causeOfStatus(attempt.status_code, attempt.outcome === "deferred");
    case "timed_out":
      return causeOfTimeout(attempt.error ?? "");
    case "blocked":
      return causeOfBlock(attempt.error ?? "");
    case "unreachable":
      return causeOfError(attempt.error ?? "");
  }
}

const statuses: Record<number, [what: string, advice: string]> = {
  400: [
    "Your server found the request malformed.",
    "See what it says in the response body. Often it expects other fields, or a body in another form.",
  ],
  401: [
    "Your server asks for credentials, or did not accept the ones it got.",
    "Check the signing secret that it verifies with: it may have been rotated. If it wants a token, set it under the webhook's headers.",
  ],
  403: [
    "Your server understood the request and refuses it.",
    "Check the signing secret, and whether a firewall, a bot filter or an allowlist stands in front of it.",
  ],
  404: [
    "There is nothing at this address.",
    "Check the path of the webhook's URL: a moved route or a missing prefix are the usual reasons.",
  ],
  405: [
    "This address does not accept POST.",
    "Check the URL: it may lead to a page instead of the handler, or a missing slash at its end may redirect.",
  ],
  406: [
    "Your server cannot answer in a form that it believes we want.",
    "We accept any answer. Make the handler answer 2xx whatever the accept header says.",
  ],
  408: [
    "Your server waited too long for the request.",
    "It is usually overloaded, or a proxy in front of it is. It is tried again by itself.",
  ],
  409: [
    "Your server says that this conflicts with what it has.",
    "If it has seen this event before, let it answer 2xx: an event may arrive more than once, with the same webhook-id header.",
  ],
  410: [
    "Your server says that this address is gone for good.",
    "Give the webhook its new URL, or pause or delete it.",
  ],
  411: [
    "Your server misses the length of the request.",
    "Requests carry one. A proxy in front of your server probably removes it.",
  ],
  413: [
    "The event is larger than your server accepts.",
    "Raise its limit for request bodies (client_max_body_size in nginx, for example).",
  ],
  415: [
    "Your server does not accept JSON here.",
    "Events are sent as application/json: make the handler read that.",
  ],
  421: [
    "The server at this address is not responsible for this name.",
    "Check its TLS and virtual host configuration.",
  ],
  422: [
    "Your server could read the request and found its content invalid.",
    "See what it says in the response body; compare with the event type's schema.",
  ],
  429: [
    "Your server asks for fewer requests.",
    "It is tried again when your server said, and this uses up none of the tries. A rate limit on the webhook avoids it altogether.",
  ],
  500: [
    "Your server failed while it handled the event.",
    "Look into its log at the time of this attempt. It is tried again by the schedule.",
  ],
  501: [
    "Your server does not know how to handle this request.",
    "Check that the URL leads to the webhook handler and that it accepts POST.",
  ],
  502: [
    "A proxy in front of your server got no valid answer from it.",
    "Check that the application behind the proxy runs and listens where the proxy expects it.",
  ],
  503: [
    "Your server is overloaded or under maintenance.",
    "It is tried again by itself. If it lasts, see whether the application behind it runs.",
  ],
  504: [
    "A proxy in front of your server waited too long for it.",
    "Let the handler answer 2xx at once and do the work afterwards.",
  ],
  508: [
    "Your server found itself in a loop.",
    "Check that the webhook's URL does not lead back to what raised the event.",
  ],
  511: [
    "A network in between wants a sign-in first.",
    "The request did not reach your server. Check the URL and the network it is in.",
  ],
  520: [
    "The CDN in front of your server got an answer that it could not use.",
    "Check your server's log: it probably closed the connection or sent broken headers.",
  ],
  521: [
    "Your server refused the connection of the CDN in front of it.",
    "Check that it runs, and that its firewall lets the CDN's addresses in.",
  ],
  522: [
    "The CDN in front of your server could not connect to it in time.",
    "Check that it runs, and that its firewall lets the CDN's addresses in.",
  ],
  524: [
    "The CDN in front of your server waited too long for its answer.",
    "Let the handler answer 2xx at once and do the work afterwards.",
  ],
  525: [
    "The TLS handshake between the CDN and your server failed.",
    "Check the certificate on your server, not the CDN's.",
  ],
};

function causeOfStatus(status: number | null, deferred: boolean): Cause {
  if (status === null) {
    return {
      short: "No status",
      what: "Your server gave an answer without a status.",
      advice: "See what is known about the attempt below.",
    };
  }
  const short = String(status);
  const known = statuses[status];
  if (deferred && status === 503) {
    return {
      short,
      what: "Your server is busy and said when to come back.",
      advice: "It is tried again then, and this uses up none of the tries.",
    };
  }
  if (known !== undefined) {
    const [what, advice] = known;
    return { short, what: `${status}: ${lowerFirst(what)}`, advice };
  }
  if (status >= 300 && status < 400) {
    return {
      short,
      what: `${status}: your server redirects to another address.`,
      advice:
        "Redirects are not followed, so that events go only where you said. Give the webhook the final URL (https, www and a slash at the end are the usual differences).",
    };
  }
  if (status >= 400 && status < 500) {
    return {
      short,
      what: `${status}: your server does not accept this request.`,
      advice: "See what it says in the response body.",
    };
  }
  if (status >= 500) {
    return {
      short,
      what: `${status}: something on your server's side failed.`,
      advice: "Look into its log at the time of this attempt. It is tried again by the schedule.",
    };
  }
  return {
    short,
    what: `${status} is not an answer that ends a request.`,
    advice: "Let the handler answer 2xx when it has taken the event.",
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function causeOfTimeout(error: string): Cause {
  const within = /within ([\d.]+ ?(?:ms|µs|s))/.exec(error)?.[1]?.replace(/(\d)([a-zµ])/, "$1 $2");
  const limit = within === undefined ? "in time" : `within ${within}`;
  if (error.startsWith("no connection") || error.includes("handshake did not finish")) {
    return {
      short: "Connect timeout",
      what: `No connection could be made ${limit}.`,
      advice:
        "A firewall that drops packets is the usual reason: let this server's address in. Otherwise check that the host and port of the URL are right and that the machine is up.",
    };
  }
  if (error.startsWith("the answer was not complete")) {
    return {
      short: "Slow response",
      what: `Your server began to answer, but did not finish ${limit}.`,
      advice: "Answer with a short body, or none: only the status counts.",
    };
  }
  return {
    short: "Timeout",
    what: `Your server took the request, but did not answer ${limit}.`,
    advice:
      "Answer 2xx at once and do the work afterwards. If it needs the time, raise the webhook's timeout. It may have handled the event all the same: expect it again.",
  };
}

function causeOfBlock(error: string): Cause {
  if (error.includes("plain http")) {
    return {
      short: "Plain http",
      what: "The URL is http, and only https is allowed to this host. Nothing was sent.",
      advice: "Use https. For a receiver of your own network, the operator can allow it by name.",
    };
  }
  if (error.includes("does not speak HTTP")) {
    return {
      short: "Forbidden port",
      what: "The port belongs to another protocol than HTTP. Nothing was sent.",
      advice: "Check the port in the webhook's URL.",
    };
  }
  return {
    short: "Blocked address",
    what: "The address is not a public one, so nothing was sent.",
    advice:
      "Private, local and cloud metadata addresses are closed to webhooks, so that nobody can reach internal systems through them. If the receiver is yours, the operator can add it to egress_allow.",
  };
}

/** In this order: the first whose words are in the error. */
const errors: [words: RegExp, cause: Cause][] = [
  [
    /certificate of .* has expired/,
    {
      short: "Certificate expired",
      what: "The certificate of your server has expired.",
      advice: "Renew it, and make the server load the new one. Then retry what failed.",
    },
  ],
  [
    /certificate of .* is not valid yet/,
    {
      short: "Certificate not valid yet",
      what: "The certificate of your server is not valid yet.",
      advice: "Check the date it starts at, and the clocks of your server and of this one.",
    },
  ],
  [
    /certificate of .* is for another name|has no certificate for this name/,
    {
      short: "Wrong certificate",
      what: "The certificate of your server is for another name.",
      advice:
        "Use one that names the host in the webhook's URL, or change the URL to a name that it has.",
    },
  ],
  [
    /self-signed|not trusted|intermediate certificate/,
    {
      short: "Certificate not trusted",
      what: "The certificate of your server is not signed by an authority that is trusted here.",
      advice:
        "Serve the full chain with the intermediate certificate, or get a certificate from a public authority. For an authority of your own, the operator can add its CA file.",
    },
  ],
  [
    /certificate of .* has been revoked/,
    {
      short: "Certificate revoked",
      what: "The certificate of your server has been revoked.",
      advice: "Get a new one and make the server load it.",
    },
  ],
  [
    /does not speak TLS/,
    {
      short: "No TLS",
      what: "What listens there does not speak TLS.",
      advice: "The port is probably one for plain http: give the URL the port of https.",
    },
  ],
  [
    /no version or cipher of TLS/,
    {
      short: "Old TLS",
      what: "Your server speaks only versions or ciphers of TLS that are no longer safe.",
      advice: "Enable TLS 1.2 or 1.3 on it.",
    },
  ],
  [
    /TLS|certificate|handshake/,
    {
      short: "TLS failed",
      what: "The TLS handshake with your server failed.",
      advice: "Check its certificate and TLS settings; the error above says what was wrong.",
    },
  ],
  [
    /does not exist or has no address/,
    {
      short: "Unknown host",
      what: "The host name does not exist, or has no address.",
      advice: "Check its spelling in the webhook's URL, and its DNS records (A or AAAA).",
    },
  ],
  [
    /no name server answered|lookup of/,
    {
      short: "DNS failed",
      what: "The host name could not be looked up.",
      advice:
        "Its name servers did not answer. Check them; if other webhooks fail as well, the DNS of this server needs a look.",
    },
  ],
  [
    /refused the connection/,
    {
      short: "Refused",
      what: "Nothing accepts connections at this address and port.",
      advice:
        "Check that your server runs and listens on this port, on an address that is reachable from outside.",
    },
  ],
  [
    /closed the connection|reset/,
    {
      short: "Connection closed",
      what: "Your server closed the connection before its answer was complete.",
      advice:
        "It may have crashed or restarted while it handled the event: look into its log. Expect the event again.",
    },
  ],
  [
    /is not HTTP/,
    {
      short: "Not HTTP",
      what: "What came back is not HTTP.",
      advice: "Check the port in the webhook's URL: another service seems to listen there.",
    },
  ],
];

function causeOfError(error: string): Cause {
  const known = errors.find(([words]) => words.test(error));
  return (
    known?.[1] ?? {
      short: "Unreachable",
      what: "No connection to your server could be made.",
      advice: "Check that it is up, and that the network and firewalls let this server through.",
    }
  );
}
