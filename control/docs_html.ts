/**
 * The API's page for people: one HTML file made from the OpenAPI document, that loads nothing and runs no script, so that
 * it also works where there is no internet. In: the document. Out: HTML. Control worker, once; allocates.
 */
import { html, raw } from "hono/html";
import { createHash } from "node:crypto";
import { exampleOf, type Field, fieldsOf } from "./docs_fields.ts";
import { STYLE } from "./docs_style.ts";
import { type Document, type Method, type Operation, operationsOf, type Schema, SECRET_NAMES } from "./openapi.ts";

type Html = ReturnType<typeof html>;
interface Entry {
  readonly path: string;
  readonly method: Method;
  readonly operation: Operation;
}

/** For the page: nothing is loaded, sent or run; the style is the one that we wrote. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The whole page. */
export async function pageOf(document: Document): Promise<string> {
  const { title, version, description = "" } = document.info;
  const groups = (document.tags ?? []).map(({ name }) => ({
    name,
    entries: operationsOf(document).filter(({ operation }) => operation.tags?.includes(name)),
  }));
  const page = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title}: the API</title>
        <style>${raw(STYLE)}</style>
      </head>
      <body>
        <header>
    <h1>${title}: the API</h1>
    <p>Version ${version}. For programs: <a href="openapi.json">openapi.json</a> (OpenAPI ${document.openapi}).</p>
    ${description.split("\n").map((line) =>
      html`
        <p>${coded(line)}</p>
      `
    )}
    <p>In the tables <code>list[]</code> is each of a list and <code>map.{}</code> each of a map.</p>
        </header>
        <nav aria-label="Contents">${groups.map(contents)}</nav>
        <main>
    ${groups.map(({ name, entries }) =>
      html`
        <section>
        <h2 id="${name}">${heading(name)}</h2>
        ${entries.map((entry) => article(entry, document))}
        </section>
      `
    )}
        </main>
      </body>
    </html>
  `;
  return String(await page);
}

const heading = (name: string): string => name[0].toUpperCase() + name.slice(1);

/** Text in which `backquotes` mark code. */
const coded = (line: string): (string | Html)[] =>
  line.split("`").map((part, i) => i % 2 === 1 ? html`<code>${part}</code>` : part);

const contents = ({ name, entries }: { name: string; entries: readonly Entry[] }): Html =>
  html`
    <h2><a href="#${name}">${heading(name)}</a></h2>
    <ul>
    ${entries.map(({ path, method, operation }) =>
      html`
        <li><a href="#${operation.operationId}"><b class="${method}">${method.toUpperCase()}</b> ${path}</a></li>
      `
    )}</ul>
  `;

function article({ path, method, operation }: Entry, document: Document): Html {
  const content = bodyOf(operation);
  const parameters = (operation.parameters ?? []).flatMap((parameter): Field[] =>
    "name" in parameter && parameter.schema !== undefined
      ? fieldsOf(parameter.schema, document).slice(0, 1).map((field) => ({
        ...field,
        path: parameter.name,
        required: parameter.required ?? false,
        description: parameter.description ?? field.description,
      }))
      : []
  );
  return html`
    <article id="${operation.operationId}">
    <h3><b class="${method}">${method.toUpperCase()}</b> <code>${path}</code></h3>
    <p>${operation.summary}.${operation.description
      ? html`
        ${operation.description}
      `
      : ""}</p>
    <p class="who">${who(operation)}</p>
    ${parameters.length > 0 ? table(method === "get" ? "In the path or the query" : "In the path", parameters) : ""}
    ${content === null ? "" : table("Body", fieldsOf(content, document))}
    ${answers(operation, document)}
    <details><summary>Example</summary>
    <pre><code>${curl(path, method, operation, document)}</code></pre></details>
    </article>
  `;
}

/** "With the join code, the seat's invite or the engineer key.", "No secret." */
function who({ security = [] }: Operation): string {
  if (security.length === 0) return "No secret.";
  const kinds = security.flatMap((one) => one.bearer ?? []).map((kind) => `the ${SECRET_NAMES[kind] ?? kind}`);
  if (kinds.length === 0) return "With a secret.";
  return `With ${[kinds.slice(0, -1).join(", "), kinds.at(-1)].filter(Boolean).join(" or ")}.`;
}

const table = (caption: string, fields: readonly Field[]): Html =>
  html`
    <table>
      <caption>${caption}</caption>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Holds</th>
          <th scope="col">Means</th>
        </tr>
      </thead>
      <tbody>
    ${fields.map(({ path, type, required, description }) =>
      html`
        <tr>
          <th scope="row"><code>${path || "(all)"}</code>${required ? "" : html`
            <small>optional</small>
          `}</th>
          <td>${type}</td>
          <td>${description}</td>
        </tr>
      `
    )}</tbody>
    </table>
  `;

interface WithContent {
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

function bodyOf({ requestBody }: Operation): Schema | null {
  return (requestBody as WithContent | undefined)?.content?.["application/json"]?.schema ?? null;
}

/** What it answers when all is well, with the fields; refusals in one line each. */
function answers({ responses = {} }: Operation, document: Document): Html {
  const all = Object.entries(responses as Record<string, WithContent>);
  const isProblem = ({ content }: WithContent) => content?.["application/problem+json"] !== undefined;
  const good = all.filter(([, response]) => !isProblem(response));
  const bad = all.filter(([, response]) => isProblem(response));
  return html`<dl>
${
    good.map(([status, { description, content }]) => {
      const [type, { schema }] = Object.entries(content ?? {})[0] ?? ["", {}];
      const fields = schema === undefined || !type.includes("json") ? [] : fieldsOf(schema, document);
      return html`
        <dt>${status}</dt>
        <dd>${description}${type === "" || type.includes("json") ? "" : ` (${type})`}${fields.length === 0
          ? ""
          : html`<details><summary>Fields</summary>${table("Answer", fields)}</details>`}</dd>
      `;
    })
  }</dl>
${
    bad.length === 0 ? "" : html`
      <details>
        <summary>Refusals: ${bad.map(([status]) => status).join(", ")}</summary>
        <dl>
      ${bad.map(([status, { description }]) =>
        html`
          <dt>${status}</dt>
          <dd>${description}</dd>
        `
      )}</dl>
      </details>
    `
  }`;
}

/** A command that can be typed, once the words in capitals are replaced. */
function curl(path: string, method: Method, operation: Operation, document: Document): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => name === "n" ? "1" : name.toUpperCase());
  const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}http://SERVER:5100${filled}`];
  const kind = operation.security?.[0]?.bearer?.[0];
  if (operation.security?.length) {
    const secret = kind === undefined
      ? "SECRET"
      : (SECRET_NAMES[kind] ?? kind).replace(/^\w+'s /, "").toUpperCase().replaceAll(" ", "_");
    lines.push(`-H 'Authorization: Bearer ${secret}'`);
  }
  const schema = bodyOf(operation);
  if (schema !== null) {
    // Within single quotes a shell takes everything as it is, but for the quote itself.
    const body = JSON.stringify(exampleOf(schema, document)).replaceAll("'", `'\\''`);
    lines.push("-H 'Content-Type: application/json'", `-d '${body}'`);
  }
  return lines.join(" \\\n  ");
}
