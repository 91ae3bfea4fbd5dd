# rtplat completion for bash
_rtplat() {
  local current=${COMP_WORDS[COMP_CWORD]} previous= path='rtplat' i
  ((COMP_CWORD > 0)) && previous=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # "--name=value" reaches us as three words, or as two while the value is empty.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]] && ((COMP_CWORD > 1)); then
    previous=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path ${COMP_WORDS[i]}" in
    'rtplat probe') path='rtplat probe' ;;
    'rtplat report') path='rtplat report' ;;
    'rtplat completion') path='rtplat completion' ;;
    'rtplat help') path='rtplat help' ;;
    esac
  done
  case "$path $previous" in
    'rtplat probe -p'|'rtplat probe --ptime') :; return ;;
    'rtplat probe --out') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    'rtplat probe --engine') mapfile -t COMPREPLY < <(compgen -W 'portable batch' -- "$current"); return ;;
  esac
  if [[ $current == -* ]]; then
    case "$path" in
    'rtplat') mapfile -t COMPREPLY < <(compgen -W '-V --version -h --help' -- "$current") ;;
    'rtplat probe') mapfile -t COMPREPLY < <(compgen -W '-p --ptime --out --engine --json -h --help' -- "$current") ;;
    'rtplat report') mapfile -t COMPREPLY < <(compgen -W '-h --help' -- "$current") ;;
    'rtplat completion') mapfile -t COMPREPLY < <(compgen -W '-h --help' -- "$current") ;;
    'rtplat help') mapfile -t COMPREPLY < <(compgen -W '' -- "$current") ;;
    esac
    return
  fi
  case "$path" in
    'rtplat') mapfile -t COMPREPLY < <(compgen -W 'probe report completion help' -- "$current") ;;
    'rtplat probe') : ;;
    'rtplat report') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'rtplat completion') mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "$current") ;;
    'rtplat help') mapfile -t COMPREPLY < <(compgen -W 'probe report completion' -- "$current") ;;
  esac
}
complete -F _rtplat rtplat
