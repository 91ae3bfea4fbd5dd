#compdef rtplat
# rtplat completion for zsh
_rtplat_probe() {
  _arguments -s -S \
    '(-p --ptime)'{-p,--ptime}'[time between packets, the codec'\''s \[20ms\]]:duration: ' \
    '--out[run file]:file:_files' \
    '--engine[UDP engine]:name:(portable batch)' \
    '--json[print JSON]' \
    '(-h --help)'{-h,--help}'[display help for command]' \
    '*:target: '
}
_rtplat_report() {
  _arguments -s -S \
    '(-h --help)'{-h,--help}'[display help for command]' \
    '*:source:_files'
}
_rtplat_completion() {
  _arguments -s -S \
    '(-h --help)'{-h,--help}'[display help for command]' \
    '*:shell:(bash zsh fish)'
}
_rtplat_help() {
  _arguments -s -S \
    '*:command:(probe report completion)'
}
_rtplat() {
  local state line
  typeset -A opt_args
  local -a commands=(
    'probe:send RTP: it'\''s [measured]'
    'report:show runs'
    'completion:print the script that completes commands, options, their values and file names in a shell'
    'help:display help for command'
  )
  _arguments -s -S -C \
    '(-V --version)'{-V,--version}'[output the version number]' \
    '(-h --help)'{-h,--help}'[display help for command]' \
    '1: :->command' \
    '*:: :->rest'
  case $state in
  command) _describe command commands ;;
  rest)
    case $line[1] in
    probe) _rtplat_probe ;;
    report) _rtplat_report ;;
    completion) _rtplat_completion ;;
    help) _rtplat_help ;;
    esac
    ;;
  esac
}
if [[ $funcstack[1] == _rtplat ]]; then
  _rtplat "$@"
else
  compdef _rtplat rtplat
fi
