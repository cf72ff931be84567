/**
 * How the API's page looks: light or dark as the reader's system is, narrow screens first. Part of the page, so that its
 * hash can be in the page's policy. Control worker.
 */

/** CSS, put into the page as it is. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1b1b1f; --soft: #55555f; --line: #d5d5dd; --ground: #fff; --raised: #f4f4f7; --link: #0b57c2;
  --get: #0a6b3d; --post: #0b57c2; --patch: #8a4b00; --put: #8a4b00; --delete: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6ea; --soft: #a9a9b4; --line: #3a3a44; --ground: #141418; --raised: #1f1f26; --link: #8ab8ff;
    --get: #6fd6a0; --post: #8ab8ff; --patch: #f0b565; --put: #f0b565; --delete: #ff9d94; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.3rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 0; }
header p { margin: .3rem 0; } a { color: var(--link); } :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav { border-block: 1px solid var(--line); padding-block: .5rem; margin-block: 1rem; }
nav h2 { font-size: 1rem; margin: .5rem 0 0; } nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: block; padding: .2rem 0; text-decoration: none; font-family: ui-monospace, monospace; font-size: .9rem; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin-block: 1rem; scroll-margin-top: 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; }
pre { background: var(--raised); border-radius: .3rem; padding: .7rem; overflow-x: auto; white-space: pre-wrap; }
.who { color: var(--soft); } small { color: var(--soft); font-weight: normal; }
.get { color: var(--get); } .post { color: var(--post); } .patch { color: var(--patch); } .put { color: var(--put); } .delete { color: var(--delete); }
table { border-collapse: collapse; width: 100%; margin-block: .7rem; }
caption { text-align: start; font-weight: bold; } th, td { text-align: start; vertical-align: top; padding: .25rem .6rem .25rem 0; border-top: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: normal; } tbody th { font-weight: normal; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem .8rem; margin-block: .7rem; } dt { font-family: ui-monospace, monospace; } dd { margin: 0; min-width: 0; }
summary { cursor: pointer; padding-block: .3rem; }
@media (max-width: 36rem) { thead { display: none; } tr { display: block; border-top: 1px solid var(--line); padding-block: .3rem; }
  th, td { display: block; border: 0; padding: 0; } }
`;
