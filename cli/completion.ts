/**
 * The scripts by which shells ask `hpcbinder __complete -- WORDS` (cli/complete.ts). Its answers are words of letters, digits
 * and `_.@+:=-` alone, so nothing in them means anything to a shell; none of them is ever evaluated.
 */
const BASH = `# hpcbinder: completion for bash
_hpcbinder() {
  local line file files=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) files=-f ;;
      :dirs) files=-d ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(hpcbinder __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do
      COMPREPLY+=("$file")
    done < <(compgen "$files" -- "\${COMP_WORDS[COMP_CWORD]}")
  fi
}
complete -F _hpcbinder hpcbinder
`;

const ZSH = `#compdef hpcbinder
# hpcbinder: completion for zsh
_hpcbinder() {
  local line
  local -a answers values shown
  answers=("\${(@f)$(hpcbinder __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${(@)answers}"; do
    case $line in
      ('') ;;
      (:files) _files ;;
      (:dirs) _files -/ ;;
      (*)
        values+=("\${line%%$'\\t'*}")
        shown+=("\${line/$'\\t'/  -- }")
        ;;
    esac
  done
  compadd -l -d shown -a values
}
if [ "\${funcstack[1]}" = _hpcbinder ]; then
  _hpcbinder "$@"
else
  compdef _hpcbinder hpcbinder
fi
`;

const FISH = `# hpcbinder: completion for fish
function __hpcbinder_complete
    set -l words (commandline -opc) (commandline -ct)
    set -e words[1]
    for line in (hpcbinder __complete -- $words 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':dirs'
                __fish_complete_directories (commandline -ct)
            case '*'
                printf '%s\\n' $line
        end
    end
end
complete -c hpcbinder -f -a '(__hpcbinder_complete)'
`;

export function completionScript(shell: 'bash' | 'zsh' | 'fish'): string {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell];
}
