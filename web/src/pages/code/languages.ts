// The snippets, and what to type to run them. web/tests/snippets.test.mjs runs the files.
import curl from "./snippets/curl.sh?raw";
import go from "./snippets/go.go?raw";
import node from "./snippets/node.mjs?raw";
import nodeExpress from "./snippets/node-express.mjs?raw";
import php from "./snippets/php.php?raw";
import python from "./snippets/python.py?raw";
import pythonFastapi from "./snippets/python-fastapi.py?raw";
import pythonFlask from "./snippets/python-flask.py?raw";
import java from "./snippets/Receiver.java?raw";
import ruby from "./snippets/ruby.rb?raw";
import rust from "./snippets/rust.rs?raw";

export interface Variant {
  id: string;
  /** Told apart within its language: "Express". */
  title: string;
  /** If it is no receiver. */
  about?: string;
  /** What to call the file. */
  file: string;
  code: string;
  /** Once, before. */
  install?: string;
  /** With WEBHOOK_SECRET in front of it. */
  run: string;
}

export interface Language {
  title: string;
  variants: [Variant, ...Variant[]];
}

export const languages: Language[] = [
  {
    title: "Node.js",
    variants: [
      {
        id: "node-express",
        title: "Express",
        file: "receiver.mjs",
        code: nodeExpress,
        install: "npm install express standardwebhooks",
        run: "node receiver.mjs",
      },
      {
        id: "node",
        title: "No library",
        file: "receiver.mjs",
        code: node,
        run: "node receiver.mjs",
      },
    ],
  },
  {
    title: "Python",
    variants: [
      {
        id: "python-fastapi",
        title: "FastAPI",
        file: "receiver.py",
        code: pythonFastapi,
        install: "pip install fastapi uvicorn standardwebhooks",
        run: "python receiver.py",
      },
      {
        id: "python-flask",
        title: "Flask",
        file: "receiver.py",
        code: pythonFlask,
        install: "pip install flask standardwebhooks",
        run: "python receiver.py",
      },
      {
        id: "python",
        title: "No library",
        file: "receiver.py",
        code: python,
        run: "python3 receiver.py",
      },
    ],
  },
  {
    title: "Go",
    variants: [
      { id: "go", title: "net/http", file: "receiver.go", code: go, run: "go run receiver.go" },
    ],
  },
  {
    title: "Ruby",
    variants: [
      {
        id: "ruby",
        title: "Rack, Rails",
        file: "webhook_receiver.rb",
        code: ruby,
        run: "rails server",
      },
    ],
  },
  {
    title: "PHP",
    variants: [
      {
        id: "php",
        title: "Plain PHP",
        file: "webhook.php",
        code: php,
        run: "php -S 127.0.0.1:3000 webhook.php",
      },
    ],
  },
  {
    title: "Java",
    variants: [
      {
        id: "java",
        title: "HttpServer",
        file: "Receiver.java",
        code: java,
        run: "java Receiver.java",
      },
    ],
  },
  {
    title: "Rust",
    variants: [
      {
        id: "rust",
        title: "axum",
        file: "src/main.rs",
        code: rust,
        install:
          "cargo add axum base64 hmac sha2 && cargo add tokio --features net,macros,rt-multi-thread",
        run: "cargo run",
      },
    ],
  },
  {
    title: "curl",
    variants: [
      {
        id: "curl",
        title: "openssl",
        about: "Sends your receiver a request that is signed as ours are, and prints its answer.",
        file: "send.sh",
        code: curl,
        run: "bash send.sh http://127.0.0.1:3000/webhook",
      },
    ],
  },
];

export function languageOf(variantId: string | null): Language {
  const found = languages.find(({ variants }) => variants.some(({ id }) => id === variantId));
  return found ?? (languages[0] as Language);
}
