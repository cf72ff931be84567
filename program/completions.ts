/**
 * Completions for bash: commands, flags, and what follows a flag where that is known. In: the table of commands. Out: a
 * script that needs nothing but bash. Main isolate; allocates.
 */
import { FlagError } from "../control/flags.ts";
import { type After, type Command, COMMANDS } from "./commands.ts";

const HELP = `foldback completions bash: prints what makes bash complete foldback's commands and flags.

  source <(foldback completions bash)      for this shell
  foldback completions bash > /etc/bash_completion.d/foldback

  --help
`;

/** Never in what we complete: words for `compgen -W` and patterns of `case` need no quotes then. */
const PLAIN = /^[A-Za-z0-9.:_-]+$/;

function action(after: After): string {
  if (after === "file") return `-f`;
  if (after === "directory") return `-d`;
  if (after === "text") return `-W ""`;
  const words = after as readonly string[];
  if (!words.every((word) => PLAIN.test(word))) throw new RangeError(`cannot complete ${words.join(" ")}: not plain`);
  return `-W "${words.join(" ")}"`;
}

function caseOf(name: string, { flags, words = [] }: Command): string {
  const all = [...Object.keys(flags).map((flag) => `--${flag}`), ...words].join(" ");
  const values = Object.entries(flags).filter(([, after]) => after !== "nothing")
    .map(([flag, after]) => `        --${flag}) what=(${action(after)}) ;;`);
  return `    ${name})
      what=(-W "${all}")
      case "$flag" in
${values.join("\n")}
      esac
      ;;`.replace('\n      case "$flag" in\n\n      esac', "");
}

/** @returns a script for bash 4 or later. */
export function bashCompletions(): string {
  const names = Object.keys(COMMANDS);
  return `# Completions of foldback for bash: source <(foldback completions bash)
_foldback() {
  local word="\${COMP_WORDS[COMP_CWORD]}" flag="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" what=()
  # --flag=value comes as three words.
  [[ $word == = ]] && word=
  [[ $flag == = ]] && flag="\${COMP_WORDS[COMP_CWORD-2]}"
  if ((COMP_CWORD == 1)) && [[ $word != -* ]]; then
    COMPREPLY=($(compgen -W "${names.join(" ")}" -- "$word"))
    return
  fi
  # start is the default.
  [[ $command == -* ]] && command=start
  case "$command" in
${names.map((name) => caseOf(name, COMMANDS[name])).join("\n")}
  esac
  ((\${#what[@]})) && mapfile -t COMPREPLY < <(compgen "\${what[@]}" -- "$word")
}
complete -o filenames -F _foldback foldback
`;
}

/** Runs `foldback completions`. @returns the exit code. @throws FlagError for a shell that we don't know. */
export function completions(args: readonly string[]): number {
  if (args.length === 1 && args[0] === "--help") console.log(HELP);
  else if (args.length === 1 && args[0] === "bash") console.log(bashCompletions().trimEnd());
  else throw new FlagError(`completions are for bash: is ${JSON.stringify(args.join(" "))}`);
  return 0;
}
